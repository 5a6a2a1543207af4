"""The checks of `--check`: rule names and lines as BuildKit reports them."""
# pylint: disable=undefined-variable


def check(name, text, **rest):
    case(name, text, check=True, references=("buildkit",), **rest)


check("clean", "FROM base AS one\nRUN true\nCMD [\"a\"]\n")
check("instruction-casing", "FROM base\nrun true\nENV A=1\n")
check("instruction-casing-lower-majority", "from base\nrun true\nENV A=1\n")
check("instruction-casing-mixed", "FROM base\nRun true\n")
check("copy-ignored-file", "FROM base\nCOPY a /a\nADD b /b\n", context={"a": "", "b": "", ".dockerignore": "a\nb\n"})
check("copy-ignored-file-experimental", "# check=experimental=all\nFROM base\nCOPY a /a\n",
      context={"a": "", ".dockerignore": "a\n"})
check("duplicate-stage-name", "FROM base AS one\nFROM base AS one\n")
check("expose-proto-casing", "FROM base\nEXPOSE 80/TCP\n")
check("expose-invalid-format", "FROM base\nEXPOSE 127.0.0.1:80:80\n")
check("from-as-casing", "FROM base as one\n")
check("from-as-casing-lower", "from base AS one\n")
check("from-platform-const", "FROM --platform=linux/amd64 base\n")
check("invalid-default-arg", "ARG TAG\nFROM base:$TAG\n")
check("description", "FROM base\n# something else\nARG A=1\n")
check("description-good", "FROM base\n# A is good\nARG A=1\n")
check("json-args", "FROM base\nCMD run it\nENTRYPOINT run it\n")
check("json-args-shell", 'FROM base\nSHELL ["sh", "-c"]\nCMD run it\n')
check("legacy-key-value", "FROM base\nENV a b\nLABEL c d\n")
check("maintainer", "FROM base\nMAINTAINER x\n")
check("multiple-cmd", "FROM base\nCMD [\"a\"]\nCMD [\"b\"]\nENTRYPOINT [\"a\"]\nENTRYPOINT [\"b\"]\nHEALTHCHECK NONE\n"
      "HEALTHCHECK CMD a\n")
check("empty-continuation", "FROM base\nRUN echo a \\\n\n  b\n")
check("redundant-platform", "FROM --platform=$TARGETPLATFORM base\n")
check("reserved-stage-name", "FROM base AS scratch\nFROM base AS context\n")
check("secrets", "FROM base\nARG API_TOKEN\nENV DB_PASSWORD=1\nENV PUBLIC_KEY=1\nENV AWS_SECRET_ACCESS_KEY=\n")
check("stage-name-casing", "FROM base AS One\n")
check("undefined-arg-in-from", "ARG foo=1\nFROM $fooo\n")
check("undefined-var", "FROM base\nCOPY $foo .\nLABEL a=$PATHH\n", context={"a": ""})
check("undefined-var-known", "FROM base\nARG foo\nLABEL a=$foo b=$PATH\n")
check("workdir-relative", "FROM base\nWORKDIR a\n")
check("workdir-relative-after-absolute", "FROM base\nWORKDIR /a\nWORKDIR b\n")
check("skip-one", "# check=skip=StageNameCasing\nFROM base AS One\nMAINTAINER x\n")
check("skip-all", "# check=skip=all\nFROM base AS One\nMAINTAINER x\n")
check("skip-two", "# check=skip=StageNameCasing,MaintainerDeprecated\nFROM base AS One\nMAINTAINER x\n")
check("only-needed-stages", "FROM base AS One\nFROM base AS two\nMAINTAINER x\n", args=["--target", "two"])
check("several-lines", "FROM base as One\nWORKDIR x\nrun a\nMAINTAINER b\n")
