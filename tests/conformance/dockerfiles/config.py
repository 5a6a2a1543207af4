"""Instructions that only change the image's config."""
# pylint: disable=undefined-variable

for name, text in {
    "env": 'ENV A=1 B="b c"\nENV A=2',
    "env-empty": "ENV A= B=''",
    "env-equals-in-value": "ENV A=b=c=d",
    "env-keeps-order": "ENV Z=1\nENV A=2\nENV Z=3",
    "env-override-base": "ENV PATH=/only",
    "env-unicode": "ENV A=größe",
    "label": 'LABEL a=1 b="x y" "c d"=e',
    "label-multi-line": 'LABEL a="one \\\n  two" \\\n  b=2',
    "label-old-form": "LABEL name the whole value",
    "label-empty": "LABEL a= b=''",
    "label-override": "LABEL a=1\nLABEL a=2",
    "label-json-value": 'LABEL j="{\\"a\\": [1]}"',
    "expose": "EXPOSE 80 443/tcp 53/udp",
    "expose-range": "EXPOSE 8000-8003 9000-9001/udp",
    "expose-upper-case": "EXPOSE 80/TCP",
    "expose-twice": "EXPOSE 80\nEXPOSE 80/tcp 81",
    "volume": "VOLUME /a /b",
    "volume-json": 'VOLUME ["/a b", "/c"]',
    "volume-then-write": "VOLUME /v\nRUN mkdir -p /v && echo kept >/v/file",
    "volume-existing": "VOLUME /opt/real\nRUN echo kept >/opt/real/new",
    "user": "USER app",
    "user-two-words": "USER a b",
    "label-empty-name": 'LABEL ""=x',
    "user-group": "USER 1000:50",
    "user-run": "USER app\nRUN id -u >/tmp/uid; id -g >>/tmp/uid; echo $HOME >>/tmp/uid",
    "user-group-run": "USER app:staff\nRUN id -g >/tmp/gid",
    "user-number-run": "USER 1234\nRUN id -u >/tmp/uid",
    "user-back-to-root": "USER app\nRUN true\nUSER root\nRUN id -u >/uid",
    "workdir": "WORKDIR /x/y",
    "workdir-relative": "WORKDIR /a\nWORKDIR b\nWORKDIR ../c",
    "workdir-relative-first": "WORKDIR sub",
    "workdir-trailing-slash": "WORKDIR /a/b/",
    "workdir-dots": "WORKDIR /a/./b/../c",
    "workdir-variable": "ENV D=/env\nWORKDIR $D/sub",
    "workdir-quoted": 'WORKDIR "/with blank"',
    "workdir-blank": "WORKDIR /with blank",
    "workdir-existing": "WORKDIR /opt/real",
    "workdir-through-link": "WORKDIR /opt/link/new",
    "workdir-after-user": "USER app\nWORKDIR /tmp/mine/deep",
    "workdir-run": "WORKDIR /w\nRUN pwd >out\nWORKDIR deeper\nRUN pwd >out",
    "workdir-no-later-step": "WORKDIR /made/anyway",
    "cmd-shell": "CMD echo hello $HOME",
    "cmd-exec": 'CMD ["echo", "hello"]',
    "cmd-twice": 'CMD ["one"]\nCMD ["two"]',
    "entrypoint-shell": "ENTRYPOINT exec top -b",
    "entrypoint-exec": 'ENTRYPOINT ["top", "-b"]\nCMD ["-n1"]',
    "entrypoint-after-cmd": 'CMD ["x"]\nENTRYPOINT ["y"]',
    "shell": 'SHELL ["/bin/sh", "-exc"]\nCMD echo a\nENTRYPOINT echo b',
    "shell-run": 'SHELL ["/bin/sh", "-c", "echo $0 $1 >/args", "zero"]\nRUN one',
    "shell-healthcheck": 'SHELL ["/bin/sh", "-ec"]\nHEALTHCHECK CMD true',
    "stopsignal": "STOPSIGNAL SIGKILL",
    "stopsignal-number": "STOPSIGNAL 9",
    "stopsignal-realtime": "STOPSIGNAL SIGRTMIN+3",
    "maintainer": "MAINTAINER Some One <one@example.com>",
    "healthcheck": "HEALTHCHECK CMD curl -f http://localhost/ || exit 1",
    "healthcheck-options": 'HEALTHCHECK --interval=5m --timeout=3s --start-period=1m30s --retries=4 CMD ["check", "it"]',
    "healthcheck-start-interval": "HEALTHCHECK --start-period=10s --start-interval=500ms CMD true",
    "healthcheck-none": "HEALTHCHECK CMD true\nHEALTHCHECK NONE",
    "healthcheck-twice": "HEALTHCHECK --retries=9 CMD one\nHEALTHCHECK CMD two",
    "onbuild": "ONBUILD RUN echo later\nONBUILD COPY a /b",
    "onbuild-lower-case": "onbuild run echo x",
}.items():
    case(name, "FROM base\n" + text + "\n")

