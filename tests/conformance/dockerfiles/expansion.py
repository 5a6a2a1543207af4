"""Variables: every form of expansion, quoting, and which instructions expand."""
# pylint: disable=undefined-variable

ENVS = "ENV set=value empty='' path=/a/b/c.tar.gz star=x*y"


def label(name, word, **rest):
    """The expansion of `word` as a label."""
    case(name, f"FROM base\n{ENVS}\nLABEL out={word}\n", **rest)


label("plain", "$set")
label("braces", "${set}")
label("unset", "a${unset}b")
label("in-the-middle", "x${set}y$set-z")
label("name-ends-at-odd-byte", "$set.$set/$set")
label("digit-names", "$1${2}")
label("default-unset", "${unset:-word}")
label("default-empty", "${empty:-word}")
label("default-set", "${set:-word}")
label("default-no-colon-empty", "x${empty-word}x", references=("buildkit",))
label("default-no-colon-unset", "${unset-word}", references=("buildkit",))
label("alternative-set", "${set:+word}")
label("alternative-empty", "x${empty:+word}x")
label("alternative-unset", "x${unset:+word}x")
label("alternative-no-colon-empty", "${empty+word}", references=("buildkit",))
label("error-set", "${set:?message}")
label("error-unset", "${unset:?the message}", fails="the message")
label("error-no-colon", "${unset?gone}", fails="gone")
label("nested", "${unset:-${empty:-$set}}")
label("nested-text", "${unset:-a${set}b}")
label("quoted-default", '"${unset:-a b}"')
label("escaped-dollar", "\\$set")
label("escaped-brace", "\\${set}")
label("single-quotes", "'$set'")
label("double-quotes", '"$set and ${set}"')
label("double-quotes-escape", '"\\$set \\"q\\""')
label("mixed-quotes", "a'$set'b\"$set\"")
label("escaped-blank", "a\\ b")
label("trailing-dollar", "a$", references=("buildkit",))
label("strip-shortest-front", "${path#*/}", references=("buildkit",))
label("strip-longest-front", "${path##*/}", references=("buildkit",))
label("strip-shortest-back", "${path%.*}", references=("buildkit",))
label("strip-longest-back", "${path%%.*}", references=("buildkit",))
label("strip-no-match", "${path#zzz}", references=("buildkit",))
label("strip-question-mark", "${path#?a}", references=("buildkit",))
label("strip-escaped-star", "${star#x\\*}", references=("buildkit",))
label("replace-first", "${path/a/A}", references=("buildkit",))
label("replace-all", "${path//\\//_}", references=("buildkit",))
label("replace-with-nothing", "${path/.tar/}", references=("buildkit",))
label("replace-pattern", "${path/b*t/X}", references=("buildkit",))
label("replace-variable", "${path/c/$set}", references=("buildkit",))
label("bad-modifier", "${set:x}", fails="")
label("open-brace", "${set", fails="")

case("one-instruction-sees-before", """
FROM base
ENV a=1
ENV a=2 b=$a
ENV c=$a
""")
case("env-old-form", "FROM base\nENV name some value  with blanks\nENV other=$name\n")
case("env-several", 'FROM base\nENV a=1 b="two words" c=three\\ words d=\'$a\' \\\n  e=5\n')
case("env-in-every-instruction", """
FROM base
ENV dir=/d user=app port=8080 signal=SIGUSR1 vol=/v
WORKDIR $dir
USER $user
EXPOSE $port
STOPSIGNAL $signal
VOLUME $vol
LABEL $user=$port
ADD --chown=$user f $dir/added
COPY f ${dir}/copied
""", context={"f": "x"})
case("not-in-run-cmd-entrypoint", """
FROM base
ENV v=built
RUN v=shell && echo $v >/out
CMD echo $v
ENTRYPOINT ["echo", "$v"]
""")
case("onbuild-keeps-text", "FROM base\nENV v=1\nONBUILD ENV w=$v\n")
case("expose-splits", 'FROM base\nENV ports="80 90/udp"\nEXPOSE $ports 100\n', references=("buildkit",))
case("volume-json-expands", 'FROM base\nENV v=/data\nVOLUME ["$v", "/x${v}"]\n')
case("copy-expands-source", "FROM base\nARG name=f\nCOPY ${name}.txt /out/$name\n", context={"f.txt": "x"})
case("copy-chmod-variable", "FROM base\nARG mode=640\nCOPY --chmod=$mode f /f\n", context={"f": "x"},
     references=("buildkit",))
case("healthcheck-keeps-text", "FROM base\nENV v=1\nHEALTHCHECK CMD test $v\n")
case("shell-keeps-text", 'FROM base\nENV v=1\nSHELL ["/bin/sh", "-c", "$v"]\n')
case("escape-backtick", "# escape=`\nFROM base\nENV a=1\nLABEL x=`$a y=\\$a z=\"`\"\"\n", references=("buildkit",))
