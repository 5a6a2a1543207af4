#pragma once

#include <span>
#include <string>
#include <string_view>

/// The option table: parser, help, completion, environment variables and docs/cli.md all read it and nothing else.
namespace slipway::runner {

class Invocation;

/// What a shell offers for a value.
enum class Complete {
  kNothing,
  kFile,
  kDirectory,
  kImage,
  kContainer,
  kNetwork,
  kVolume,
  kJob,
  kStep,
  kRunTarget,
  kWords,
  kCommand
};

enum class OptionKind {
  kFlag,   ///< `--rm`, `--rm=false`
  kValue,  ///< `--job X`, `--job=X`, `-jX`; the last one wins.
  kList,   ///< A value that may be given many times.
};

/// The variable that stands for an option which is not on the command line.
enum class Variable {
  kShared,  ///< RUNNER_<COMMAND>_<OPTION>, else RUNNER_<OPTION>.
  kOwnOnly,  ///< RUNNER_<COMMAND>_<OPTION> only: other CI systems set the short name (GitHub: RUNNER_NAME).
};

struct OptionSpec {
  std::string_view name;   ///< Without dashes.
  char letter = 0;         ///< `-e`; 0 for none.
  std::string_view value;  ///< How help calls the value; empty for a flag.
  std::string_view help;   ///< Lower case, no full stop.
  OptionKind kind = OptionKind::kFlag;
  Complete complete = Complete::kNothing;
  std::string_view words;  ///< kWords: "auto|always|never"; anything else is a usage error.
  Variable variable = Variable::kShared;
  std::string_view also = {};  ///< An older name that is understood, too (docker's --net).
};

/// An option that people know from docker and that is not possible here: the answer says why.
struct RefusedOption {
  std::string_view name;
  std::string_view reason;
};

struct PositionalSpec {
  std::string_view name;  ///< "FILE"
  std::string_view help;
  int min = 0;
  int max = 1;  ///< -1: any number.
  Complete complete = Complete::kNothing;
  std::string_view words;
};

struct Example {
  std::string_view command;
  std::string_view meaning;
};

enum class Group { kPipelines, kContainers, kNetworks, kImages, kRegistries, kMachine, kHidden };
std::string_view group_title(Group group);

/// Where options end.
enum class Grammar {
  kAnywhere,  ///< Options and operands may be mixed; `--` ends the options.
  kUntilOperand,  ///< The first operand ends them: the rest belongs to the container's command (docker run).
};

struct CommandSpec {
  std::string_view path;     ///< "image import": words separated by one space.
  std::string_view aliases;  ///< Short forms, separated by spaces: "import".
  Group group = Group::kPipelines;
  std::string_view summary;  ///< One line.
  std::string_view
      details;  ///< Paragraphs for `--help`; lines are re-filled, a line starting with a space is kept.
  std::span<const Example> examples;
  std::span<const OptionSpec> options;
  std::span<const PositionalSpec> positionals;
  Grammar grammar = Grammar::kAnywhere;
  int usage_exit = 2;
  int (*run)(const Invocation&) = nullptr;
  std::span<const RefusedOption> refused = {};
};

std::span<const CommandSpec> commands();
std::span<const OptionSpec> global_options();

/// The command with exactly this path or alias ("container ps": an alias after its group's word), or nullptr.
const CommandSpec* find_command(std::string_view path_or_alias);
/// How messages call it: its path, for a container's command the short form that people type ("run").
std::string_view command_title(const CommandSpec& command);
/// True for "image": a first word that only leads to commands.
bool is_command_group(std::string_view word);
/// One line about a group of commands: "import, list and remove images".
std::string_view command_group_summary(std::string_view word);
/// An option of the command (its own first, then a global one), or nullptr. `command` may be null.
const OptionSpec* find_option(const CommandSpec* command, std::string_view name);
const OptionSpec* find_option(const CommandSpec* command, char letter);

/// "RUNNER_EXEC_JOBS" and "RUNNER_JOBS"; for a global option both are the short one.
std::string own_variable(const CommandSpec* command, const OptionSpec& option);
std::string shared_variable(const OptionSpec& option);
bool is_global(const OptionSpec& option);

}  // namespace slipway::runner
