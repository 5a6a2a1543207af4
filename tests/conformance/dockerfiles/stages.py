"""Stages, base images, named contexts, where Dockerfile and context come from, ignore files."""
# pylint: disable=undefined-variable

from case import File, Link

KIT = ("buildkit",)
case("copy-from-name", "FROM base AS one\nRUN echo 1 >/one\nFROM base\nCOPY --from=one /one /copied\n")
case("copy-from-index", "FROM base\nRUN echo 1 >/one\nFROM base\nCOPY --from=0 /one /copied\n")
case("copy-from-image", "FROM base\nCOPY --from=configured /etc/group /copied\n")
case("copy-from-name-case", "FROM base AS One\nRUN echo 1 >/one\nFROM base\nCOPY --from=oNE /one /copied\n",
     references=KIT)
case("copy-from-directory", "FROM base AS one\nFROM scratch\nCOPY --from=one /opt /opt\n")
case("copy-from-keeps-owners", "FROM base AS one\nRUN touch /f && chown 5:6 /f && chmod 2751 /f\nFROM base\n"
     "COPY --from=one /f /f\n")
case("copy-from-chown", "FROM base AS one\nFROM base\nCOPY --from=one --chown=app /opt/real /r\n")
case("copy-from-hard-links", "FROM base AS one\nFROM scratch\nCOPY --from=one /opt/twin /opt/twin2 /t/\n")
case("copy-from-link", "FROM base AS one\nFROM base\nCOPY --from=one /opt/file-link /out\n")
case("copy-from-through-link", "FROM base AS one\nFROM base\nCOPY --from=one /opt/absolute/old /out\n")
case("copy-from-wildcard", "FROM base AS one\nFROM base\nCOPY --from=one /opt/f* /out/\n")
case("copy-from-deleted", "FROM base AS one\nRUN rm /opt/file\nFROM base\nCOPY --from=one /opt/file /x\n", fails="/opt/file")
case("copy-from-relative-is-root", "FROM base AS one\nWORKDIR /opt\nFROM base\nCOPY --from=one etc/group /g\n")
case("stage-as-base", "FROM base AS one\nENV A=1\nRUN echo 1 >/one\nFROM one AS two\nENV B=$A\nFROM two\nRUN cat /one >/two\n")
case("stage-name-hides-image", "FROM base AS configured\nLABEL mine=1\nFROM configured\n")
case("stage-later-not-reached", "FROM base\nCOPY --from=later /x /y\nFROM base AS later\n", fails="later")
case("stage-later-is-no-stage-yet", "FROM base AS one\nCOPY --from=later-one /x /y\nFROM base AS later-one\n",
     args=["--target", "one"], fails="later-one", references=())
case("stage-twice-same-name", "FROM base AS one\nLABEL n=1\nFROM base AS one\nLABEL n=2\nFROM one\n", references=KIT)
case("stage-name-bad", "FROM base AS 1one\n", fails="1one")
case("stage-name-reserved-scratch", "FROM base AS scratch\nLABEL a=1\n", references=())
case("target", "FROM base AS one\nLABEL n=1\nFROM base AS two\nLABEL n=2\n", args=["--target", "one"])
case("target-index", "FROM base\nLABEL n=1\nFROM base\nLABEL n=2\n", args=["--target", "0"], references=KIT)
case("target-case", "FROM base AS One\nLABEL n=1\nFROM base\n", args=["--target", "ONE"], references=KIT)
case("target-unknown", "FROM base AS one\n", args=["--target", "oen"], fails="oen")
case("from-platform", "FROM --platform=linux/amd64 base\nLABEL a=1\n")
case("from-platform-bad", "FROM --platform=odd/x/y/z base\n", fails="odd")
case("from-flag-unknown", "FROM --odd=1 base\n", fails="odd")
case("from-scratch", "FROM scratch\nCOPY f /f\n", context={"f": "x"})
case("from-scratch-workdir", "FROM scratch\nWORKDIR /w\nCOPY f .\n", context={"f": "x"})
case("from-scratch-run", "FROM scratch\nRUN [\"/none\"]\n", fails="none")
case("from-missing-image", "FROM 127.0.0.1:1/nothing/here:1\n", fails="127.0.0.1:1")
case("diamond", """
FROM base AS root
RUN echo r >/r
FROM root AS left
RUN echo l >/l
FROM root AS right
RUN echo x >/x
FROM root
COPY --from=left /l /l
COPY --from=right /x /x
""")
case("numbers-as-stage-reference", "FROM base AS a\nRUN echo 0 >/f\nFROM base AS b\nRUN echo 1 >/f\nFROM base\n"
     "COPY --from=1 /f /one\nCOPY --from=0 /f /zero\n")
case("named-context-directory", "FROM base\nCOPY --from=extra f /f\n", context={"../extra/f": "named"},
     args=["--build-context", "extra=@ROOT@/extra"])
