"""Comments, continuations, directives, heredocs, line ends, forms of words."""
# pylint: disable=undefined-variable
# case(NAME, DOCKERFILE, …) is given by the loader: tests/conformance/case.py

case("comments", """
# a comment at the top
FROM base
# between
   # indented
RUN echo a >/a # not a comment of ours
""")
case("comment-in-continuation", """
FROM base
RUN echo a \\
# dropped before the shell sees it
  # this one, too
  b >/ab
""")
case("empty-line-in-continuation", """
FROM base
RUN echo a \\

  b \\


  c >/abc
""")
case("continuation-blanks-after-escape", "FROM base\nRUN echo a \\  \n  b >/ab\n")
case("continuation-in-word", "FROM base\nRUN echo hel\\\nlo >/word\n")
case("continuation-at-end", "FROM base\nRUN echo end >/end \\\n")
case("continuation-keeps-leading-blanks", "FROM base\nRUN printf '%s' 'a\\\n    b' >/blanks\n")
case("crlf", b"FROM base\r\nRUN echo a >/a\r\nENV X=1\r\nCOPY f /f\r\n", context={"f": "x"})
case("crlf-continuation", b"FROM base\r\nRUN echo a \\\r\n  b >/ab\r\n")
case("bom", b"\xef\xbb\xbfFROM base\nENV A=1\n")
case("no-final-newline", "FROM base\nENV A=1\nRUN echo x >/x")
case("leading-blanks", "   FROM base\n\tENV A=1\n   RUN echo x >/x\n")
case("lower-case-keywords", "from base\nenv A=1\nrun echo x >/x\ncmd [\"a\"]\n")
case("mixed-case-keywords", "From base As Build\nEnv A=1\nFROM build\nLabel b=2\n")
case("tabs-between-words", "FROM\tbase\nENV\tA=1\nCOPY\tf\t/f\n", context={"f": "x"})
case("escape-directive", """
# escape=`
FROM base
ENV A=c:\\dir B=`$x
RUN echo one `
  two >/both
""")
case("escape-directive-case", "# EsCaPe = `\nFROM base\nRUN echo a `\n b >/ab\n")
case("escape-directive-late", """
# a comment ends the zone of directives
# escape=`
FROM base
RUN echo a \\
  b >/ab
""")
case("escape-directive-bad", "# escape=x\nFROM base\n", fails="escape")
case("escape-directive-twice", "# escape=`\n# escape=`\nFROM base\n", fails="escape")
case("syntax-directive", "# syntax=docker/dockerfile:1.4\nFROM base\nENV A=1\n", references=("buildah",))
case("check-directive", "# check=skip=all\nFROM base as Odd\nENV A=1\n")
case("unknown-directive", "# unknown=x\n# escape=`\nFROM base\nRUN echo a \\\n  b >/ab\n")
case("json-exec", 'FROM base\nCMD [ "a" , "b c", "\\u0041" ]\n')
case("json-exec-broken-falls-back", "FROM base\nCMD ['a', 'b']\nENTRYPOINT [\"x\", \n")
case("json-exec-numbers", "FROM base\nCMD [1, 2]\n", fails="strings")
case("json-exec-empty", 'FROM base\nENTRYPOINT []\nCMD []\n')
case("json-exec-continued", 'FROM base\nCMD [ \\\n "a", \\\n # odd\n "b" ]\n')
case("json-run", 'FROM base\nRUN ["/bin/sh", "-c", "echo $0 $HOME > /out", "zero"]\n')
case("json-copy", 'FROM base\nCOPY ["a file", "b", "/to dir/"]\n', context={"a file": "1", "b": "2"})
case("heredoc-run", """
FROM base
RUN <<EOF
echo one >/one
echo two >/two
EOF
""")
case("heredoc-run-quoted", """
FROM base
ENV V=value
RUN <<"EOF"
echo "$V" '$V' >/v
EOF
""")
case("heredoc-run-dash", "FROM base\nRUN <<-EOF\n\techo tab >/tab\n\tEOF\n")
case("heredoc-run-pipe", """
FROM base
RUN cat <<EOF >/out
a $HOME
b
EOF
""")
case("heredoc-run-shebang", """
FROM base
RUN <<EOF
#!/bin/sh -eu
echo "$0" | sed 's/.*/ran/' >/ran
EOF
""")
case("heredoc-run-two", """
FROM base
RUN cat <<A >/a && cat <<B >/b
first
A
second
B
""")
case("heredoc-run-command-after", """
FROM base
RUN <<EOF cat >/stdin
text for stdin
EOF
""")
case("heredoc-run-failing-line", """
FROM base
RUN <<EOF
false
echo last >/last
EOF
""")
case("heredoc-copy", """
FROM base
ARG who=world
ENV punct=!
COPY <<EOF /hello
Hello ${who}$punct \\$who
EOF
""")
case("heredoc-copy-quoted", """
FROM base
ARG who=world
COPY <<'EOF' /hello
Hello ${who} \\$who "quoted"
EOF
""")
case("heredoc-copy-several", """
FROM base
COPY <<one.txt <<two.txt file /dir/
1
one.txt
2
two.txt
""", context={"file": "3"})
case("heredoc-copy-dash", "FROM base\nCOPY <<-EOF /tabs\n\t\tone\n\t two\n\tEOF\n")
case("heredoc-copy-empty", "FROM base\nCOPY <<EOF /empty\nEOF\n")
case("heredoc-copy-flags", """
FROM base
COPY --chmod=750 --chown=app:staff <<run.sh /usr/bin/
#!/bin/sh
run.sh
""")
case("heredoc-add", "FROM base\nADD <<EOF /added\ntext $HOME\nEOF\n")
case("heredoc-quotes-kept", """
FROM base
ARG x=1
COPY <<EOF /q
"$x" '$x' ${x}
EOF
""")
case("heredoc-comment-lines-kept", "FROM base\nCOPY <<EOF /c\n# kept\n\n  # kept, too\nEOF\n")
case("heredoc-unterminated", "FROM base\nRUN <<EOF\necho\n", fails="heredoc")
case("heredoc-word-in-shell-only", "FROM base\nRUN echo $((1<<2)) '<<' >/shift\n")
case("unknown-instruction", "FROM base\nRUNN echo\n", fails="RUN")
case("no-from", "RUN echo\n", fails="FROM")
case("empty-file", "", fails="")
case("only-comments", "# nothing\n", fails="")
case("arg-only", "ARG X=1\n", fails="")
case("from-without-image", "FROM\n", fails="FROM")
case("from-too-many-words", "FROM base as\n", fails="FROM")
case("run-without-command", "FROM base\nRUN\n", fails="RUN")
case("copy-one-word", "FROM base\nCOPY a\n", fails="COPY", context={"a": ""})
case("unknown-flag", "FROM base\nCOPY --chwon=1 a /a\n", fails="chown", context={"a": ""})
case("flag-without-value", "FROM base\nCOPY --chown a /a\n", fails="chown", context={"a": ""})
case("flag-of-other-instruction", "FROM base\nENV --chown=1 A=1\n", fails="chown")
case("flag-twice", "FROM base\nCOPY --chown=1 --chown=2 a /a\n", fails="chown", context={"a": ""})
case("env-without-value", "FROM base\nENV A\n", fails="ENV")
case("label-quote-open", 'FROM base\nLABEL a="b\n', fails="")
