// The command line's grammar and the option table's own rules.
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "base/text.h"
#include "runner/cli/invocation.h"

namespace slipway::runner {
namespace {

using Variables = std::map<std::string, std::string>;

Parsed parse(const std::vector<std::string>& words, Variables variables = {}) {
  return parse_command_line(words, [variables](const std::string& name) {
    const auto found = variables.find(name);
    return found == variables.end() ? std::nullopt : std::optional<std::string>(found->second);
  });
}

Invocation parsed(const std::vector<std::string>& words, Variables variables = {}) {
  Parsed result = parse(words, std::move(variables));
  if (const auto* error = std::get_if<UsageError>(&result)) ADD_FAILURE() << error->message;
  if (!std::holds_alternative<Invocation>(result)) return Invocation(*find_command("version"));
  return std::get<Invocation>(std::move(result));
}

UsageError error_of(const std::vector<std::string>& words, Variables variables = {}) {
  const Parsed result = parse(words, std::move(variables));
  if (const auto* error = std::get_if<UsageError>(&result)) return *error;
  ADD_FAILURE() << "no usage error";
  return {};
}

TEST(OptionTable, HasNoNameOrLetterTwice) {
  for (const CommandSpec& command : commands()) {
    std::set<std::string_view> names;
    std::set<char> letters;
    for (const auto& options : {command.options, global_options()}) {
      for (const OptionSpec& option : options) {
        EXPECT_TRUE(names.insert(option.name).second) << command.path << " --" << option.name;
        if (option.letter != 0) {
          EXPECT_TRUE(letters.insert(option.letter).second)
              << command.path << " -" << option.letter;
        }
      }
    }
  }
}

TEST(OptionTable, FindsEachCommandByPathAndAlias) {
  for (const CommandSpec& command : commands()) {
    EXPECT_EQ(find_command(command.path), &command);
    for (const std::string_view alias : split(command.aliases, ' ')) {
      if (!alias.empty()) {
        EXPECT_EQ(find_command(alias), &command) << alias;
      }
    }
    EXPECT_NE(command.run, nullptr);
    EXPECT_FALSE(command.summary.ends_with('.')) << command.path;
  }
}

TEST(OptionTable, GivesFlagsNoValueNameAndValuesOne) {
  for (const CommandSpec& command : commands()) {
    for (const OptionSpec& option : command.options) {
      EXPECT_EQ(option.value.empty(), option.kind == OptionKind::kFlag)
          << command.path << " --" << option.name;
      EXPECT_EQ(option.complete == Complete::kWords, !option.words.empty())
          << command.path << " --" << option.name;
    }
  }
}

TEST(CommandLine, TakesOptionsBeforeAndAfterOperands) {
  const Invocation line = parsed({"exec", "--job", "a", "ci.yml", "--job=b", "-j4"});
  EXPECT_EQ(line.operands(), std::vector<std::string>{"ci.yml"});
  EXPECT_EQ(line.list("job"), (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(line.value("jobs"), "4");
}

TEST(CommandLine, TakesGlobalOptionsAnywhere) {
  EXPECT_EQ(parsed({"--state", "/s", "exec"}).value("state"), "/s");
  EXPECT_EQ(parsed({"exec", "--state=/s"}).value("state"), "/s");
  EXPECT_EQ(parsed({"image", "--state=/s", "ls"}).value("state"), "/s");
}

TEST(CommandLine, JoinsShortOptionsAsDockerDoes) {
  const Invocation line =
      parsed({"run", "-it", "-eA=1", "-e", "B=2", "-w/src", "-m=64m", "busybox"});
  EXPECT_TRUE(line.flag("interactive"));
  EXPECT_TRUE(line.flag("tty"));
  EXPECT_EQ(line.list("env"), (std::vector<std::string>{"A=1", "B=2"}));
  EXPECT_EQ(line.value("workdir"), "/src");
  EXPECT_EQ(line.value("memory"), "64m");
}

TEST(CommandLine, LeavesOptionsAfterTheImageToTheCommand) {
  const Invocation line = parsed({"run", "--rm", "busybox", "ls", "-it", "--help", "--", "x"});
  EXPECT_EQ(line.operands(),
            (std::vector<std::string>{"busybox", "ls", "-it", "--help", "--", "x"}));
  EXPECT_FALSE(line.flag("tty"));
}

TEST(CommandLine, EndsOptionsAtTwoDashes) {
  EXPECT_EQ(parsed({"image", "rm", "--", "-odd"}).operands(), std::vector<std::string>{"-odd"});
  EXPECT_EQ(parsed({"image", "import", "-", "x"}).operands(), (std::vector<std::string>{"-", "x"}));
}

TEST(CommandLine, TakesFalseForAFlag) {
  EXPECT_FALSE(parsed({"run", "--rm=false", "x"}).flag("rm"));
  EXPECT_TRUE(parsed({"run", "--rm=TRUE", "x"}).flag("rm"));
  EXPECT_EQ(error_of({"check", "--json=maybe"}).message,
            "--json is on or off: give it true or false, not \"maybe\"");
}

TEST(CommandLine, ReadsShortAndOwnVariables) {
  EXPECT_EQ(parsed({"exec"}, {{"RUNNER_JOBS", "3"}}).value("jobs"), "3");
  EXPECT_EQ(parsed({"exec"}, {{"RUNNER_JOBS", "3"}, {"RUNNER_EXEC_JOBS", "5"}}).value("jobs"), "5");
  EXPECT_EQ(parsed({"exec", "-j7"}, {{"RUNNER_EXEC_JOBS", "5"}}).value("jobs"), "7");
  EXPECT_EQ(parsed({"exec"}, {{"RUNNER_STATE", "/s"}}).value("state"), "/s");
  EXPECT_EQ(parsed({"exec"}, {{"RUNNER_JOB", "a\nb, c"}}).list("job"),
            (std::vector<std::string>{"a", "b, c"}));
  EXPECT_TRUE(parsed({"image", "ls"}, {{"RUNNER_IMAGE_LS_JSON", "1"}}).flag("json"));
}

TEST(CommandLine, IgnoresTheRunnerNameThatGithubSets) {
  EXPECT_FALSE(parsed({"run", "x"}, {{"RUNNER_NAME", "GitHub Actions 2"}}).given("name"));
  EXPECT_EQ(parsed({"run", "x"}, {{"RUNNER_RUN_NAME", "web"}}).value("name"), "web");
}

TEST(CommandLine, NamesTheVariableWithAWrongValue) {
  const UsageError error = error_of({"exec"}, {{"RUNNER_COLOR", "alwas"}});
  EXPECT_EQ(error.message, "unknown value \"alwas\" of RUNNER_COLOR");
  EXPECT_EQ(error.help, "did you mean \"always\"?");
}

TEST(CommandLine, SuggestsTheNearOption) {
  const UsageError error = error_of({"exec", "--jbo", "x"});
  EXPECT_EQ(error.where, "runner exec");
  EXPECT_EQ(error.message, "unknown option \"--jbo\"");
  EXPECT_EQ(error.help, "did you mean \"--job\"?");
  EXPECT_EQ(error.exit_code, 2);
}

TEST(CommandLine, SuggestsTheNearCommand) {
  EXPECT_EQ(error_of({"exce"}).help, "did you mean \"exec\"?");
  EXPECT_EQ(error_of({"imgae"}).help, "did you mean \"image\"?");
  EXPECT_EQ(error_of({"image", "improt"}).help, "did you mean \"import\"?");
  EXPECT_EQ(error_of({"frobnicate"}).help, "see `runner --help`");
  EXPECT_EQ(error_of({"image", "frobnicate"}).help, "see `runner image --help`");
}

TEST(CommandLine, CountsOperands) {
  EXPECT_EQ(error_of({"image", "tag", "a"}).message, "missing operand NAME[:TAG]");
  EXPECT_EQ(error_of({"image", "rm"}).message, "missing operand IMAGE");
  EXPECT_EQ(error_of({"check", "a", "b"}).message, "unexpected operand \"b\"");
  EXPECT_EQ(error_of({"completion", "fisch"}).message, "unknown value \"fisch\" of SHELL");
  EXPECT_EQ(error_of({"completion", "fisch"}).help, "did you mean \"fish\"?");
  EXPECT_EQ(error_of({"exec", "--job"}).message, "option \"--job\" needs a value: JOB");
}

TEST(CommandLine, ReportsRunMistakesWithDockersCode) {
  EXPECT_EQ(error_of({"run", "--nope", "x"}).exit_code, 125);
}

TEST(CommandLine, MakesControlCharactersInWordsVisible) {
  EXPECT_EQ(error_of({"exec", "--\x1b[31m"}).message, "unknown option \"--\\x1b[31m\"");
}

TEST(CommandLine, ShowsHelpForWhatStandsBeforeIt) {
  EXPECT_EQ(std::get<HelpRequest>(parse({"--help"})).topic, "");
  EXPECT_EQ(std::get<HelpRequest>(parse({})).topic, "");
  EXPECT_EQ(std::get<HelpRequest>(parse({"exec", "x", "-h"})).topic, "exec");
  EXPECT_EQ(std::get<HelpRequest>(parse({"image"})).topic, "image");
  EXPECT_EQ(std::get<HelpRequest>(parse({"images", "--help"})).topic, "image ls");
  EXPECT_EQ(parsed({"run", "-h", "box", "x"}).value("hostname"), "box");
  EXPECT_TRUE(std::holds_alternative<VersionRequest>(parse({"--version"})));
}

}  // namespace
}  // namespace slipway::runner
