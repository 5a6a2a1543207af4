// Help, completion and docs/cli.md, all printed from the option table.
#include <gtest/gtest.h>

#include "base/text.h"
#include "runner/cli/completion.h"
#include "runner/cli/console.h"
#include "runner/cli/help.h"
#include "runner/cli/options.h"
#include "tests/support/golden.h"

namespace slipway::runner {
namespace {

using testing::expect_golden;

std::vector<std::string> words_of(const Completion& completion) {
  std::vector<std::string> words;
  for (const Candidate& candidate : completion.candidates) words.push_back(candidate.word);
  return words;
}

TEST(Help, LooksAsAgreed) {
  expect_golden("cli/help.txt", help_text("", {}));
  expect_golden("cli/help-exec.txt", help_text("exec", {}));
  expect_golden("cli/help-run.txt", help_text("run", {}));
  expect_golden("cli/help-image.txt", help_text("image", {}));
  expect_golden("cli/help-image-import.txt", help_text("image import", {}));
}

TEST(Help, KeepsToTheWidth) {
  for (const CommandSpec& command : commands()) {
    const std::string help = help_text(command.path, {});
    for (const std::string_view line : split(help, '\n')) {
      const bool example = line.starts_with("  ") && !line.starts_with("   ");
      EXPECT_TRUE(example || display_width(line) <= 80) << line;
    }
  }
}

TEST(Help, DoesNotListHiddenCommands) {
  EXPECT_EQ(help_text("", {}).find("__complete"), std::string::npos);
}

TEST(Help, PageIsCurrent) { expect_golden("../../docs/cli.md", help_markdown()); }

TEST(Completion, ScriptsLookAsAgreed) {
  expect_golden("cli/completion.bash", completion_script("bash"));
  expect_golden("cli/completion.zsh", completion_script("zsh"));
  expect_golden("cli/completion.fish", completion_script("fish"));
}

TEST(Completion, OffersCommandsAndTheirShortForms) {
  EXPECT_EQ(words_of(complete_words({"im"})),
            (std::vector<std::string>{"image", "import", "images"}));
  EXPECT_EQ(words_of(complete_words({"registry", ""})),
            (std::vector<std::string>{"tags", "inspect", "rm", "referrers"}));
  EXPECT_EQ(words_of(complete_words({"help", "image", "ins"})),
            std::vector<std::string>{"inspect"});
}

TEST(Completion, OffersOptionsNotYetUsed) {
  EXPECT_EQ(words_of(complete_words({"exec", "--from", "x", "--fr"})), std::vector<std::string>{});
  EXPECT_EQ(words_of(complete_words({"exec", "--job", "x", "--job"})),
            (std::vector<std::string>{"--job", "--jobs"}));
}

TEST(Completion, KnowsWhatAValueIs) {
  EXPECT_EQ(words_of(complete_words({"exec", "--color", "a"})),
            (std::vector<std::string>{"auto", "always"}));
  EXPECT_EQ(words_of(complete_words({"exec", "--color=n"})),
            std::vector<std::string>{"--color=never"});
  EXPECT_EQ(complete_words({"exec", "--job", ""}).kind, Complete::kJob);
  EXPECT_EQ(complete_words({"exec", "ci.yml", "--job", ""}).file, "ci.yml");
  EXPECT_EQ(complete_words({"exec", ""}).kind, Complete::kFile);
  EXPECT_EQ(complete_words({"exec", "--state", ""}).kind, Complete::kDirectory);
  EXPECT_EQ(complete_words({"exec", "--job=te"}).prefix, "--job=");
}

TEST(Completion, KnowsWhereTheImageStands) {
  EXPECT_EQ(complete_words({"run", "-it", "-e", "A=1", ""}).kind, Complete::kImage);
  EXPECT_EQ(complete_words({"run", "-eA=1", "deb"}).kind, Complete::kImage);
  EXPECT_EQ(complete_words({"run", "debian", "l"}).kind, Complete::kFile);
  EXPECT_EQ(words_of(complete_words({"run", "debian", "--r"})), std::vector<std::string>{});
}

Environment variables(std::vector<std::pair<std::string, std::string>> set) {
  return [set](const std::string& name) -> std::optional<std::string> {
    for (const auto& [key, value] : set) {
      if (key == name) return value;
    }
    return std::nullopt;
  };
}

TEST(Colour, ObeysOptionThenVariables) {
  constexpr int kNoTerminal = -1;
  EXPECT_TRUE(wants_colour("always", kNoTerminal, variables({{"NO_COLOR", "1"}})));
  EXPECT_FALSE(wants_colour("never", kNoTerminal, variables({{"CLICOLOR_FORCE", "1"}})));
  EXPECT_TRUE(wants_colour("auto", kNoTerminal, variables({{"CLICOLOR_FORCE", "1"}})));
  EXPECT_FALSE(
      wants_colour("", kNoTerminal, variables({{"CLICOLOR_FORCE", "1"}, {"NO_COLOR", "1"}})));
  EXPECT_FALSE(
      wants_colour("", kNoTerminal, variables({{"CLICOLOR_FORCE", "0"}, {"TERM", "xterm"}})));
}

}  // namespace
}  // namespace slipway::runner