for name, text in {
    "base-kept": "LABEL new=1",
    "base-env-override": "ENV FROM_BASE=no NEW=1",
    "base-cmd-cleared-by-entrypoint": 'ENTRYPOINT ["mine"]',
    "base-entrypoint-kept-by-cmd": 'CMD ["mine"]',
    "base-both": 'CMD ["c"]\nENTRYPOINT ["e"]',
    "base-label-override": "LABEL shared=mine",
    "base-expose-added": "EXPOSE 8080",
    "base-volume-added": "VOLUME /mine",
    "base-health-none": "HEALTHCHECK NONE",
    "base-user-workdir": "RUN pwd >/tmp/where; id -u >>/tmp/where",
    "base-shell-used": "RUN echo $- | grep -q e && echo strict >/tmp/strict",
    "base-user-reset": "USER root\nWORKDIR /\nRUN id -u >/uid",
    "base-home": "RUN echo \"$HOME\" >/tmp/home",
    "base-maintainer": "MAINTAINER mine",
    "base-stopsignal": "STOPSIGNAL SIGTERM",
    "base-entrypoint-empty": "ENTRYPOINT []",
    "base-relative-workdir": "WORKDIR more",
}.items():
    case(name, "FROM configured\n" + text + "\n")

case("triggers-run", "FROM triggers\nLABEL after=1\n", context={"trigger-file": "t"})
case("triggers-cleared", "FROM triggers AS one\nFROM one\n", context={"trigger-file": "t"})
case("triggers-own", "FROM base AS one\nONBUILD RUN echo \"$X\" >/x\nONBUILD ENV Y=1\nFROM one\nENV X=late\n")
case("triggers-copy-from", """
FROM base AS src
RUN echo s >/s
FROM base AS one
ONBUILD COPY --from=src /s /copied
FROM one
""", references=("buildkit",))
case("triggers-stay-in-image", "FROM base AS one\nONBUILD RUN true\n")
case("bare-image", "FROM bare\nENV A=1\nRUN echo $PATH >/path\n")
case("nothing-but-from", "FROM base\n")
case("label-option", "FROM base\nLABEL a=1 b=1\n", args=["--label", "b=2", "--label", "c=3"])
case("scratch-config-only", "FROM scratch\nENV A=1\nCMD [\"/a\"]\n")

for name, text, word in (
    ("volume-quoted-words", 'VOLUME "/a b"', "VOLUME"),
    ("label-without-value", "LABEL a= b", "LABEL"),
    ("expose-bad", "EXPOSE eighty", "eighty"),
    ("expose-too-high", "EXPOSE 70000", "70000"),
    ("expose-bad-protocol", "EXPOSE 80/sctpx", "sctpx"),
    ("stopsignal-bad", "STOPSIGNAL SIGNONE", "SIGNONE"),
    ("healthcheck-short", "HEALTHCHECK --interval=1us CMD true", "interval"),
    ("healthcheck-bad-retries", "HEALTHCHECK --retries=x CMD true", "retries"),
    ("healthcheck-unknown-type", "HEALTHCHECK TEST true", "TEST"),
    ("healthcheck-none-arguments", "HEALTHCHECK NONE x", "NONE"),
    ("healthcheck-no-command", "HEALTHCHECK CMD", "HEALTHCHECK"),
    ("onbuild-onbuild", "ONBUILD ONBUILD RUN true", "ONBUILD"),
    ("onbuild-from", "ONBUILD FROM base", "FROM"),
    ("onbuild-maintainer", "ONBUILD MAINTAINER x", "MAINTAINER"),
    ("onbuild-empty", "ONBUILD", "ONBUILD"),
    ("shell-not-json", "SHELL /bin/sh -c", "SHELL"),
    ("shell-empty", "SHELL []", "SHELL"),
    ("user-empty", "USER", "USER"),
    ("user-unknown-run", "USER nobody-here\nRUN true", "nobody-here"),
    ("workdir-empty", "WORKDIR", "WORKDIR"),
    ("workdir-on-file", "WORKDIR /opt/file/x", "/opt/file"),
    ("volume-empty-json", "VOLUME []", "VOLUME"),
    ("volume-blank", "VOLUME", "VOLUME"),
    ("env-empty-name", "ENV =x", "ENV"),
    ("stopsignal-two", "STOPSIGNAL 9 10", "STOPSIGNAL"),
    ("maintainer-empty", "MAINTAINER", "MAINTAINER"),
):
    case(name, "FROM base\n" + text + "\n", fails=word)
