// Words to an Invocation, driven by the option table. Docker's grammar where it matters: joined short options
// (`-it`, `-eNAME=v`), and options after IMAGE belong to the container's command.
#include <cstdlib>

#include "base/text.h"
#include "runner/cli/invocation.h"

namespace slipway::runner {
namespace {

std::string quoted(std::string_view word) { return "\"" + printable(word) + "\""; }

class Parser {
 public:
  Parser(const std::vector<std::string>& words, const Environment& environment)
      : words_(words), environment_(environment) {}

  Parsed parse() {
    while (!error_ && !command_ && index_ < words_.size() && !help_ && !version_) {
      const std::string& word = words_[index_++];
      if (is_option(word)) {
        take_option(word);
      } else {
        take_command_word(word);
      }
    }
    if (!error_ && command_ && !help_) parse_command();
    return finish();
  }

 private:
  static bool is_option(const std::string& word) { return word.size() > 1 && word[0] == '-'; }

  std::string where() const {
    return command_         ? "runner " + std::string(command_title(*command_))
           : group_.empty() ? "runner"
                            : "runner " + group_;
  }

  void fail_usage(std::string message, std::string help = "") {
    if (error_) return;
    if (help.empty()) help = "see `" + where() + " --help`";
    error_ = UsageError{where(), std::move(message), std::move(help),
                        command_ ? command_->usage_exit : 2};
  }

  void take_command_word(const std::string& word) {
    if (group_.empty() && is_command_group(word)) {
      group_ = word;
      return;
    }
    const std::string path = group_.empty() ? word : group_ + " " + word;
    command_ = find_command(path);
    if (command_ == nullptr) unknown_command(word);
  }

  void unknown_command(const std::string& word) {
    std::vector<std::string> candidates;
    for (const CommandSpec& command : commands()) {
      if (command.group == Group::kHidden) continue;
      const std::string path(command.path);
      const std::size_t space = path.find(' ');
      if (group_.empty()) {
        candidates.push_back(path.substr(0, space));
        for (std::string_view alias : split(command.aliases, ' ')) candidates.emplace_back(alias);
      } else if (path.starts_with(group_ + " ")) {
        candidates.push_back(path.substr(space + 1));
      }
    }
    const auto near = did_you_mean(word, candidates);
    fail_usage("unknown command " + quoted(word),
               near ? "did you mean " + quoted(*near) + "?" : "");
  }

  void parse_command() {
    invocation_.emplace(*command_);
    for (const auto& [option, value] : early_) invocation_->set(*option, value);
    bool options_ended = false;
    while (!error_ && !help_ && index_ < words_.size()) {
      const std::string& word = words_[index_++];
      if (!options_ended && word == "--") {
        options_ended = true;
      } else if (!options_ended && is_option(word)) {
        take_option(word);
      } else {
        invocation_->add_operand(word);
        if (command_->grammar == Grammar::kUntilOperand) options_ended = true;
      }
    }
    if (error_ || help_) return;
    read_environment();
    check_operands();
  }

  void take_option(const std::string& word) {
    if (word == "--help") {
      help_ = true;
    } else if (word == "--version" && command_ == nullptr) {
      version_ = true;
    } else if (word.starts_with("--")) {
      take_long(word);
    } else {
      take_letters(word);
    }
  }

  void take_long(const std::string& word) {
    const std::size_t equals = word.find('=');
    const std::string name = word.substr(2, equals == std::string::npos ? equals : equals - 2);
    const OptionSpec* option = find_option(command_, name);
    if (option == nullptr) return unknown_option("--" + name);
    if (equals != std::string::npos) return store(*option, word.substr(equals + 1), "--" + name);
    if (option->kind == OptionKind::kFlag) return store(*option, "true", "--" + name);
    take_next_word(*option, "--" + name);
  }

  void take_letters(const std::string& word) {
    for (std::size_t at = 1; at < word.size() && !error_; ++at) {
      const char letter = word[at];
      const std::string shown = std::string("-") + letter;
      const OptionSpec* option = find_option(command_, letter);
      if (option == nullptr && letter == 'h') {
        help_ = true;
        return;
      }
      if (option == nullptr) return unknown_option(shown);
      if (option->kind == OptionKind::kFlag) {
        store(*option, "true", shown);
        continue;
      }
      if (at + 1 == word.size()) return take_next_word(*option, shown);
      const std::size_t skip = word[at + 1] == '=' ? 2 : 1;
      return store(*option, word.substr(at + skip), shown);
    }
  }

  void take_next_word(const OptionSpec& option, const std::string& shown) {
    if (index_ >= words_.size()) {
      return fail_usage("option " + quoted(shown) + " needs a value: " + std::string(option.value));
    }
    store(option, words_[index_++], shown);
  }

  void unknown_option(const std::string& shown) {
    for (const RefusedOption& refused :
         command_ != nullptr ? command_->refused : std::span<const RefusedOption>()) {
      if (shown == "--" + std::string(refused.name))
        return fail_usage("option " + quoted(shown) + " is not possible here",
                          std::string(refused.reason));
    }
    std::vector<std::string> candidates{"--help"};
    if (command_ != nullptr) {
      for (const OptionSpec& option : command_->options)
        candidates.push_back("--" + std::string(option.name));
    }
    for (const OptionSpec& option : global_options())
      candidates.push_back("--" + std::string(option.name));
    const auto near = did_you_mean(shown, candidates);
    fail_usage("unknown option " + quoted(shown),
               near ? "did you mean " + quoted(*near) + "?" : "");
  }

