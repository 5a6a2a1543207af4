// The checks: each rule where it speaks and where it does not, skipping, and what a build may be given.
#include <gtest/gtest.h>

#include "base/text.h"
#include "pipeline/dockerfile_checks.h"

namespace slipway::pipeline {
namespace {

using List = std::vector<std::string>;

Dockerfile parse(std::string text) {
  Dockerfile file = parse_dockerfile({"Dockerfile", std::move(text)});
  EXPECT_TRUE(file.diagnostics.empty()) << render(file.diagnostics, file.sources, Colour::kNo);
  return file;
}

/// "line Rule: message"
List found(std::string text, const CheckRequest& request = {}) {
  List out;
  for (const LintFinding& one : lint(parse(std::move(text)), request))
    out.push_back(std::to_string(one.diagnostic.span.line) + " " + one.rule + ": " +
                  one.diagnostic.message);
  return out;
}

struct Case {
  const char* text;
  List findings;
};
class Lint : public ::testing::TestWithParam<Case> {};

TEST_P(Lint, FindsWhatBuildKitFinds) {
  EXPECT_EQ(found(GetParam().text), GetParam().findings) << GetParam().text;
}

const Case kCasing[] = {
    {"FROM scratch AS a\nCOPY x /\n", {}},
    {"from scratch as a\ncopy x /\n", {}},
    {"FROM scratch AS BigName\n", {"1 StageNameCasing: Stage name 'BigName' should be lowercase"}},
    {"FROM scratch as b\n", {"1 FromAsCasing: 'as' and 'FROM' keywords' casing do not match"}},
    {"from scratch AS b\n", {"1 FromAsCasing: 'AS' and 'from' keywords' casing do not match"}},
    {"From scratch as a\nFROM scratch AS b\n",
     {"1 ConsistentInstructionCasing: Command 'From' should match the case of the command majority "
      "(uppercase)"}},
    {"from scratch\nCOPY a /a\ncopy b /b\n",
     {"2 ConsistentInstructionCasing: Command 'COPY' should match the case of the command majority "
      "(lowercase)"}},
    {"FROM scratch AS b\nFROM scratch AS B\n",
     {"2 StageNameCasing: Stage name 'B' should be lowercase",
      "2 DuplicateStageName: Duplicate stage name \"b\", stage names should be unique"}},
    {"FROM scratch AS scratch\nFROM scratch AS context\n",
     {"1 ReservedStageName: Stage name should not use the same name as reserved stage \"scratch\"",
      "2 ReservedStageName: Stage name should not use the same name as reserved stage "
      "\"context\""}},
};
INSTANTIATE_TEST_SUITE_P(Casing, Lint, ::testing::ValuesIn(kCasing));

const Case kText[] = {
    {"FROM scratch\nCOPY a \\\n\n/b\n", {"4 NoEmptyContinuation: Empty continuation line"}},
    {"FROM scratch\nMAINTAINER me\n",
     {"2 MaintainerDeprecated: Maintainer instruction is deprecated in favor of using label"}},
    {"FROM scratch\nCMD run\n",
     {"2 JSONArgsRecommended: JSON arguments recommended for CMD to prevent unintended behavior "
      "related to OS signals"}},
    {"FROM scratch AS a\nSHELL [\"s\"]\nFROM a\nENTRYPOINT run\n", {}},
    {"FROM scratch\nCMD [\"a\"]\nRUN x\nCMD [\"b\"]\nHEALTHCHECK NONE\nHEALTHCHECK CMD a\n",
     {"2 MultipleInstructionsDisallowed: Multiple CMD instructions should not be used in the same "
      "stage because only the last one will be used",
      "5 MultipleInstructionsDisallowed: Multiple HEALTHCHECK instructions should not be used in "
      "the same stage because only the last one will be used"}},
    {"FROM scratch AS a\nCMD [\"a\"]\nFROM a\nCMD [\"b\"]\n", {}},
    {"FROM scratch\nENV k v\nLABEL k v\nENV k=v\n",
     {"2 LegacyKeyValueFormat: \"ENV key=value\" should be used instead of legacy \"ENV key "
      "value\" format",
      "3 LegacyKeyValueFormat: \"LABEL key=value\" should be used instead of legacy \"LABEL key "
      "value\" format"}},
    {"FROM scratch\nWORKDIR app/\nWORKDIR b\n",
     {"2 WorkdirRelativePath: Relative workdir \"app/\" can have unexpected results if the base "
      "image changes"}},
    {"FROM scratch AS a\nWORKDIR /a\nFROM a\nWORKDIR b\n", {}},
    {"FROM scratch\nARG D=/x\nWORKDIR $D\n", {}},
    {"FROM scratch\nEXPOSE 80/TcP 81/udp 127.0.0.1:1:2 3:4\n",
     {"2 ExposeProtoCasing: Defined protocol '80/TcP' in EXPOSE instruction should be lowercase",
      "2 ExposeInvalidFormat: EXPOSE instruction should not define an IP address or host-port "
      "mapping, found '127.0.0.1:1:2'",
      "2 ExposeInvalidFormat: EXPOSE instruction should not define an IP address or host-port "
      "mapping, found '3:4'"}},
    {"FROM scratch\nARG my_token\nENV PASSWORD=x PUBLIC_KEY=y KEY_FILE=z monkey=a\nARG "
     "AUTH_VERSION\n",
     {"2 SecretsUsedInArgOrEnv: Do not use ARG or ENV instructions for sensitive data (ARG "
      "\"my_token\")",
      "3 SecretsUsedInArgOrEnv: Do not use ARG or ENV instructions for sensitive data (ENV "
      "\"PASSWORD\")"}},
};
INSTANTIATE_TEST_SUITE_P(Text, Lint, ::testing::ValuesIn(kText));

const Case kVariables[] = {
    {"FROM scratch\nCOPY $foo /\nARG foo\nCOPY $foo /\nRUN echo $bar\n",
     {"2 UndefinedVar: Usage of undefined variable '$foo'"}},
    {"FROM scratch\nENV PATH=$PAHT:/bin\n",
     {"2 UndefinedVar: Usage of undefined variable '$PAHT' (did you mean $PATH?)"}},
    {"FROM scratch AS a\nARG f=x\nFROM a\nCOPY $f /\n", {}},
    {"FROM unknown\nCOPY $foo /\n", {}},
    {"FROM scratch\nRUN --mount=target=/$foo x\n",
     {"2 UndefinedVar: Usage of undefined variable '$foo'"}},
    {"FROM scratch\nCOPY <<E /x\n$foo\nE\n",
     {"2 UndefinedVar: Usage of undefined variable '$foo'"}},
    {"FROM scratch\nARG a=$foo\n", {"2 UndefinedVar: Usage of undefined variable '$foo'"}},
    {"FROM scratch AS a\nONBUILD COPY $foo /\nFROM a\n",
     {"3 UndefinedVar: Usage of undefined variable '$foo'"}},
    {"ARG v=1\nFROM a:$v\n", {}},
    {"ARG D\nFROM scratch${D}\n", {}},
    {"FROM a:x${v}\n", {"1 UndefinedArgInFrom: FROM argument 'v' is not declared"}},
    {"FROM --platform=$BULIDPLATFORM scratch\n",
     {"1 UndefinedArgInFrom: FROM argument 'BULIDPLATFORM' is not declared (did you mean "
      "BUILDPLATFORM?)"}},
    {"FROM --platform=$BUILDPLATFORM scratch\n", {}},
    {"FROM --platform=${TARGETPLATFORM} scratch\n",
     {"1 RedundantTargetPlatform: Setting platform to predefined ${TARGETPLATFORM} in FROM is "
      "redundant as this is the default behavior"}},
    {"FROM --platform=linux/arm64 scratch\n",
     {"1 FromPlatformFlagConstDisallowed: FROM --platform flag should not use constant value "
      "\"linux/arm64\""}},
    {"FROM --platform=linux/arm64 scratch AS my-arm64\n", {}},
    {"ARG V\nFROM busybox:$V\n",
     {"2 InvalidDefaultArgInFrom: Default value for ARG busybox:$V results in empty or invalid "
      "base "
      "image name"}},
    {"ARG I\nFROM $I\n",
     {"2 InvalidDefaultArgInFrom: Default value for ARG $I results in empty or invalid base image "
      "name"}},
    {"ARG V=1\nFROM host.example:5000/a_b/c-d:${V}\n", {}},
};
INSTANTIATE_TEST_SUITE_P(Variables, Lint, ::testing::ValuesIn(kVariables));

TEST(Lint, ReadsDescriptionsWhenAsked) {
  const std::string text =
      "# bar is it\nARG foo=1\n# b is it\nFROM scratch AS b\n# no\nARG x=1 y=2\n";
  EXPECT_EQ(found(text), List{});
  EXPECT_EQ(
      found("# check=skip=all;experimental=InvalidDefinitionDescription\n" + text),
      (List{"3 InvalidDefinitionDescription: Comment for ARG should follow the format: `# foo "
            "<description>`",
            "7 InvalidDefinitionDescription: Comment for ARG should follow the format: `# "
            "<arg_key> <description>`"}));
}

TEST(Lint, SkipsWhatTheFileOrACommentSkips) {
  EXPECT_EQ(found("# check=skip=all\nFROM scratch as b\n"), List{});
  EXPECT_EQ(found("# check=skip=FromAsCasing,StageNameCasing\nFROM scratch as B\n"), List{});
  EXPECT_EQ(
      found("FROM scratch\n# check=skip=JSONArgsRecommended // why\nCMD a\nWORKDIR x\n").size(),
      1U);
  Dockerfile file = parse("FROM scratch as b\n");
  ASSERT_TRUE(override_checks(file, "skip=all;error=true"));
  EXPECT_TRUE(file.checks_are_errors);
  EXPECT_TRUE(lint(file, {}).empty());
  EXPECT_FALSE(override_checks(file, "skip"));
}

TEST(Lint, FindsCopiesOfIgnoredFiles) {
  const auto findings = [](const char* ignore, const char* text) {
    const auto patterns = IgnorePatterns::parse(ignore);
    CheckRequest request;
    request.ignore = &*patterns;
    return found(std::string("FROM scratch\n") + text, request);
  };
  EXPECT_EQ(
      findings("a\n", "COPY ./a/x /\nADD a b /\n"),
      (List{"2 CopyIgnoredFile: Attempting to Copy file \"a/x\" that is excluded by .dockerignore",
            "3 CopyIgnoredFile: Attempting to Add file \"a\" that is excluded by .dockerignore"}));
  EXPECT_EQ(findings("*\n", "COPY . /\n").size(), 1U);
  EXPECT_EQ(findings(".*\n", "COPY . /\n"), List{});
  EXPECT_EQ(findings("**\n!a\n", "COPY b /\n"), List{});
  EXPECT_EQ(findings("a\n", "COPY --from=x a /\nADD https://x/a /\n"), List{});
}

TEST(Lint, LooksCloselyAtWhatTheTargetNeeds) {
  const std::string text =
      "FROM scratch AS a\nCMD a\nFROM scratch AS b\nCMD b\nFROM scratch AS c\nCOPY --from=a /x "
      "/\nCMD c\n";
  EXPECT_EQ(found(text).size(), 3U);
  CheckRequest request;
  request.target = "c";
  EXPECT_EQ(found(text, request).size(), 2U);
}

TEST(Lint, UsesTheEnvironmentOfBaseImages) {
  CheckRequest request;
  request.environment = [](const std::string& image) -> std::optional<List> {
    if (image != "node") return std::nullopt;
    return List{"NODE_VERSION=1"};
  };
  EXPECT_EQ(found("FROM node\nCOPY $NODE_VERSION $NODE_VERSIONS /\n", request),
            List{"2 UndefinedVar: Usage of undefined variable '$NODE_VERSIONS' (did you mean "
                 "$NODE_VERSION?)"});
  request.build_args = {{"D", "rel"}};
  EXPECT_EQ(found("FROM node\nARG D=/abs\nWORKDIR $D\n", request).size(), 1U);
}

TEST(Lint, EveryRuleHasItsPageAndHelp) {
  EXPECT_EQ(lint_rule_names().size(), 21U);
  const auto findings = lint(parse("FROM scratch as b\n"), {});
  ASSERT_EQ(findings.size(), 1U);
  EXPECT_EQ(findings[0].url, "https://docs.docker.com/go/dockerfile/rule/from-as-casing/");
  EXPECT_EQ(findings[0].description,
            "The 'as' keyword should match the case of the 'from' keyword");
  EXPECT_FALSE(findings[0].diagnostic.help.empty());
  EXPECT_EQ(findings[0].diagnostic.severity, Severity::kWarning);
}

TEST(Lint, IsFastWhateverTheFile) {
  std::string text = "FROM scratch\n";
  for (int i = 0; i < 4000; ++i)
    text += "ENV " + std::string(100, 'a') + std::to_string(i) + "=$" + std::string(100, 'a') +
            "x" + std::to_string(i) + "\n";
  EXPECT_LE(found(text).size(), 1000U);
}

constexpr const char* kOutlined =
    "ARG inner=box\nARG unused=x\n# sfx is a suffix\nARG sfx=\"busy${inner}\"\nFROM $sfx AS first\n"
    "# FOO is it\nARG FOO=1 BAR=2\nRUN --mount=type=secret,target=/a/b,required --mount=type=ssh "
    "x\n"
    "FROM other AS second\nARG BAZ\n# last is the target\nFROM scratch AS last\nARG sfx\n"
    "RUN --mount=type=secret,id=s$sfx x\nCOPY --from=first /a /\n";

TEST(Outline, ListsWhatATargetTakes) {
  CheckRequest request;
  request.build_args = {{"BAR", "7"}};
  const Json json = outline(parse(kOutlined), request);
  EXPECT_EQ(json["name"].string_or(""), "last");
  EXPECT_EQ(json["description"].string_or(""), "is the target");
  List args;
  for (const Json& arg : json["args"].items())
    args.push_back(std::string(arg["name"].string_or("")) + "=" +
                   std::string(arg["value"].string_or("")) + " " +
                   std::string(arg["description"].string_or("")));
  EXPECT_EQ(args, (List{"inner=box ", "sfx=busybox is a suffix", "FOO=1 is it", "BAR=7 "}));
  ASSERT_EQ(json["secrets"].items().size(), 2U);
  EXPECT_EQ(
      json["secrets"].items()[0].dump(),
      R"({"name":"b","required":true,"location":{"ranges":[{"start":{"line":8},"end":{"line":8}}]}})");
  EXPECT_EQ(json["secrets"].items()[1]["name"].string_or(""), "sbusybox");
  EXPECT_EQ(json["ssh"].items()[0]["name"].string_or(""), "default");
  request.target = "nothing";
  EXPECT_EQ(outline(parse(kOutlined), request).dump(), "{}");
}

TEST(Targets, AreListedWithTheirBase) {
  const Json json = targets(parse(kOutlined));
  ASSERT_EQ(json["targets"].items().size(), 3U);
  EXPECT_EQ(json["targets"].items()[2].dump(),
            R"({"name":"last","default":true,"description":"is the target","base":"scratch",)"
            R"("location":{"ranges":[{"start":{"line":12},"end":{"line":12}}]}})");
}

}  // namespace
}  // namespace slipway::pipeline
