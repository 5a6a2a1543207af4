#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "runner/cli/options.h"

namespace slipway::runner {

/// A parsed command line. Asking for an option that the command does not have is a bug and aborts.
class Invocation {
 public:
  explicit Invocation(const CommandSpec& command) : command_(&command) {}

  const CommandSpec& command() const { return *command_; }
  const std::vector<std::string>& operands() const { return operands_; }
  /// The n-th operand or "".
  std::string operand(std::size_t index) const;

  bool given(std::string_view option) const;
  /// Given on the command line itself, not by a variable.
  bool on_line(std::string_view option) const;
  bool flag(std::string_view option) const;
  std::string value(std::string_view option, std::string_view fallback = "") const;
  const std::vector<std::string>& list(std::string_view option) const;

  void set(const OptionSpec& option, std::string value);
  void mark_from_variable(const OptionSpec& option) { from_variables_.insert(option.name); }
  void add_operand(std::string word) { operands_.push_back(std::move(word)); }

 private:
  const CommandSpec* command_;
  std::map<std::string_view, std::vector<std::string>> values_;
  std::set<std::string_view> from_variables_;
  std::vector<std::string> operands_;
};

struct UsageError {
  std::string where;    ///< "runner exec"
  std::string message;  ///< `unknown option "--jbo"`
  std::string help;     ///< `did you mean "--job"?` or how to get help.
  int exit_code = 2;
};

/// `--help` after a command's name (or "" for the overview, "image" for a group).
struct HelpRequest {
  std::string topic;
};
struct VersionRequest {};

using Parsed = std::variant<Invocation, HelpRequest, VersionRequest, UsageError>;

using Environment = std::function<std::optional<std::string>(const std::string& name)>;
Environment process_environment();

/// `words` without argv[0]. Options that are not given take their value from RUNNER_* variables.
Parsed parse_command_line(const std::vector<std::string>& words, const Environment& environment);

}  // namespace slipway::runner
