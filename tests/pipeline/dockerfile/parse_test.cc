// Dockerfiles as text: what comes out of good ones, and what bad ones are told.
#include <gtest/gtest.h>

#include "pipeline/dockerfile.h"

namespace slipway::pipeline {
namespace {

using List = std::vector<std::string>;

Dockerfile parse(std::string text) { return parse_dockerfile({"Dockerfile", std::move(text)}); }

/// The instructions of the only stage of a good file.
std::vector<Instruction> instructions(const std::string& text) {
  Dockerfile file = parse("FROM base\n" + text);
  EXPECT_TRUE(file.diagnostics.empty()) << text << "\n"
                                        << render(file.diagnostics, file.sources, Colour::kNo);
  return file.stages.empty() ? std::vector<Instruction>() : file.stages[0].instructions;
}

Instruction one(const std::string& text) {
  std::vector<Instruction> all = instructions(text);
  EXPECT_EQ(all.size(), 1U) << text;
  return all.empty() ? Instruction() : all[0];
}

/// "line:column: message (help)" of the first complaint.
std::string complaint(const std::string& text) {
  const Dockerfile file = parse(text);
  if (file.diagnostics.empty()) return "";
  const Diagnostic& first = file.diagnostics[0];
  return std::to_string(first.span.line) + ":" + std::to_string(first.span.column) + ": " +
         first.message + (first.help.empty() ? "" : " (" + first.help + ")");
}

TEST(ParseDockerfile, ReadsStagesAndGlobalArguments) {
  const Dockerfile file = parse(
      "ARG V=1 W\nFROM --platform=linux/amd64 alpine:$V AS Build\nRUN make\nfrom scratch\n"
      "COPY --from=build /a /b\n");
  ASSERT_TRUE(file.diagnostics.empty());
  ASSERT_EQ(file.global_args.size(), 1U);
  EXPECT_EQ(file.global_args[0].assignments[0].value, "1");
  EXPECT_EQ(file.global_args[0].assignments[1].value, std::nullopt);
  ASSERT_EQ(file.stages.size(), 2U);
  EXPECT_EQ(file.stages[0].from.stage_name, "build");
  EXPECT_EQ(file.stages[0].from.words, List{"alpine:$V"});
  EXPECT_EQ(file.stages[0].from.flag("platform")->value, "linux/amd64");
  EXPECT_EQ(file.stages[1].from.keyword, "from");
  EXPECT_EQ(file.stages[1].instructions[0].flag_values("from"), List{"build"});
}

TEST(ParseDockerfile, JoinsContinuationsAndDropsCommentsInside) {
  const Instruction run = one("RUN a && \\\n# comment\n   # another\n  b \\  \n\n && c\n");
  EXPECT_EQ(run.words, List{"a &&   b  && c"});
  EXPECT_TRUE(run.empty_continuation);
  EXPECT_EQ(run.span, (Span{0, 2, 1, 7, 6}));
}

TEST(ParseDockerfile, AnEscapedEscapeDoesNotContinueALine) {
  const auto all = instructions("RUN a \\\\\nRUN b");
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[0].words, List{"a \\\\"});
}

TEST(ParseDockerfile, TakesBomCarriageReturnsAndNoLastNewline) {
  const Dockerfile file = parse("\xEF\xBB\xBF# escape=`\r\nFROM a\r\nRUN x `\r\n  y\r\nRUN c:\\d");
  ASSERT_TRUE(file.diagnostics.empty());
  EXPECT_EQ(file.escape, '`');
  EXPECT_EQ(file.stages[0].instructions[0].words, List{"x   y"});
  EXPECT_EQ(file.stages[0].instructions[1].words, List{"c:\\d"});
  EXPECT_EQ(file.stages[0].from.span, (Span{0, 2, 1, 2, 7}));
}

TEST(ParseDockerfile, DirectivesStandAtTheTopOnly) {
  Dockerfile file =
      parse("#syntax=docker/dockerfile:1 x\n# CHECK = skip=A,B;error=true\n# escape=`\nFROM a\n");
  EXPECT_EQ(file.syntax, "docker/dockerfile:1 x");
  EXPECT_EQ(file.skip_checks, (List{"A", "B"}));
  EXPECT_TRUE(file.checks_are_errors);
  EXPECT_EQ(file.escape, '`');
  EXPECT_EQ(parse("# comment\n# escape=`\nFROM a\n").escape, '\\');
  EXPECT_EQ(parse("\n# escape=`\nFROM a\n").escape, '\\');
  EXPECT_EQ(parse("# other=1\n# escape=`\nFROM a\n").escape, '\\');
  EXPECT_EQ(parse("#!/usr/bin/build\n# syntax=x\nFROM a\n").syntax, "x");
  EXPECT_EQ(complaint("# escape=`\n# escape=`\nFROM a\n"),
            "2:1: only one escape directive can be used (remove this line)");
  EXPECT_EQ(complaint("# escape=x\nFROM a\n"), "1:1: invalid escape token \"x\" (use \\ or `)");
}

TEST(ParseDockerfile, ExecFormNeedsGoodJson) {
  EXPECT_EQ(one(R"(CMD [ "a", "b c\n" ])").words, (List{"a", "b c\n"}));
  EXPECT_TRUE(one(R"(CMD ["a"])").exec_form);
  EXPECT_TRUE(one("CMD []").exec_form);
  EXPECT_EQ(one("CMD []").words, List{});
  for (const char* shell : {"['a']", "[ -f x ]", "[\"a\"", "[\"a\"] b", "[\"a\",]", "a \"b\""}) {
    const Instruction cmd = one(std::string("CMD ") + shell);
    EXPECT_FALSE(cmd.exec_form) << shell;
    EXPECT_EQ(cmd.words, List{shell});
  }
  EXPECT_EQ(complaint("FROM a\nRUN [1]"),
            "2:1: when using JSON array syntax, arrays must be comprised of strings only (put "
            "every element "
            "into double quotes)");
  EXPECT_NE(complaint("FROM a\nCOPY [\"a\", [\"b\"]]"), "");
}

TEST(ParseDockerfile, ReadsFlagsBeforeArguments) {
  const Instruction copy =
      one("COPY --from=x --chown=\"a b\":c --exclude=*.o --exclude='*.a' --link --parents=false a "
          "--link b");
  EXPECT_EQ(copy.flag("from")->value, "x");
  EXPECT_EQ(copy.flag("chown")->value, "a b:c");
  EXPECT_EQ(copy.flag_values("exclude"), (List{"*.o", "*.a"}));
  EXPECT_EQ(copy.flag("link")->value, "true");
  EXPECT_FALSE(copy.flag("link")->has_value);
  EXPECT_EQ(copy.flag("parents")->value, "false");
  EXPECT_EQ(copy.flag("from")->span, (Span{0, 2, 6, 2, 14}));
  EXPECT_EQ(copy.words, (List{"a", "--link", "b"}));
  EXPECT_EQ(one("RUN -- --x").words, List{"--x"});
  EXPECT_EQ(one("COPY --from=한국 a b").flag("from")->value, "한국");
}

TEST(ParseDockerfile, FlagsOnOtherLinesHaveTheirPlace) {
  EXPECT_EQ(complaint("FROM a\nCOPY --chmod=1 \\\n  --form=b c d"),
            "3:3: unknown flag: --form (did you mean --from?)");
}

TEST(ParseDockerfile, ReadsEnvInBothForms) {
  const Instruction env = one(R"(ENV a=1 b="x y" c=d\ e f='g' h=)");
  ASSERT_EQ(env.assignments.size(), 5U);
  EXPECT_EQ(env.assignments[1].value, "\"x y\"");
  EXPECT_EQ(env.assignments[2].value, "d\\ e");
  EXPECT_EQ(env.assignments[4].value, "");
  EXPECT_FALSE(env.assignments[0].legacy);
  const Instruction old = one("LABEL name  some  value=1");
  EXPECT_EQ(old.assignments[0].name, "name");
  EXPECT_EQ(old.assignments[0].value, "some  value=1");
  EXPECT_TRUE(old.assignments[0].legacy);
}

TEST(ParseDockerfile, ReadsHeredocs) {
  const Instruction run =
      one("RUN <<EOF cat && <<-'B C' sh\n a $x\n\tEOF\nEOF\n\tx\n\t\ty\n\tB C\n");
  ASSERT_EQ(run.heredocs.size(), 2U);
  EXPECT_EQ(run.heredocs[0].name, "EOF");
  EXPECT_EQ(run.heredocs[0].content, " a $x\n\tEOF\n");
  EXPECT_TRUE(run.heredocs[0].expand);
  EXPECT_EQ(run.heredocs[1].name, "B C");
  EXPECT_EQ(run.heredocs[1].content, "x\ny\n");
  EXPECT_FALSE(run.heredocs[1].expand);
  EXPECT_EQ(run.words, List{"<<EOF cat && <<-'B C' sh"});
  EXPECT_EQ(run.span, (Span{0, 2, 1, 8, 4}));
  EXPECT_EQ(run.text_end_line, 2);
}

TEST(ParseDockerfile, HeredocsAreSourcesOfCopy) {
  const Instruction copy = one("COPY <<a.txt file <<\"b\" /dir/\n1\na.txt\n2\nb\n");
  EXPECT_EQ(copy.words, (List{"file", "/dir/"}));
  ASSERT_EQ(copy.heredocs.size(), 2U);
  EXPECT_EQ(copy.heredocs[0].content, "1\n");
  EXPECT_FALSE(copy.heredocs[1].expand);
  EXPECT_NE(
      complaint("FROM a\nCOPY x <<EOF\nEOF\n").find("cannot accept a heredoc as a destination"),
      std::string::npos);
}

TEST(ParseDockerfile, HeredocsStandWhereTheyMay) {
  EXPECT_EQ(one("CMD echo <<EOF").words, List{"echo <<EOF"});
  EXPECT_TRUE(one("RUN cat <<< word").heredocs.empty());
  EXPECT_TRUE(one("RUN echo \"<<EOF\"").heredocs.empty());
  EXPECT_TRUE(one("RUN [\"echo\", \"<<EOF\"]").heredocs.empty());
  EXPECT_EQ(one("RUN 3<<EOF cat\nx\nEOF").heredocs.size(), 1U);
  const Instruction onbuild = one("ONBUILD COPY <<EOF /x\nbody\nEOF\n");
  ASSERT_EQ(onbuild.trigger.size(), 1U);
  EXPECT_EQ(onbuild.trigger[0].heredocs[0].content, "body\n");
  EXPECT_EQ(
      complaint("FROM a\nRUN <<EOF\nx\n"),
      "2:1: unterminated heredoc: no line \"EOF\" follows (end it with a line of that word alone)");
}

TEST(ParseDockerfile, ReadsHealthchecks) {
  const Instruction shell = one("HEALTHCHECK --interval=5m cmd curl -f x || exit 1");
  EXPECT_EQ(shell.words, (List{"CMD", "curl -f x || exit 1"}));
  EXPECT_FALSE(shell.exec_form);
  const Instruction exec = one("HEALTHCHECK CMD [\"a\", \"b\"]");
  EXPECT_EQ(exec.words, (List{"CMD", "a", "b"}));
  EXPECT_TRUE(exec.exec_form);
  EXPECT_EQ(one("HEALTHCHECK none").words, List{"NONE"});
}

TEST(ParseDockerfile, ReadsTriggers) {
  const Instruction onbuild = one("ONBUILD   RUN --network=none make   all");
  EXPECT_EQ(onbuild.text, "RUN --network=none make   all");
  EXPECT_EQ(onbuild.trigger[0].kind, InstructionKind::kRun);
  EXPECT_EQ(onbuild.trigger[0].words, List{"make   all"});
  EXPECT_EQ(onbuild.trigger[0].flag("network")->span, (Span{0, 2, 15, 2, 29}));
}

TEST(ParseDockerfile, ReadsWordsListsAndTexts) {
  EXPECT_EQ(one("EXPOSE 80 \t 443/tcp").words, (List{"80", "443/tcp"}));
  EXPECT_EQ(one("VOLUME /a /b").words, (List{"/a", "/b"}));
  EXPECT_EQ(one("VOLUME [\"/a b\"]").words, List{"/a b"});
  EXPECT_EQ(one("WORKDIR /a b").words, List{"/a b"});
  EXPECT_EQ(one("SHELL [\"a\", \"-c\"]").words, (List{"a", "-c"}));
  EXPECT_EQ(one("ADD [\"a b\", \"c\"]").words, (List{"a b", "c"}));
}

TEST(ParseDockerfile, KeepsTheCommentsBeforeAnInstruction) {
  const Dockerfile file = parse("# one\n#\n# two\n#three\nFROM a\n");
  EXPECT_EQ(file.stages[0].from.comments, (List{"two", "three"}));
}

struct Wrong {
  const char* text;
  const char* complaint;
};
class Complains : public ::testing::TestWithParam<Wrong> {};

TEST_P(Complains, AtTheRightPlaceWithHelp) {
  EXPECT_EQ(complaint(GetParam().text), GetParam().complaint) << GetParam().text;
}

constexpr Wrong kWrong[] = {
    {"", "1:1: file with no instructions (begin with FROM image)"},
    {"# only\n\n", "1:1: file with no instructions (begin with FROM image)"},
    {"ARG a\n", "1:1: dockerfile contains no stages to build (begin with FROM image)"},
    {"RUN x\nFROM a\n",
     "1:1: no build stage in current context: RUN before the first FROM (begin with FROM image; "
     "only ARG may "
     "stand before it)"},
    {"FORM a\n", "1:1: unknown instruction: FORM (did you mean FROM?)"},
    {"FROM a\n  cpoy a b\n", "2:3: unknown instruction: cpoy (did you mean copy?)"},
    {"FROM a\nfrobnicate\n", "2:1: unknown instruction: frobnicate"},
    {"FROM\n",
     "1:1: FROM requires either one or three arguments (write FROM image or FROM image AS name)"},
    {"FROM a b\n",
     "1:1: FROM requires either one or three arguments (write FROM image or FROM image AS name)"},
    {"FROM a AS 1b\n",
     "1:1: invalid name for build stage: \"1b\" (a name starts with a letter and has letters, "
     "digits, '-', '_' "
     "and '.')"},
    {"FROM --platform a\n", "1:6: missing a value on flag: --platform (write --platform=VALUE)"},
    {"FROM a\nENV\n", "2:1: ENV requires at least one argument (write ENV name=value)"},
    {"FROM a\nENV a\n", "2:1: ENV must have two arguments (write ENV name=value)"},
    {"FROM a\nENV a=1 b\n",
     "2:1: can't find = in \"b\": must be of the form name=value (put a value with blanks into "
     "quotes)"},
    {"FROM a\nLABEL =b\n", "2:1: LABEL names can not be blank (write a name before =)"},
    {"FROM a\nARG\n",
     "2:1: ARG requires at least one argument (write ARG name or ARG name=default)"},
    {"FROM a\nARG =1\n", "2:1: ARG names can not be blank (write a name before =)"},
    {"FROM a\nCOPY a\n",
     "2:1: COPY requires at least two arguments, but only one was provided (write sources and then "
     "a "
     "destination)"},
    {"FROM a\nCOPY --link=maybe a b\n",
     "2:6: expecting boolean value for flag --link, not: \"maybe\" (write true or false)"},
    {"FROM a\nCOPY --link= a b\n", "2:6: missing a value on flag: --link (write true or false)"},
    {"FROM a\nCOPY --from=a --from=b a b\n",
     "2:15: duplicate flag specified: --from (give it once)"},
    {"FROM a\nENV --x a=b\n", "2:5: unknown flag: --x (ENV has no flags)"},
    {"FROM a\nWORKDIR\n", "2:1: WORKDIR requires exactly one argument"},
    {"FROM a\nUSER \n", "2:1: USER requires exactly one argument"},
    {"FROM a\nEXPOSE\n", "2:1: EXPOSE requires at least one argument"},
    {"FROM a\nVOLUME [\"\"]\n", "2:1: VOLUME can not have an empty argument"},
    {"FROM a\nRUN\n", "2:1: RUN requires at least one argument (write a command behind it)"},
    {"FROM a\nSHELL sh -c\n",
     "2:1: SHELL requires the arguments to be in JSON form (as in: SHELL [\"/bin/bash\", \"-c\"])"},
    {"FROM a\nSHELL []\n", "2:1: SHELL requires at least one argument"},
    {"FROM a\nONBUILD\n",
     "2:1: ONBUILD requires at least one argument (write an instruction behind it)"},
    {"FROM a\nONBUILD ONBUILD RUN x\n", "2:1: chaining ONBUILD via ONBUILD ONBUILD isn't allowed"},
    {"FROM a\nONBUILD from x\n", "2:1: FROM isn't allowed as an ONBUILD trigger"},
    {"FROM a\nONBUILD RUNN x\n", "2:9: unknown instruction: RUNN (did you mean RUN?)"},
    {"FROM a\nHEALTHCHECK\n",
     "2:1: HEALTHCHECK requires at least one argument (write CMD or NONE)"},
    {"FROM a\nHEALTHCHECK CMD\n",
     "2:1: missing command after HEALTHCHECK CMD (write HEALTHCHECK CMD command)"},
    {"FROM a\nHEALTHCHECK NONE x\n", "2:1: HEALTHCHECK NONE takes no arguments"},
    {"FROM a\nHEALTHCHECK curl x\n",
     "2:1: unknown type \"CURL\" in HEALTHCHECK (write HEALTHCHECK CMD command or HEALTHCHECK "
     "NONE; flags stand "
     "before CMD)"},
    {"\xFF\xFE\x46", "1:1: the file is in UTF-16 (save it in UTF-8)"},
};
INSTANTIATE_TEST_SUITE_P(Table, Complains, ::testing::ValuesIn(kWrong));

TEST(ParseDockerfile, GoesOnBehindErrorsWithinReason) {
  EXPECT_EQ(parse("FROM a\nRUNN x\nCOPY a\nUSER\n").diagnostics.size(), 3U);
  EXPECT_EQ(parse("FORM a\nRUN x\nUSER u\n").diagnostics.size(), 1U);
  EXPECT_EQ(parse("FROM a\nRNU <<EOF\nx\ny\nEOF\nRUN z\n").diagnostics.size(), 1U);
  std::string many = "FROM a\n";
  for (int i = 0; i < 1000; ++i) many += "bad\n";
  EXPECT_LE(parse(many).diagnostics.size(), 20U);
  std::string good = "FROM a\n";
  for (int i = 0; i < 10'000; ++i) good += "RUN x\n";
  EXPECT_EQ(parse(good).diagnostics.size(), 1U);
  EXPECT_EQ(parse(std::string(2 << 20, 'x')).diagnostics.size(), 1U);
  EXPECT_EQ(parse(std::string("FROM a\nRUN \0", 12)).diagnostics[0].span.column, 5);
}

TEST(ParseInstruction, ReadsOneTriggerOrChange) {
  const auto env = parse_instruction("ENV a=b");
  ASSERT_TRUE(env);
  EXPECT_EQ(env->assignments[0].value, "b");
  EXPECT_EQ(parse_instruction("COPY <<EOF /x\nbody\nEOF")->heredocs[0].content, "body\n");
  EXPECT_FALSE(parse_instruction(""));
  EXPECT_FALSE(parse_instruction("ENV a=b\nENV c=d"));
  EXPECT_EQ(parse_instruction("EVN a=b").error().text(),
            "parse instruction \"EVN a=b\": unknown instruction: EVN (did you mean ENV?)");
}

}  // namespace
}  // namespace slipway::pipeline
