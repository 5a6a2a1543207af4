// logs, attach, exec and events: what goes on streaming until it ends or Ctrl-C.
#include <unistd.h>

#include "base/files.h"
#include "base/text.h"
#include "runner/cli/attach_session.h"
#include "runner/cli/commands.h"
#include "runner/cli/console.h"
#include "runner/cli/container_world.h"
#include "runner/cli/create_request.h"
#include "runner/cli/template.h"
#include "runner/docker_filters.h"
#include "runner/docker_json.h"
#include "runner/execute/terminal.h"

namespace slipway::runner {
namespace {

constexpr const char* kDetachKeys = "ctrl-p,ctrl-q";

Result<sandbox::LogRequest> log_request(const Invocation& invocation) {
  sandbox::LogRequest request;
  const WallTime now = real_clock().wall();
  request.follow = invocation.flag("follow");
  if (invocation.given("since"))
    request.since = SLIP_TRY_WITHIN("option --since", parse_time(invocation.value("since"), now));
  if (invocation.given("until"))
    request.until = SLIP_TRY_WITHIN("option --until", parse_time(invocation.value("until"), now));
  const std::string tail = invocation.value("tail", "all");
  // Docker: anything that is no number means all; a negative one, too. A slip deserves a word.
  const auto lines = parse_int(tail);
  if (!lines && tail != "all") return bad_option("tail", tail, "expected a number or all");
  if (lines && *lines >= 0) request.tail = static_cast<std::uint64_t>(*lines);
  return request;
}

Status show_logs(const Invocation& invocation) {
  const sandbox::LogRequest request = SLIP_TRY(log_request(invocation));
  const bool times = invocation.flag("timestamps");
  ContainerWorld world = SLIP_TRY(open_world(invocation));
  const CancelToken cancel;
  const CancelOnSignal on_signal(cancel);
  std::array<bool, 3> in_line{};  // of each stream: its line has had its time already
  const auto print = [&](const sandbox::LogRecord& record) -> Status {
    const auto stream = static_cast<std::size_t>(record.stream);
    const int fd = record.stream == sandbox::OutputStream::kStderr ? STDERR_FILENO : STDOUT_FILENO;
    std::string line;
    if (times && !in_line.at(stream)) line = docker_time(record.time) + " ";
    in_line.at(stream) = !record.data.ends_with('\n');
    line += record.data;
    return write_all(fd, line, "output");
  };
  Status done = world.containers->logs(invocation.operand(0), request, print, cancel);
  // Ctrl-C and a reader that has gone away are how following ends.
  if (!done && (cancel.cancelled() || done.error().sys_errno() == EPIPE)) return {};
  return done;
}

Result<int> attach_running(const Invocation& invocation) {
  ContainerWorld world = SLIP_TRY(open_world(invocation));
  sandbox::Containers& containers = *world.containers;
  const sandbox::ContainerInfo info = SLIP_TRY(containers.inspect(invocation.operand(0)));
  using S = sandbox::ContainerStatus;
  if (info.state.status == S::kPaused)
    return fail(ErrorCode::kConflict,
                "attach to container " + info.name + ": it is paused; unpause it first");
  if (info.state.status != S::kRunning)
    return fail(ErrorCode::kConflict, "attach to container " + info.name + ": it does not run");
  SessionOptions options;
  options.input = info.config.open_stdin && !invocation.flag("no-stdin");
  options.detach_keys = invocation.value("detach-keys", kDetachKeys);
  SLIP_TRY(check_terminal(info.config.tty, options.input));
  const bool raw = info.config.tty && options.input;
  if (invocation.value("sig-proxy", "true") == "true" && !raw)
    options.signal = [&](int signal) { return containers.kill(info.id, signal); };
  options.resize = [&](sandbox::Terminal size) { return containers.resize(info.id, size); };
  const std::unique_ptr<AttachSession> session = SLIP_TRY(AttachSession::open(std::move(options)));
  const sandbox::Attachment attachment = SLIP_TRY(containers.attach(info.id));
  if (info.config.tty) (void)containers.resize(info.id, terminal_size(STDOUT_FILENO));
  if (session->run(attachment) == RelayEnd::kDetached) {
    print_note("\nread escape sequence\n");
    return 0;
  }
  return containers.wait(info.id, sandbox::WaitCondition::kNotRunning, CancelToken());
}

Result<sandbox::ExecConfig> exec_config(const Invocation& invocation) {
  sandbox::ExecConfig config;
  config.argv.assign(invocation.operands().begin() + 1, invocation.operands().end());
  config.env = SLIP_TRY(read_env_options(invocation, process_environment()));
  config.user = invocation.value("user");
  config.working_dir = invocation.value("workdir");
  config.tty = invocation.flag("tty");
  config.size = terminal_size(STDOUT_FILENO);
  config.attach_stdin = invocation.flag("interactive") && !invocation.flag("detach");
  config.attach_output = !invocation.flag("detach");
  config.privileged = invocation.flag("privileged");
  return config;
}

Result<int> exec_in_container(const Invocation& invocation) {
  const sandbox::ExecConfig config = SLIP_TRY(exec_config(invocation));
  const bool detach = invocation.flag("detach");
  if (!detach) SLIP_TRY(check_terminal(config.tty, config.attach_stdin));
  ContainerWorld world = SLIP_TRY(open_world(invocation));
  sandbox::Containers& containers = *world.containers;
  const std::string id = SLIP_TRY(containers.create_exec(invocation.operand(0), config));
  SessionOptions options;
  options.input = config.attach_stdin;
  options.detach_keys = invocation.value("detach-keys", kDetachKeys);
  options.resize = [&](sandbox::Terminal size) { return containers.resize_exec(id, size); };
  const std::unique_ptr<AttachSession> session = SLIP_TRY(AttachSession::open(std::move(options)));
  const sandbox::Attachment attachment = SLIP_TRY(containers.start_exec(id));
  if (detach) return 0;
  if (session->run(attachment) == RelayEnd::kDetached) {
    print_note("\nread escape sequence\n");
    return 0;
  }
  return containers.wait_exec(id, CancelToken());
}

std::string event_line(const sandbox::ContainerEvent& event) {
  std::vector<std::string> attributes;
  for (const auto& [name, value] : event.attributes)
    attributes.push_back(printable(name) + "=" + printable(value));
  std::string line =
      docker_time(event.time) + " " + event.type + " " + event.action + " " + printable(event.id);
  if (!attributes.empty()) line += " (" + join(attributes, ", ") + ")";
  return line + "\n";
}

Status show_events(const Invocation& invocation) {
  const Filters filters =
      SLIP_TRY_WITHIN("option --filter", parse_filters(invocation.list("filter")));
  SLIP_TRY(check_event_filters(filters));
  const WallTime now = real_clock().wall();
  std::optional<WallTime> since, until;
  for (const auto& [option, time] : {std::pair("since", &since), std::pair("until", &until)}) {
    if (invocation.given(option)) *time = SLIP_TRY(parse_time(invocation.value(option), now));
  }
  const std::string format = invocation.value("format");
  const bool as_json = format == "json";
  std::optional<FormatTemplate> form;
  if (!format.empty() && !as_json) form.emplace(SLIP_TRY(FormatTemplate::parse(format)));
  ContainerWorld world = SLIP_TRY(open_world(invocation));
  const CancelToken cancel;
  const CancelOnSignal on_signal(cancel);
  const auto print = [&](const sandbox::ContainerEvent& event) -> Status {
    if (!event_fits(event, filters)) return {};
    std::string line = event_line(event);
    if (as_json) line = event_json(event).dump() + "\n";
    if (form) line = SLIP_TRY(form->render(event_json(event))) + "\n";
    return write_all(STDOUT_FILENO, line, "output");
  };
  Status done = world.containers->events(since, until, print, cancel);
  if (!done && (cancel.cancelled() || done.error().sys_errno() == EPIPE)) return {};
  return done;
}

/// 126 and 127 as docker exec has them; another trouble by its code.
int exec_failure(const Error& error, const Invocation& invocation) {
  report_error(error, invocation);
  if (error.text().find(": no such file or directory") != std::string::npos ||
      error.text().find("not found") != std::string::npos)
    return error.code() == ErrorCode::kInvalid ? 127 : exit_code(error.code());
  return error.code() == ErrorCode::kInvalid ? 126 : exit_code(error.code());
}

}  // namespace

int container_logs_command(const Invocation& invocation) {
  return finish(show_logs(invocation), invocation);
}

int container_attach_command(const Invocation& invocation) {
  const Result<int> code = attach_running(invocation);
  return code ? *code : report_error(code.error(), invocation);
}

int container_exec_command(const Invocation& invocation) {
  const Result<int> code = exec_in_container(invocation);
  return code ? *code : exec_failure(code.error(), invocation);
}

int container_events_command(const Invocation& invocation) {
  return finish(show_events(invocation), invocation);
}

}  // namespace slipway::runner
