"""ARG: scopes, defaults, predefined and platform arguments."""
# pylint: disable=undefined-variable

case("default", "FROM base\nARG A=1\nLABEL a=$A\n")
case("given", "FROM base\nARG A=1\nLABEL a=$A\n", args=["--build-arg", "A=2"])
case("no-default", "FROM base\nARG A\nLABEL a=x${A}x\n")
case("given-empty", "FROM base\nARG A=1\nLABEL a=x${A}x\n", args=["--build-arg", "A="])
case("name-alone-takes-variable", "FROM base\nARG A=1\nLABEL a=$A\n", args=["--build-arg", "A"], env={"A": "outside"})
case("before-declaration", "FROM base\nLABEL a=x${A}x\nARG A=1\nLABEL b=$A\n")
case("several", 'FROM base\nARG A=1 B C="x y"\nLABEL a=$A b=x$B c=$C\n', args=["--build-arg", "B=2"])
case("default-from-earlier", "FROM base\nARG A=1\nARG B=$A-2\nLABEL b=$B\n", args=["--build-arg", "A=9"])
case("global-in-from", "ARG TAG=latest\nARG NAME=base\nFROM ${NAME}:$TAG\nLABEL a=x$TAG\n")
case("global-given", "ARG NAME=missing\nFROM $NAME\n", args=["--build-arg", "NAME=base"])
case("global-not-in-stage", "ARG A=1\nFROM base\nLABEL a=x${A}x\n")
case("global-redeclared", "ARG A=1\nFROM base\nARG A\nLABEL a=$A\n")
case("global-redeclared-default", "ARG A=1\nFROM base\nARG A=2\nLABEL a=$A\n")
case("global-redeclared-given", "ARG A=1\nFROM base\nARG A\nLABEL a=$A\n", args=["--build-arg", "A=3"])
case("global-uses-global", "ARG A=1\nARG B=$A$A\nFROM base\nARG B\nLABEL b=$B\n")
case("other-stage-does-not-see", """
FROM base AS one
ARG A=1
FROM base
LABEL a=x${A}x
""")
case("child-stage-inherits", """
FROM base AS one
ARG A=1
FROM one
LABEL a=x${A}x
""")
case("child-stage-inherits-given", """
FROM base AS one
ARG A=1
FROM one
LABEL a=x${A}x
""", args=["--build-arg", "A=2"])
case("in-run", "FROM base\nARG A=1\nRUN echo \"$A\" >/a\n", args=["--build-arg", "A=from outside"])
case("not-in-config-env", "FROM base\nARG A=1\nRUN true\n")
case("env-beats-arg", "FROM base\nARG A=arg\nENV A=env\nRUN echo $A >/a\nLABEL a=$A\n", args=["--build-arg", "A=given"])
case("env-uses-arg", "FROM base\nARG A=1\nENV A=${A:-x}\nLABEL a=$A\n", args=["--build-arg", "A=2"])
case("base-env-and-arg", "FROM configured\nARG FROM_BASE=arg\nLABEL a=$FROM_BASE\n")
case("arg-after-env", "FROM base\nENV A=env\nARG A=arg\nLABEL a=$A\n")
case("unknown-given", "FROM base\nLABEL a=1\n", args=["--build-arg", "NOBODY=1"])
case("redeclared-in-stage", "FROM base\nARG A=1\nLABEL a=$A\nARG A=2\nLABEL b=$A\n")
case("redeclared-without-default", "FROM base\nARG A=1\nARG A\nLABEL a=x${A}x\n")
case("proxy-undeclared", "FROM base\nRUN echo \"$HTTP_PROXY $no_proxy\" >/p\n",
     args=["--build-arg", "HTTP_PROXY=http://p:1", "--build-arg", "no_proxy=x"])
case("proxy-declared", "FROM base\nARG HTTP_PROXY\nRUN echo \"$HTTP_PROXY\" >/p\n",
     args=["--build-arg", "HTTP_PROXY=http://p:1"])
case("proxy-not-in-label", "FROM base\nLABEL p=x$HTTP_PROXY\n", args=["--build-arg", "HTTP_PROXY=http://p:1"])
case("platform-args", """
FROM --platform=$BUILDPLATFORM base
ARG TARGETPLATFORM TARGETOS TARGETARCH TARGETVARIANT BUILDPLATFORM BUILDOS BUILDARCH
LABEL t=$TARGETPLATFORM,$TARGETOS,$TARGETARCH,x$TARGETVARIANT b=$BUILDPLATFORM,$BUILDOS,$BUILDARCH
""")
case("platform-args-undeclared", "FROM base\nLABEL t=x${TARGETARCH}x\n")
case("platform-arg-in-from", "FROM base AS amd64\nFROM $TARGETARCH\nLABEL a=1\n")
case("target-stage-arg", "FROM base\nARG TARGETSTAGE\nLABEL t=$TARGETSTAGE\n", references=("buildkit",))
case("target-stage-arg-named", "FROM base AS one\nARG TARGETSTAGE\nLABEL t=$TARGETSTAGE\nFROM base\n",
     args=["--target", "one"], references=("buildkit",))
case("arg-in-onbuild-trigger", "FROM triggers\n", context={"trigger-file": "t"}, args=["--build-arg", "TRIGGER=given"])
case("error-without-value", "FROM base\nARG A\nLABEL a=${A:?give A}\n", fails="give A")
case("from-empty-variable", "ARG IMAGE\nFROM $IMAGE\n", fails="FROM")
case("from-default-form", "ARG V\nFROM base:${V:-latest}\nLABEL a=1\n")
case("from-stage-name-variable", "ARG WHICH=one\nFROM base AS one\nLABEL s=1\nFROM base AS two\nLABEL s=2\nFROM $WHICH\n")
case("bad-name", "FROM base\nARG =1\n", fails="ARG")
