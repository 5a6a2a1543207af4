// Which words fit at the cursor, read off the option table. Looking up images, jobs and steps is in
// complete_command.cc.
#include "runner/cli/completion.h"

#include <algorithm>
#include <set>

#include "base/text.h"

namespace slipway::runner {
namespace {

class Completer {
 public:
  explicit Completer(const std::vector<std::string>& words) : words_(words) {}

  Completion complete() {
    if (words_.empty()) return result_;
    for (std::size_t i = 0; i + 1 < words_.size(); ++i) pass(words_[i]);
    const std::string& last = words_.back();
    if (value_of_ != nullptr) {
      complete_value(*value_of_, last, "");
    } else if (!options_ended_ && last.starts_with("--") && last.find('=') != std::string::npos) {
      const std::size_t equals = last.find('=');
      const OptionSpec* option =
          find_option(command_, std::string_view(last).substr(2, equals - 2));
      if (option != nullptr)
        complete_value(*option, last.substr(equals + 1), last.substr(0, equals + 1));
    } else if (!options_ended_ && last.starts_with('-')) {
      complete_option(last);
    } else if (command_ == nullptr) {
      complete_command_word(last);
    } else {
      complete_operand(last);
    }
    return std::move(result_);
  }

 private:
  /// Takes note of a word before the cursor.
  void pass(const std::string& word) {
    if (value_of_ != nullptr) {
      value_of_ = nullptr;
    } else if (!options_ended_ && word == "--") {
      options_ended_ = true;
    } else if (!options_ended_ && word.size() > 1 && word[0] == '-') {
      pass_option(word);
    } else if (command_ == nullptr) {
      const std::string path = group_.empty() ? word : group_ + " " + word;
      command_ = find_command(path);
      if (command_ == nullptr && is_command_group(word)) group_ = word;
    } else {
      if (operands_++ == 0) result_.file = word;
      if (command_->grammar == Grammar::kUntilOperand) options_ended_ = true;
    }
  }

  void pass_option(const std::string& word) {
    const OptionSpec* option = nullptr;
    if (word.starts_with("--")) {
      if (word.find('=') == std::string::npos)
        option = find_option(command_, std::string_view(word).substr(2));
      used_.insert(word.substr(0, word.find('=')));
    } else {
      for (std::size_t at = 1; at < word.size(); ++at) {
        option = find_option(command_, word[at]);
        if (option == nullptr) break;
        used_.insert("--" + std::string(option->name));
        if (option->kind != OptionKind::kFlag && at + 1 < word.size())
          return;  // its value is joined
      }
    }
    if (option != nullptr && option->kind != OptionKind::kFlag) value_of_ = option;
  }

  void add(std::string word, std::string_view meaning, std::string_view start) {
    if (word.starts_with(start))
      result_.candidates.push_back({std::move(word), std::string(meaning)});
  }

  void complete_value(const OptionSpec& option, const std::string& partial,
                      const std::string& prefix) {
    set_lookup(option.complete, option.words, partial, prefix);
  }

  void set_lookup(Complete kind, std::string_view words, const std::string& partial,
                  const std::string& prefix) {
    result_.kind = kind;
    result_.prefix = prefix;
    result_.partial = partial;
    if (kind == Complete::kWords) {
      for (std::string_view word : split(words, '|'))
        add(prefix + std::string(word), "", prefix + partial);
      result_.kind = Complete::kNothing;
    }
    if (kind == Complete::kCommand) {
      complete_command_word(partial);
      result_.kind = Complete::kNothing;
    }
  }

  void complete_option(const std::string& last) {
    const auto offer = [&](const OptionSpec& option) {
      const std::string word = "--" + std::string(option.name);
      if (option.kind == OptionKind::kList || !used_.contains(word)) add(word, option.help, last);
    };
    if (command_ != nullptr)
      std::for_each(command_->options.begin(), command_->options.end(), offer);
    std::for_each(global_options().begin(), global_options().end(), offer);
    add("--help", "explain the command", last);
    if (command_ == nullptr && group_.empty()) add("--version", "print the version", last);
  }

  void complete_command_word(const std::string& last) {
    std::set<std::string> groups;
    for (const CommandSpec& command : commands()) {
      if (command.group == Group::kHidden) continue;
      const std::string path(command.path);
      const std::size_t space = path.find(' ');
      if (!group_.empty()) {
        if (path.starts_with(group_ + " ")) add(path.substr(space + 1), command.summary, last);
        continue;
      }
      const std::string first = path.substr(0, space);
      if (space == std::string::npos)
        add(path, command.summary, last);
      else if (groups.insert(first).second)
        add(first, command_group_summary(first), last);
      for (std::string_view alias : split(command.aliases, ' ')) {
        if (!alias.empty()) add(std::string(alias), command.summary, last);
      }
    }
  }

  void complete_operand(const std::string& last) {
    if (command_->path == "help" && operands_ == 1) group_ = result_.file;
    std::size_t at = 0;
    for (const PositionalSpec& positional : command_->positionals) {
      at += positional.max < 0 ? words_.size() : static_cast<std::size_t>(positional.max);
      if (operands_ >= at) continue;
      set_lookup(positional.complete, positional.words, last, "");
      return;
    }
  }

  const std::vector<std::string>& words_;
  Completion result_;
  const CommandSpec* command_ = nullptr;
  const OptionSpec* value_of_ = nullptr;
  std::string group_;
  std::set<std::string> used_;
  std::size_t operands_ = 0;
  bool options_ended_ = false;
};

}  // namespace

Completion complete_words(const std::vector<std::string>& words) {
  return Completer(words).complete();
}

}  // namespace slipway::runner