case("named-context-hides-stage", "FROM base AS extra\nRUN echo stage >/f\nFROM base\nCOPY --from=extra f /f\n",
     context={"../extra/f": "named"}, args=["--build-context", "extra=@ROOT@/extra"], references=KIT)
case("named-context-image", "FROM other\nLABEL a=1\n", args=["--build-context", "other=docker-image://configured"],
     references=())
case("named-context-mount", "FROM base\nRUN --mount=from=extra,target=/e cat /e/f >/f\n", context={"../extra/f": "named"},
     args=["--build-context", "extra=@ROOT@/extra"])
case("named-context-missing", "FROM base\nCOPY --from=extra f /f\n", args=["--build-context", "extra=@ROOT@/none"],
     fails="none")
case("dockerfile-elsewhere", "FROM base\nCOPY f /f\n", context={"f": "x"}, dockerfile_name="sub/Other.dockerfile")
case("dockerfile-outside", "FROM base\nCOPY f /f\n", context={"f": "x"}, dockerfile_name="../Outside")
case("containerfile", None, context={"Containerfile": "FROM base\nLABEL a=1\n"}, references=("buildah",))
case("dockerfile-lower-case", None, context={"dockerfile": "FROM base\nLABEL a=1\n"}, references=KIT)
case("dockerfile-missing", None, context={"f": "x"}, fails="Dockerfile")
case("dockerfile-is-link", None, context={"real": "FROM base\nLABEL a=1\n", "Dockerfile": Link("real")})


def ignore(name, rules, files, **rest):
    context = {file: "x" for file in files.split()}
    case("ignore-" + name, "FROM base\nCOPY . /c/\n", context={**context, ".dockerignore": rules}, **rest)


ignore("name", "a\n", "a b sub/a")
ignore("directory", "sub\n", "a sub/b sub/deep/c")
ignore("star", "*.log\n", "a.log sub/a.log b")
ignore("star-in-directory", "*/*.log\n", "a.log sub/a.log sub/deep/a.log")
ignore("double-star", "**/*.log\n", "a.log sub/a.log sub/deep/a.log b")
ignore("double-star-middle", "a/**/z\n", "a/z a/b/z a/b/c/z z")
ignore("double-star-end", "a/**\n", "a/z a/b/z b")
ignore("question", "?.txt\n", "a.txt bb.txt")
ignore("class", "[ab].txt\n", "a.txt b.txt c.txt")
ignore("negation", "*\n!keep\n", "keep other sub/keep")
ignore("negation-order", "!keep\n*\n", "keep other")
ignore("negation-below", "sub\n!sub/keep\n", "sub/keep sub/other a")
ignore("negation-deep", "**\n!a/b/keep\n", "a/b/keep a/b/other a/other")
ignore("negation-directory", "*\n!sub\n", "sub/x sub/deep/y other")
ignore("negation-then-ignored", "*\n!sub\nsub/x\n", "sub/x sub/y other")
ignore("comments-and-blanks", "# comment\n\n  a  \n #b\n", "a b #b")
ignore("leading-slash", "/a\n/sub/b\n", "a sub/a sub/b")
ignore("trailing-slash", "sub/\n", "sub/x a")
ignore("dot-slash", "./a\n", "a b")
ignore("dot-dot", "sub/../a\n", "a b sub/a")
ignore("escaped", "\\#a\n", "#a b")
ignore("crlf", "a\r\nb\r\n", "a b c")
ignore("bom", "\ufeffa\n", "a b")
ignore("dockerfile-itself", "Dockerfile\n.dockerignore\n", "a")
ignore("everything", "*\n", "a b/c")
ignore("dot", ".\n", "a b/c")
ignore("hidden", ".*\n", "a .b .c/d")
ignore("bad-pattern", "[\n", "a", fails="[")
ignore("only-blank", "\n\n", "a")
case("ignore-of-dockerfile", "FROM base\nCOPY . /c/\n", dockerfile_name="app.Dockerfile",
     context={"a": "", "b": "", ".dockerignore": "a\n", "app.Dockerfile.dockerignore": "b\napp*\n.dockerignore\n"})
case("ignore-copied-by-name", "FROM base\nCOPY a /a\n", context={"a": "", ".dockerignore": "a\n"}, fails="a")
case("ignore-parents-of-kept", "FROM base\nCOPY sub /s\n", references=KIT,
     context={"sub/deep/keep": File("x"), "sub/other": "", ".dockerignore": "**\n!**/keep\n"})
case("ignore-not-for-stages", "FROM base AS one\nRUN echo x >/secret\nFROM base\nCOPY --from=one /secret /s\n",
     context={".dockerignore": "secret\n"})
case("ignore-not-for-named-contexts", "FROM base\nCOPY --from=extra . /e/\n", context={
    "../extra/a": "1", ".dockerignore": "a\n"}, args=["--build-context", "extra=@ROOT@/extra"])