  /// False (and a usage error) unless `words` is empty or has `value` among them.
  bool check_word(std::string_view words, const std::string& value, const std::string& shown) {
    if (words.empty()) return true;
    std::vector<std::string> allowed;
    for (const std::string_view word : split(words, '|')) allowed.emplace_back(word);
    if (std::find(allowed.begin(), allowed.end(), value) != allowed.end()) return true;
    const auto near = did_you_mean(value, allowed);
    fail_usage("unknown value " + quoted(value) + " of " + shown,
               near ? "did you mean " + quoted(*near) + "?" : "one of: " + join(allowed, ", "));
    return false;
  }

  /// `shown` is how the user wrote it: an option or a variable.
  void store(const OptionSpec& option, std::string value, const std::string& shown) {
    if (option.kind == OptionKind::kFlag) {
      const std::string lower = to_lower(value);
      const bool yes = lower == "true" || lower == "1" || lower == "yes" || lower == "on";
      const bool no =
          lower == "false" || lower == "0" || lower == "no" || lower == "off" || lower.empty();
      if (!yes && !no)
        return fail_usage(shown + " is on or off: give it true or false, not " + quoted(value));
      value = yes ? "true" : "false";
    } else if (!check_word(option.words, value, shown)) {
      return;
    }
    if (invocation_) {
      invocation_->set(option, std::move(value));
    } else {
      early_.emplace_back(&option, std::move(value));
    }
  }

  void read_environment() {
    for (const OptionSpec& option : command_->options) read_variable(option);
    for (const OptionSpec& option : global_options()) read_variable(option);
  }

  void read_variable(const OptionSpec& option) {
    if (invocation_->given(option.name)) return;
    std::string name = own_variable(command_, option);
    std::optional<std::string> value = environment_(name);
    if (!value && option.variable == Variable::kShared)
      value = environment_(name = shared_variable(option));
    if (!value || (value->empty() && option.kind != OptionKind::kFlag)) return;
    invocation_->mark_from_variable(option);
    if (option.kind != OptionKind::kList) return store(option, *value, name);
    for (std::string_view line : split(*value, '\n')) {
      if (!line.empty()) store(option, std::string(line), name);
    }
  }

  void check_operands() {
    std::size_t least = 0;
    std::size_t most = 0;
    bool open = false;
    const std::size_t count = invocation_->operands().size();
    for (const PositionalSpec& positional : command_->positionals) {
      least += static_cast<std::size_t>(positional.min);
      if (positional.max < 0)
        open = true;
      else
        most += static_cast<std::size_t>(positional.max);
      if (count < least) return fail_usage("missing operand " + std::string(positional.name));
      if (most > 0 && most <= count && positional.max == 1) {
        check_word(positional.words, invocation_->operands()[most - 1],
                   std::string(positional.name));
      }
    }
    if (!open && count > most) {
      fail_usage("unexpected operand " + quoted(invocation_->operands()[most]));
    }
  }

  Parsed finish() {
    if (help_) return HelpRequest{command_ ? std::string(command_->path) : group_};
    if (version_) return VersionRequest{};
    if (error_) return *error_;
    if (!invocation_) return HelpRequest{group_};
    return *std::move(invocation_);
  }

  const std::vector<std::string>& words_;
  const Environment& environment_;
  std::size_t index_ = 0;
  std::string group_;
  const CommandSpec* command_ = nullptr;
  std::vector<std::pair<const OptionSpec*, std::string>> early_;
  std::optional<Invocation> invocation_;
  std::optional<UsageError> error_;
  bool help_ = false;
  bool version_ = false;
};

}  // namespace

Parsed parse_command_line(const std::vector<std::string>& words, const Environment& environment) {
  return Parser(words, environment).parse();
}

Environment process_environment() {
  return [](const std::string& name) -> std::optional<std::string> {
    const char* value = std::getenv(name.c_str());
    return value ? std::optional<std::string>(value) : std::nullopt;
  };
}

std::string Invocation::operand(std::size_t index) const {
  return index < operands_.size() ? operands_[index] : std::string();
}

void Invocation::set(const OptionSpec& option, std::string value) {
  std::vector<std::string>& values = values_[option.name];
  if (option.kind != OptionKind::kList) values.clear();
  values.push_back(std::move(value));
}

bool Invocation::given(std::string_view option) const { return !list(option).empty(); }

bool Invocation::on_line(std::string_view option) const {
  return given(option) && !from_variables_.contains(option);
}

bool Invocation::flag(std::string_view option) const { return value(option) == "true"; }

std::string Invocation::value(std::string_view option, std::string_view fallback) const {
  const std::vector<std::string>& values = list(option);
  return values.empty() ? std::string(fallback) : values.back();
}

const std::vector<std::string>& Invocation::list(std::string_view option) const {
  static const std::vector<std::string> kNone;
  if (find_option(command_, option) == nullptr) std::abort();
  const auto found = values_.find(option);
  return found == values_.end() ? kNone : found->second;
}

}  // namespace slipway::runner
