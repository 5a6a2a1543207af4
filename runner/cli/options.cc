// The option table: every command, option and operand of the program as data. Parsing, help and completion live
// elsewhere.
#include "runner/cli/options.h"

#include <array>
#include <string>
#include <vector>

#include "runner/cli/commands.h"
#include "runner/cli/container_options.h"
#include "runner/cli/option_tables.h"

namespace slipway::runner {
namespace {

constexpr auto kValue = OptionKind::kValue;
constexpr auto kList = OptionKind::kList;

constexpr OptionSpec kGlobal[] = {
    {"state", 0, "DIR",
     "where images, snapshots and runs are kept; default /var/lib/slipway, for an ordinary user "
     "$XDG_DATA_HOME/slipway",
     kValue, Complete::kDirectory},
    {"color", 0, "WHEN", "auto, always or never; auto obeys NO_COLOR, CLICOLOR_FORCE and TERM=dumb",
     kValue, Complete::kWords, "auto|always|never"},
    {"progress", 0, "MODE", "auto, tty, plain, json or quiet: how work under way is shown", kValue,
     Complete::kWords, "auto|tty|plain|json|rawjson|quiet"},
};

constexpr OptionSpec kCommit{"commit", 0, "REV",
                             "that commit instead of the work tree with its uncommitted changes",
                             kValue};
constexpr OptionSpec kInput{"input", 0, "NAME=VALUE", "an input of a manual run", kList};
constexpr OptionSpec kEvent{"event",
                            0,
                            "EVENT",
                            "run as if started by push, pull-request, tag, cron or manual "
                            "(default; push for a .gitlab-ci.yml)",
                            kValue,
                            Complete::kWords,
                            "push|pull-request|tag|cron|manual"};
constexpr OptionSpec kBranch{"branch", 0, "NAME",
                             "the branch expressions see; default: the one checked out", kValue};
constexpr OptionSpec kTag{"tag", 0, "NAME", "the tag expressions see", kValue};
constexpr OptionSpec kFile{"file", 0, "FILE", "the same as FILE", kValue, Complete::kFile};
constexpr OptionSpec kJson{"json", 0, "", "print JSON"};
constexpr OptionSpec kExec[] = {
    kFile,
    {"job", 0, "JOB",
     "only this job and what it needs; a name, or an instance such as 'test (gcc)'", kList,
     Complete::kJob},
    {"no-needs", 0, "", "with --job: not what it needs"},
    {"from", 0, "STEP", "go on at STEP (id or JOB/STEP) from what the last run left before it",
     kValue, Complete::kStep},
    {"shell-on-failure", 0, "", "open a shell where a step failed"},
    {"allow-host-network", 0, "",
     "let jobs that say `network: host` reach this machine's network and its local services"},
    {"jobs", 'j', "N", "at most N jobs at a time; default: number of processors", kValue},
    kCommit,
    {"env", 'e', "NAME=VALUE",
     "set a variable for every step; NAME alone takes the value it has here", kList},
    kInput,
    kEvent,
    kBranch,
    kTag,
    {"secret", 0, "NAME", "a secret, taken from the variable NAME; masked in every output", kList},
    {"secret-file", 0, "FILE", "secrets as NAME=VALUE lines, readable by you only", kValue,
     Complete::kFile},
    {"artifacts", 0, "DIR", "put each job's artifacts in DIR/JOB", kValue, Complete::kDirectory},
    {"events", 0, "FILE", "also write every event as a line of JSON to FILE", kValue,
     Complete::kFile},
    {"cache-size", 0, "SIZE",
     "what caches may take before the least recently used go; default: 20g", kValue},
    {"manual", 0, "JOB", "also run this manual job", kList, Complete::kJob},
    {"approve", 0, "JOB", "give this job the approval it waits for", kList, Complete::kJob},
    {"no-ask", 0, "", "skip jobs that wait for a person, also at a terminal"},
    {"no-delay", 0, "", "start delayed jobs at once"},
    {"fail-fast", 0, "", "the first failed job cancels the others"},
    {"no-concurrency", 0, "", "wait for no other run of the same group, and end none"},
    {"changed-since", 0, "REV",
     "for `paths` and changed(): what differs from this commit; default: everything counts as "
     "changed",
     kValue},
    {"no-memo", 0, "", "run steps with `memo` or `inputs` again, whatever is known of them"},
};
constexpr OptionSpec kConvert[] = {kFile, kCommit, kInput, kEvent, kBranch, kTag};
constexpr OptionSpec kCheck[] = {kFile, kJson, kCommit, kInput, kEvent, kBranch, kTag};
constexpr OptionSpec kGraph[] = {{"format", 0, "FORMAT", "terminal (default), dot, mermaid or json",
                                  kValue, Complete::kWords, "terminal|dot|mermaid|json"},
                                 kFile,
                                 kJson,
                                 kCommit,
                                 kInput,
                                 kEvent,
                                 kBranch,
                                 kTag};
constexpr OptionSpec kDoctor[] = {kJson};
constexpr OptionSpec kHelp[] = {{"markdown", 0, "", "everything, as docs/cli.md"}};

constexpr PositionalSpec kPipelineFile[] = {
    {"FILE", "a pipeline file, or a directory with .slipway.yml or .gitlab-ci.yml; default: here",
     0, 1, Complete::kFile}};
constexpr PositionalSpec kDebugTarget[] = {
    {"RUN/JOB[/STEP]",
     "run 'last' is the newest one; without STEP the job's last or failed one; or what a failed "
     "build printed",
     0, 1, Complete::kRunTarget}};
constexpr PositionalSpec kShells[] = {
    {"SHELL", "bash, zsh or fish", 1, 1, Complete::kWords, "bash|zsh|fish"}};
constexpr PositionalSpec kHelpTopic[] = {
    {"COMMAND", "a command, such as 'image import'", 0, 2, Complete::kCommand}};
constexpr PositionalSpec kWords[] = {{"WORD", "words of a command line", 0, -1}};

constexpr Example kExecExamples[] = {
    {"runner exec", "run the pipeline of this directory"},
    {"runner exec ci.yml --job test", "run one job and what it needs"},
    {"runner exec --from compile", "go on at a step, from the last run's snapshot"},
    {"runner exec --shell-on-failure", "look around where it failed"},
    {"runner exec --secret TOKEN --artifacts out", "give a secret, collect artifacts"}};
constexpr Example kCheckExamples[] = {{"runner check", "check .slipway.yml here"},
                                      {"runner check ci.yml --json", "findings for an editor"}};
constexpr Example kGraphExamples[] = {
    {"runner graph", "draw it on the terminal"},
    {"runner graph --format dot | dot -Tsvg > ci.svg", "make a picture"}};
constexpr Example kConvertExamples[] = {
    {"runner convert > .slipway.yml", "the native file for .gitlab-ci.yml"},
    {"runner convert --event tag --tag v1", "the jobs of a tag"}};
constexpr Example kDebugExamples[] = {
    {"runner debug", "where the last run failed"},
    {"runner debug last/test", "the last run's job test"},
    {"runner debug last/test/unit", "after (or in) its step unit"}};
constexpr Example kCompletionExamples[] = {
    {"source <(runner completion bash)", "in ~/.bashrc"},
    {"source <(runner completion zsh)", "in ~/.zshrc, after compinit"},
    {"runner completion fish | source", "in ~/.config/fish/config.fish"}};

constexpr std::string_view kExecDetails =
    "Runs a pipeline file in containers made by this program: no daemon, no registry and no set-up "
    "is needed. Each job gets "
    "its own copy of the checkout, with uncommitted changes as git sees them; nothing a job does "
    "reaches your files.\n\n"
    "Without FILE, .slipway.yml of this directory is taken, else its .gitlab-ci.yml. Ctrl-C ends "
    "steps and still runs "
    "clean-up steps; a second one kills.\n\n"
    "Exit codes: 0 success; 1 a job failed; 2 wrong usage or file; 3 trouble of the machine; 6 "
    "timed out; 130 interrupted.";
constexpr std::string_view kConvertDetails =
    "Prints a file in the native language with the jobs that the given event has, and a comment "
    "wherever the meaning "
    "differs. What rules, only and except said is decided for that event.";
constexpr std::string_view kDebugDetails =
    "Opens a shell in exactly the files, directory and environment a step left or failed in. "
    "Nothing done there changes the run.";
constexpr std::string_view kDoctorDetails =
    "Tries everything the engine needs from this machine and says how to mend what is missing. The "
    "exit code is 3 when something "
    "fails.";
constexpr std::string_view kCompletionDetails =
    "Prints a script that completes commands, options, images, jobs and steps.";

const CommandSpec kCommands[] = {
    {"exec", "", Group::kPipelines, "run a pipeline file in containers", kExecDetails,
     kExecExamples, kExec, kPipelineFile, Grammar::kAnywhere, 2, exec_command},
    {"check", "", Group::kPipelines, "check a pipeline file and explain every mistake", "",
     kCheckExamples, kCheck, kPipelineFile, Grammar::kAnywhere, 2, check_command},
    {"graph", "", Group::kPipelines, "draw which job needs which", "", kGraphExamples, kGraph,
     kPipelineFile, Grammar::kAnywhere, 2, graph_command},
    {"list",
     "",
     Group::kPipelines,
     "list the jobs of a pipeline file",
     "",
     {},
     kCheck,
     kPipelineFile,
     Grammar::kAnywhere,
     2,
     list_command},
    {"preview",
     "",
     Group::kPipelines,
     "show the pipeline with everything expanded, and where each value comes from",
     "",
     {},
     kCheck,
     kPipelineFile,
     Grammar::kAnywhere,
     2,
     preview_command},
    {"convert", "", Group::kPipelines, "write the native pipeline file for a .gitlab-ci.yml",
     kConvertDetails, kConvertExamples, kConvert, kPipelineFile, Grammar::kAnywhere, 2,
     convert_command},
    {"debug",
     "",
     Group::kPipelines,
     "open a shell in the state a step left",
     kDebugDetails,
     kDebugExamples,
     {},
     kDebugTarget,
     Grammar::kAnywhere,
     2,
     debug_command},
    {"doctor",
     "",
     Group::kMachine,
     "check what this machine can do, and how to mend it",
     kDoctorDetails,
     {},
     kDoctor,
     {},
     Grammar::kAnywhere,
     2,
     doctor_command},
    {"completion",
     "",
     Group::kMachine,
     "print a completion script for a shell",
     kCompletionDetails,
     kCompletionExamples,
     {},
     kShells,
     Grammar::kAnywhere,
     2,
     completion_command},
    {"version",
     "",
     Group::kMachine,
     "print the version",
     "",
     {},
     {},
     {},
     Grammar::kAnywhere,
     2,
     version_command},
    {"help",
     "",
     Group::kMachine,
     "explain a command",
     "",
     {},
     kHelp,
     kHelpTopic,
     Grammar::kAnywhere,
     2,
     help_command},
    {"__complete",
     "",
     Group::kHidden,
     "answer a completion script",
     "",
     {},
     {},
     kWords,
     Grammar::kUntilOperand,
     2,
     complete_command},
    {"__monitor",
     "",
     Group::kHidden,
     "keep a container",
     "",
     {},
     {},
     kWords,
     Grammar::kUntilOperand,
     2,
     monitor_command},
};

struct CommandGroup {
  std::string_view word;
  std::string_view summary;
};
constexpr CommandGroup kGroups[] = {
    {"container", "run, list, control, look into and remove containers"},
    {"network", "networks of containers"},
    {"volume", "directories that outlive containers"},
    {"image", "build, pull, push, import, save, load, list, name, inspect and remove images"},
    {"registry", "look at what a registry holds"},
    {"artifact", "keep files in a registry"},
    {"cache", "what the engine keeps to be quick"}};

/// The rows of all tables, in the order of help.
const std::vector<CommandSpec>& all_commands() {
  static const std::vector<CommandSpec> all = [] {
    std::vector<CommandSpec> rows(std::begin(kCommands), std::end(kCommands));
    for (const auto part :
         {container_commands(), network_commands(), build_command_rows(), image_command_rows(),
          cache_command_rows(), registry_command_rows(), server_command_rows()})
      rows.insert(rows.end(), part.begin(), part.end());
    return rows;
  }();
  return all;
}

bool has_word(std::string_view words, std::string_view word) {
  while (!words.empty()) {
    const std::size_t space = words.find(' ');
    if (words.substr(0, space) == word) return true;
    words = space == std::string_view::npos ? std::string_view() : words.substr(space + 1);
  }
  return false;
}

template <typename Matches>
const OptionSpec* find_option_if(const CommandSpec* command, Matches matches) {
  if (command != nullptr) {
    for (const OptionSpec& option : command->options) {
      if (matches(option)) return &option;
    }
  }
  for (const OptionSpec& option : kGlobal) {
    if (matches(option)) return &option;
  }
  return nullptr;
}

std::string variable_part(std::string_view text) {
  std::string part;
  for (const char c : text) {
    if (c >= 'a' && c <= 'z')
      part += static_cast<char>(c - 'a' + 'A');
    else
      part += c == '-' || c == ' ' ? '_' : c;
  }
  return part;
}

}  // namespace

std::span<const CommandSpec> commands() { return all_commands(); }
std::span<const OptionSpec> global_options() { return kGlobal; }

const CommandSpec* find_command(std::string_view path_or_alias) {
  const std::size_t space = path_or_alias.find(' ');
  const std::string_view last =
      space == std::string_view::npos ? path_or_alias : path_or_alias.substr(space + 1);
  for (const CommandSpec& command : all_commands()) {
    if (command.path == path_or_alias) return &command;
    if (!has_word(command.aliases, last)) continue;
    if (last == path_or_alias || command.path.starts_with(path_or_alias.substr(0, space + 1)))
      return &command;
  }
  return nullptr;
}

std::string_view command_title(const CommandSpec& command) {
  const bool short_form = command.group == Group::kContainers && !command.aliases.empty();
  return short_form ? command.aliases : command.path;
}

bool is_command_group(std::string_view word) { return !command_group_summary(word).empty(); }

std::string_view command_group_summary(std::string_view word) {
  for (const CommandGroup& group : kGroups) {
    if (group.word == word) return group.summary;
  }
  return {};
}

const OptionSpec* find_option(const CommandSpec* command, std::string_view name) {
  return find_option_if(command, [&](const OptionSpec& option) {
    return option.name == name || (!option.also.empty() && option.also == name);
  });
}

const OptionSpec* find_option(const CommandSpec* command, char letter) {
  return find_option_if(
      command, [&](const OptionSpec& option) { return letter != 0 && option.letter == letter; });
}

bool is_global(const OptionSpec& option) {
  return &option >= std::begin(kGlobal) && &option < std::end(kGlobal);
}

std::string own_variable(const CommandSpec* command, const OptionSpec& option) {
  if (command == nullptr || is_global(option)) return shared_variable(option);
  return "RUNNER_" + variable_part(command_title(*command)) + "_" + variable_part(option.name);
}

std::string shared_variable(const OptionSpec& option) {
  return "RUNNER_" + variable_part(option.name);
}

std::string_view group_title(Group group) {
  switch (group) {
    case Group::kPipelines:
      return "Pipelines";
    case Group::kContainers:
      return "Containers";
    case Group::kNetworks:
      return "Networks and volumes";
    case Group::kImages:
      return "Images";
    case Group::kRegistries:
      return "Registries";
    case Group::kMachine:
      return "This program and machine";
    case Group::kHidden:
      break;
  }
  return {};
}

}  // namespace slipway::runner
