// Help made from the option table: the overview, one command, one group of commands. The Markdown form is in
// markdown.cc.
#include "runner/cli/help.h"

#include <algorithm>
#include <cstdlib>
#include <vector>

#include "runner/cli/console.h"
#include "runner/cli/help_words.h"

namespace slipway::runner {
namespace {

constexpr std::size_t kOptionColumn = 30;   // fits "  -e, --env-file NAME=VALUE"
constexpr std::size_t kCommandColumn = 21;  // fits "  container restart"

/// Appends words at `column`, breaking lines before `width`. The text before stands at column `at`.
void fill(std::string& out, std::string_view text, std::size_t at, std::size_t column,
          std::size_t width) {
  bool first = true;
  while (!text.empty()) {
    const std::size_t space = text.find(' ');
    const std::string_view word = text.substr(0, space);
    text = space == std::string_view::npos ? std::string_view() : text.substr(space + 1);
    if (!first && at + 1 + word.size() > width) {
      out += "\n" + std::string(column, ' ');
      at = column;
      first = true;
    }
    if (!first) {
      out += ' ';
      ++at;
    }
    out += word;
    at += word.size();
    first = false;
  }
  out += '\n';
}

/// One line of a two-column list; a long left side gets its own line.
void add_row(std::string& out, const std::string& left, std::string_view right, std::size_t column,
             std::size_t width) {
  out += "  " + left;
  std::size_t at = 2 + left.size();
  if (at + 2 > column) {
    out += '\n';
    at = 0;
  }
  out += std::string(column - at, ' ');
  fill(out, right, column, column, width);
}

void add_title(std::string& out, std::string_view title, const HelpStyle& style) {
  out += "\n" + styled(title, Style::kBold, style.colour) + "\n";
}

void add_paragraphs(std::string& out, std::string_view text, std::size_t width) {
  while (!text.empty()) {
    const std::size_t end = text.find("\n\n");
    out += '\n';
    fill(out, text.substr(0, end), 0, 0, width);
    text = end == std::string_view::npos ? std::string_view() : text.substr(end + 2);
  }
}

void add_options(std::string& out, std::span<const OptionSpec> options, const HelpStyle& style) {
  for (const OptionSpec& option : options)
    add_row(out, option_words(option), option.help, kOptionColumn, style.width);
}

void add_command_rows(std::string& out, Group group, const HelpStyle& style) {
  for (const CommandSpec& command : commands()) {
    if (command.group != group) continue;
    std::string summary(command.summary);
    if (!command.aliases.empty() && command_title(command) == command.path)
      summary += " (also: " + std::string(command.aliases) + ")";
    add_row(out, std::string(command_title(command)), summary, kCommandColumn, style.width);
  }
}

std::string overview(const HelpStyle& style) {
  std::string out =
      "Slipway runs CI pipelines in containers of its own, without a daemon.\n\nusage: runner "
      "COMMAND [OPTIONS]\n";
  for (const Group group : kShownGroups) {
    add_title(out, group_title(group), style);
    add_command_rows(out, group, style);
  }
  add_title(out, "Options of every command", style);
  add_options(out, global_options(), style);
  add_row(out, "-h, --help", "explain the command", kOptionColumn, style.width);
  add_row(out, "    --version", "print the version", kOptionColumn, style.width);
  out += '\n';
  fill(out, kVariablesNote, 0, 0, style.width);
  out += "\nStart with `runner doctor`, then `runner exec` where a .slipway.yml is.\n";
  return out;
}

std::string group_help(std::string_view word, const HelpStyle& style) {
  std::string out = "runner " + std::string(word) + ": " +
                    std::string(command_group_summary(word)) + "\n\nusage: runner " +
                    std::string(word) + " COMMAND [OPTIONS]\n";
  add_title(out, "Commands", style);
  for (const CommandSpec& command : commands()) {
    if (!command.path.starts_with(std::string(word) + " ")) continue;
    add_row(out, std::string(command.path.substr(word.size() + 1)), command.summary, kCommandColumn,
            style.width);
  }
  out += "\nSee `runner " + std::string(word) + " COMMAND --help`.\n";
  return out;
}

std::string command_help(const CommandSpec& command, const HelpStyle& style) {
  std::string out;
  fill(out, "runner " + std::string(command_title(command)) + ": " + std::string(command.summary),
       0, 2, style.width);
  out += "\nusage: " + usage_line(command.path) + "\n";
  if (command_title(command) != command.path)
    out += " also: runner " + std::string(command.path) + "\n";
  else if (!command.aliases.empty())
    out += " also: runner " + std::string(command.aliases) + "\n";
  add_paragraphs(out, command.details, style.width);
  if (!command.positionals.empty()) {
    add_title(out, "Operands", style);
    for (const PositionalSpec& positional : command.positionals) {
      add_row(out, std::string(positional.name), positional.help, kOptionColumn, style.width);
    }
  }
  add_title(out, "Options", style);
  add_options(out, command.options, style);
  if (!command.options.empty()) out += '\n';
  add_options(out, global_options(), style);
  add_row(out, find_option(&command, 'h') != nullptr ? "    --help" : "-h, --help",
          "explain the command", kOptionColumn, style.width);
  if (!command.examples.empty()) add_title(out, "Examples", style);
  for (const Example& example : command.examples) {
    out += "  " + std::string(example.command) + "\n" + std::string(6, ' ') +
           styled(example.meaning, Style::kDim, style.colour) + "\n";
  }
  return out;
}

}  // namespace

std::string option_words(const OptionSpec& option) {
  std::string words =
      option.letter != 0 ? std::string("-") + option.letter + ", " : std::string(4, ' ');
  words += "--" + std::string(option.name);
  if (!option.value.empty()) words += " " + std::string(option.value);
  return words;
}

std::string usage_line(std::string_view command_path) {
  const CommandSpec* command = find_command(command_path);
  if (command == nullptr) std::abort();
  std::string line = "runner " + std::string(command_title(*command)) + " [OPTIONS]";
  for (const PositionalSpec& positional : command->positionals) {
    const std::string name = std::string(positional.name) + (positional.max < 0 ? "..." : "");
    line += positional.min == 0 ? " [" + name + "]" : " " + name;
  }
  return line;
}

std::string help_text(std::string_view topic, const HelpStyle& style) {
  if (topic.empty()) return overview(style);
  if (is_command_group(topic)) return group_help(topic, style);
  const CommandSpec* command = find_command(topic);
  if (command == nullptr) std::abort();
  return command_help(*command, style);
}

}  // namespace slipway::runner
