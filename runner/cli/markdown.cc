// docs/cli.md: the option table as one page.
#include "base/text.h"
#include "runner/cli/help.h"
#include "runner/cli/help_words.h"

namespace slipway::runner {
namespace {

std::string cell(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '|') out += '\\';
    out += c;
  }
  return out;
}

void add_options(std::string& out, const CommandSpec* command,
                 std::span<const OptionSpec> options) {
  if (options.empty()) return;
  out += "\n| option | variable | meaning |\n|---|---|---|\n";
  for (const OptionSpec& option : options) {
    out += "| `" + cell(trim(option_words(option))) + "` | `" + own_variable(command, option) +
           "` | " + cell(option.help) + " |\n";
  }
}

void add_command(std::string& out, const CommandSpec& command) {
  out += "\n### runner " + std::string(command_title(command)) + "\n\n" +
         std::string(command.summary) + "\n\n    " + usage_line(command.path) + "\n";
  if (command_title(command) != command.path)
    out += "\nAlso: `runner " + std::string(command.path) + "`\n";
  else if (!command.aliases.empty())
    out += "\nShort form: `runner " + std::string(command.aliases) + "`\n";
  if (!command.details.empty()) out += "\n" + std::string(command.details) + "\n";
  if (!command.positionals.empty()) out += "\n";
  for (const PositionalSpec& positional : command.positionals) {
    out += "- `" + std::string(positional.name) + "`: " + std::string(positional.help) + "\n";
  }
  add_options(out, &command, command.options);
  if (!command.examples.empty()) out += "\n```sh\n";
  for (const Example& example : command.examples) {
    out += std::string(example.command) + "    # " + std::string(example.meaning) + "\n";
  }
  if (!command.examples.empty()) out += "```\n";
}

}  // namespace

std::string help_markdown() {
  std::string out =
      "# The command line\n\nMade from the option table by `runner help --markdown`; a test keeps "
      "it current.\n\n"
      "Data goes to standard output, everything else to standard error. " +
      std::string(kVariablesNote) + "\n";
  out += "\n## Options of every command\n";
  add_options(out, nullptr, global_options());
  for (const Group group : kShownGroups) {
    out += "\n## " + std::string(group_title(group)) + "\n";
    for (const CommandSpec& command : commands()) {
      if (command.group == group) add_command(out, command);
    }
  }
  return out;
}

}  // namespace slipway::runner
