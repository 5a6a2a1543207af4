// Rows of the option table: the commands of containers. create, run and update have their options in
// container_options.cc.
#include <array>

#include "runner/cli/commands.h"
#include "runner/cli/container_option_sets.h"
#include "runner/cli/container_options.h"

namespace slipway::runner {
namespace {

using namespace option_rows;  // NOLINT: the makers are this file's alphabet

constexpr OptionSpec kDetachKeys =
    value("detach-keys", 0, "KEYS", "leave it running by these; default ctrl-p,ctrl-q");
constexpr OptionSpec kSigProxy = flag("sig-proxy", 0, "pass signals on; default true");
constexpr OptionSpec kSignal = value("signal", 's', "SIGNAL", "instead of the container's own");
constexpr OptionSpec kGrace =
    also(value("timeout", 't', "SECONDS", "before SIGKILL; -1: never; default 10"), "time");

constexpr OptionSpec kStart[] = {flag("attach", 'a', "show its output and pass signals on"),
                                 flag("interactive", 'i', "pass standard input on"), kDetachKeys};
constexpr OptionSpec kStop[] = {kSignal, kGrace};
constexpr OptionSpec kKill[] = {value("signal", 's', "SIGNAL", "a name or a number; default KILL")};
constexpr OptionSpec kRemove[] = {flag("force", 'f', "kill a running one first"),
                                  flag("volumes", 'v', "its anonymous volumes, too")};
constexpr OptionSpec kList[] = {
    flag("all", 'a', "also those that do not run"),
    kFilter,
    kFormat,
    kJson,
    value("last", 'n', "N", "the N newest, running or not"),
    flag("latest", 'l', "the newest one, running or not"),
    kNoTrunc,
    kQuietIds,
    flag("size", 's', "what each has written and what it sees"),
};
constexpr OptionSpec kLogs[] = {
    flag("follow", 'f', "go on until it ends"),
    value("tail", 'n', "N", "only the last N lines; default all"),
    value("since", 0, "TIME", "since a time (RFC 3339, unix) or for a duration, such as 10m"),
    value("until", 0, "TIME", "up to a time, likewise"),
    flag("timestamps", 't', "the time of each line"),
    flag("details", 0, "labels and variables that --log-opt names; none are kept"),
};
constexpr OptionSpec kAttach[] = {flag("no-stdin", 0, "standard input stays here"), kSigProxy,
                                  kDetachKeys};
constexpr OptionSpec kContainerExec[] = {
    flag("detach", 'd', "do not wait for it"),
    flag("interactive", 'i', "pass standard input on"),
    flag("tty", 't', "give it a terminal"),
    list("env", 'e', "NAME=VALUE", "set a variable; NAME alone takes the value it has here"),
    list("env-file", 0, "FILE", "variables as NAME=VALUE lines", Complete::kFile),
    value("user", 'u', "USER[:GROUP]", "instead of the container's"),
    value("workdir", 'w', "DIR", "instead of the container's"),
    flag("privileged", 0, "with all capabilities of the container's user namespace"),
    kDetachKeys,
};
constexpr OptionSpec kCopy[] = {
    flag("archive", 'a', "keep owners"),
    flag("follow-link", 'L', "copy what a link at SRC points to"),
    flag("quiet", 'q', "no word about what was copied"),
};
constexpr OptionSpec kCommit[] = {
    value("author", 'a', "TEXT", "author of the image"),
    list("change", 'c', "INSTRUCTION", "set CMD, ENV, …, as in a Dockerfile"),
    value("message", 'm', "TEXT", "comment of the image"),
    flag("pause", 'p', "freeze the container meanwhile; default true"),
};
constexpr OptionSpec kExport[] = {
    value("output", 'o', "FILE", "instead of standard output", Complete::kFile)};
constexpr OptionSpec kStats[] = {flag("all", 'a', "also those that do not run"), kFormat, kJson,
                                 flag("no-stream", 0, "once"), kNoTrunc};
constexpr OptionSpec kInspectContainer[] = {kInspectFormat, kJson,
                                            flag("size", 's', "SizeRw and SizeRootFs, too")};
constexpr OptionSpec kInspectAny[] = {
    kInspectFormat, kJson, flag("size", 's', "of containers: SizeRw and SizeRootFs, too"),
    value("type", 0, "TYPE", "only one of that type", Complete::kWords,
          "container|image|network|volume")};
constexpr OptionSpec kPrune[] = {kForcePrune, kPruneFilter};
constexpr OptionSpec kEvents[] = {
    list("filter", 'f', "NAME=VALUE", "container=…, event=…, type=…, label=…, image=…"),
    value("format", 0, "TEMPLATE", "json, or a Go template for each"),
    value("since", 0, "TIME", "past ones since then"),
    value("until", 0, "TIME", "end then"),
};

constexpr PositionalSpec kRunOperands[] = {
    {"IMAGE", "an image, or 'host' for this machine's own tools", 1, 1, Complete::kImage},
    {"COMMAND", "command and its arguments; default: the image's", 0, -1, Complete::kFile}};
constexpr PositionalSpec kContainers[] = {
    {"CONTAINER", "names, ids or their starts", 1, -1, Complete::kContainer}};
constexpr PositionalSpec kContainer[] = {
    {"CONTAINER", "name, id or its start", 1, 1, Complete::kContainer}};
constexpr PositionalSpec kAnyContainers[] = {
    {"CONTAINER", "names or ids; default: all that run", 0, -1, Complete::kContainer}};
constexpr PositionalSpec kExecOperands[] = {
    {"CONTAINER", "name, id or its start", 1, 1, Complete::kContainer},
    {"COMMAND", "command and its arguments", 1, -1, Complete::kFile}};
constexpr PositionalSpec kRenameOperands[] = {
    {"CONTAINER", "name, id or its start", 1, 1, Complete::kContainer},
    {"NAME", "the new name", 1, 1}};
constexpr PositionalSpec kCopyOperands[] = {
    {"SRC", "CONTAINER:PATH, PATH of this machine, or - for a tar stream", 1, 1, Complete::kFile},
    {"DST", "the other one", 1, 1, Complete::kFile}};
constexpr PositionalSpec kCommitOperands[] = {
    {"CONTAINER", "name, id or its start", 1, 1, Complete::kContainer},
    {"NAME[:TAG]", "the image's name", 0, 1, Complete::kImage}};
constexpr PositionalSpec kTopOperands[] = {
    {"CONTAINER", "name, id or its start", 1, 1, Complete::kContainer},
    {"PS-OPTION", "options of ps; default -ef", 0, -1}};
constexpr PositionalSpec kPortOperands[] = {
    {"CONTAINER", "name, id or its start", 1, 1, Complete::kContainer},
    {"PORT[/PROTOCOL]", "only this one", 0, 1}};
constexpr PositionalSpec kObjects[] = {
    {"NAME", "containers, images, networks or volumes", 1, -1, Complete::kContainer}};

constexpr Example kRunExamples[] = {
    {"runner run --rm -it debian:12 bash", "a shell in an image"},
    {"runner run -d --name web -p 8080:80 --memory 256m web", "a service in the background"},
    {"runner run --rm -v \"$PWD:/src\" -w /src gcc make", "build what is here"},
    {"tar c . | runner run --rm -i busybox tar t", "through a pipe"},
    {"runner run --rm host uname -a", "this machine's own tools, sandboxed"}};
constexpr Example kListExamples[] = {
    {"runner ps -a --filter status=exited", "what has ended"},
    {"runner ps --format '{{.Names}}: {{.Status}}'", "your own form"}};
constexpr Example kCopyExamples[] = {
    {"runner cp web:/var/log/nginx logs", "out of a container, running or not"},
    {"tar c conf | runner cp - web:/etc", "a tar stream into it"}};
constexpr Example kLogsExamples[] = {{"runner logs -f --tail 20 web", "the end, and what comes"}};
constexpr Example kExecExamples[] = {
    {"runner container exec -it web sh", "a shell in a running container"}};

constexpr std::string_view kRunDetails =
    "Runs a command in a new container, as docker run does. Options after IMAGE belong to the "
    "command. The container belongs to a small process of its own: it goes on when this one is "
    "killed, and `runner ps` shows it.\n\n"
    "Exit codes: the command's own; 125 trouble of the engine or wrong usage; 126 the command "
    "cannot be executed; 127 it does not "
    "exist; 128+N ended by signal N; 137 killed or out of memory; 124 --timeout passed.";
constexpr std::string_view kExecDetails =
    "Runs one more command in a running container, as docker exec does. (`runner exec` runs "
    "pipelines.)";
constexpr std::string_view kCopyDetails =
    "Copies files out of or into a container, running or not. Docker's rules: a directory that "
    "exists at DST gets SRC put into it, SRC/. only its content; what does not exist becomes SRC. "
    "Paths are resolved inside the container only.";

constexpr CommandSpec row(std::string_view path, std::string_view alias, std::string_view summary,
                          std::span<const OptionSpec> options,
                          std::span<const PositionalSpec> positionals,
                          int (*run)(const Invocation&)) {
  return {.path = path,
          .aliases = alias,
          .group = Group::kContainers,
          .summary = summary,
          .options = options,
          .positionals = positionals,
          .run = run};
}
constexpr CommandSpec explained(CommandSpec command, std::string_view details,
                                std::span<const Example> examples) {
  command.details = details;
  command.examples = examples;
  return command;
}
/// Options end at the first operand.
constexpr CommandSpec until_operand(CommandSpec command) {
  command.grammar = Grammar::kUntilOperand;
  return command;
}
/// create and run: what docker knows and this does not has its reason; wrong usage is 125 (Docker run reference).
CommandSpec creating(CommandSpec command) {
  command.refused = refused_options();
  command.usage_exit = 125;
  return until_operand(command);
}

}  // namespace

std::span<const CommandSpec> container_commands() {
  static const std::array kRows{
      creating(explained(row("container run", "run", "run a command in a new container",
                             run_options(), kRunOperands, run_command),
                         kRunDetails, kRunExamples)),
      creating(row("container create", "create", "make a container without starting it",
                   create_options(), kRunOperands, container_create_command)),
      row("container start", "start", "start containers", kStart, kContainers,
          container_start_command),
      row("container stop", "stop", "stop containers: signal, then kill", kStop, kContainers,
          container_stop_command),
      row("container restart", "restart", "stop and start containers", kStop, kContainers,
          container_restart_command),
      row("container kill", "kill", "send a signal to containers", kKill, kContainers,
          container_kill_command),
      row("container pause", "pause", "freeze containers", {}, kContainers,
          container_pause_command),
      row("container unpause", "unpause", "let frozen containers go on", {}, kContainers,
          container_unpause_command),
      row("container wait", "wait", "wait until containers end and print their exit codes", {},
          kContainers, container_wait_command),
      row("container rename", "rename", "give a container another name", {}, kRenameOperands,
          container_rename_command),
      row("container update", "update", "change limits and restart policy of containers",
          update_options(), kContainers, container_update_command),
      row("container rm", "rm", "remove containers", kRemove, kContainers,
          container_remove_command),
      row("container prune", "", "remove all containers that do not run", kPrune, {},
          container_prune_command),
      explained(row("container ls", "ps", "list containers", kList, {}, container_list_command), "",
                kListExamples),
      explained(row("container logs", "logs", "show what a container printed", kLogs, kContainer,
                    container_logs_command),
                "", kLogsExamples),
      row("container attach", "attach", "join a running container's input and output", kAttach,
          kContainer, container_attach_command),
      until_operand(explained(row("container exec", "", "run a command in a running container",
                                  kContainerExec, kExecOperands, container_exec_command),
                              kExecDetails, kExecExamples)),
      explained(row("container cp", "cp", "copy files between a container and this machine", kCopy,
                    kCopyOperands, container_copy_command),
                kCopyDetails, kCopyExamples),
      row("container diff", "diff", "list what a container changed in its image", {}, kContainer,
          container_diff_command),
      row("container commit", "commit", "make an image of a container", kCommit, kCommitOperands,
          container_commit_command),
      row("container export", "export", "write a container's files as a tar archive", kExport,
          kContainer, container_export_command),
      until_operand(row("container top", "top", "list a container's processes", {}, kTopOperands,
                        container_top_command)),
      row("container stats", "stats", "show what containers use", kStats, kAnyContainers,
          container_stats_command),
      row("container port", "port", "list published ports", {}, kPortOperands,
          container_port_command),
      row("container inspect", "", "show everything about containers", kInspectContainer,
          kContainers, container_inspect_command),
      row("inspect", "", "show everything about containers, images, networks or volumes",
          kInspectAny, kObjects, inspect_command),
      row("container events", "events", "show what happens to containers", kEvents, {},
          container_events_command),
  };
  return kRows;
}

}  // namespace slipway::runner
