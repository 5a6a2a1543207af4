// `runner run`, `create` and `start`: a container belongs to its monitor; in the foreground this process only joins its
// streams and waits.
#include <fcntl.h>
#include <unistd.h>

#include <future>
#include <thread>

#include "base/files.h"
#include "base/text.h"
#include "runner/cli/attach_session.h"
#include "runner/cli/commands.h"
#include "runner/cli/console.h"
#include "runner/cli/container_world.h"
#include "runner/cli/create_request.h"
#include "runner/cli/registry_session.h"
#include "runner/container_powers.h"
#include "runner/execute/images.h"
#include "runner/execute/terminal.h"

namespace slipway::runner {
namespace {

constexpr int kEngineTrouble = 125;  // Docker run reference, "Exit status"
constexpr int kTimedOut = 124;       // as timeout(1)

/// Which streams -a asks for; without it all three, stdin only with -i.
struct Attached {
  bool input = false;
  bool output = true;
  bool error = true;
};
Result<Attached> attached_streams(const Invocation& invocation) {
  Attached streams{invocation.flag("interactive"), true, true};
  if (!invocation.given("attach")) return streams;
  streams = {false, false, false};
  for (const std::string& word : invocation.list("attach")) {
    const std::string name = to_lower(word);
    if (name == "stdin")
      streams.input = true;
    else if (name == "stdout")
      streams.output = true;
    else if (name == "stderr")
      streams.error = true;
    else
      return bad_option("attach", word, "expected stdin, stdout or stderr");
  }
  return streams;
}

Status write_cidfile(const std::string& path, const std::string& id) {
  if (path.empty()) return {};
  const Fd file = SLIP_TRY_WITHIN("option --cidfile",
                                  open_file(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0644));
  return write_all(file.get(), id, path);
}

/// Opens everything and brings the image, from its registry if need be, before anything is made.
Result<ContainerWorld> open_with_image(const Invocation& invocation, const CreateRequest& request) {
  RegistrySession session(invocation);
  ContainerWorld world = SLIP_TRY(open_world(invocation));
  SLIP_TRY(ensure_image(*world.store, session.access(), request.config.image, request.pull,
                        request.platform, session.progress(), session.cancel()));
  return world;
}

Result<std::string> create(ContainerWorld& world, CreateRequest& request) {
  if (!request.cidfile.empty() && path_exists(request.cidfile))
    return fail(ErrorCode::kExists, "option --cidfile: " + printable(request.cidfile) +
                                        " exists; remove it when its container is gone");
  SLIP_TRY(resolve_joined(request.config, *world.containers));
  const std::string id = SLIP_TRY(world.containers->create(request.config, {.name = request.name}));
  if (const Status written = write_cidfile(request.cidfile, id); !written) {
    (void)world.containers->remove(id, {true, true});
    return fail(written.error().clone());
  }
  return id;
}

/// The exit code of a container that was started after this; learnt by a thread, because asking blocks.
class ExitWatch {
 public:
  ExitWatch(sandbox::Containers& containers, std::string id, sandbox::WaitCondition condition)
      : thread_([this, &containers, id = std::move(id), condition] {
          code_.emplace(containers.wait(id, condition, cancel_, [this] { begin(); }));
          begin();
        }) {
    begun_.get_future().wait();
  }
  ~ExitWatch() {
    cancel_.cancel(CancelLevel::kKill);
    if (thread_.joinable()) thread_.join();
  }
  ExitWatch(const ExitWatch&) = delete;
  ExitWatch& operator=(const ExitWatch&) = delete;

  Result<int> code() {
    thread_.join();
    return *code_;
  }

 private:
  void begin() {
    if (!std::exchange(has_begun_, true)) begun_.set_value();
  }
  CancelToken cancel_;
  std::promise<void> begun_;
  bool has_begun_ = false;
  std::optional<Result<int>> code_;
  std::thread thread_;
};

/// What a foreground container is and how it is joined.
struct Foreground {
  std::string id;
  std::string image;
  bool tty = false;
  bool auto_remove = false;
  Attached streams;
  bool proxy = true;
  std::string detach_keys;
  std::optional<Millis> timeout;
  std::optional<Millis> grace;
};

Result<std::unique_ptr<AttachSession>> open_session(sandbox::Containers& containers,
                                                    const Foreground& run) {
  SessionOptions options;
  options.input = run.streams.input;
  options.output = run.streams.output;
  options.error = run.streams.error;
  options.detach_keys = run.detach_keys;
  if (run.proxy && !(run.tty && run.streams.input))
    options.signal = [&containers, id = run.id](int signal) { return containers.kill(id, signal); };
  options.resize = [&containers, id = run.id](sandbox::Terminal size) {
    return containers.resize(id, size);
  };
  if (run.timeout) options.deadline = real_clock().mono() + *run.timeout;
  return AttachSession::open(std::move(options));
}

/// A reason for people: where in our plan it was is of no use, and a command without a slash was looked up.
std::string start_complaint(const Error& error, int code, const std::string& image) {
  const std::string plain = error.text().substr(0, error.text().rfind(" (step "));
  constexpr std::string_view kExec = "exec ";
  const std::string command = plain.substr(0, plain.find(": "));
  const bool looked_up = command.starts_with(kExec) && command.find('/') == std::string::npos;
  if (code != 127 || !looked_up) return plain;
  return "run " + command.substr(kExec.size()) + ": command not found in " + image;
}

/// The code of a container that could not be started, and why.
int start_failure(sandbox::Containers& containers, const Foreground& run, ExitWatch& watch,
                  const Error& error, const Invocation& invocation) {
  // With --rm the container is gone already; what it would have said, the watch has heard.
  int code = kEngineTrouble;
  if (const auto info = containers.inspect(run.id)) {
    code = info->state.exit_code;
  } else if (run.auto_remove) {
    code = watch.code().value_or(kEngineTrouble);
  }
  report_message(start_complaint(error, code, run.image), invocation);
  return code == 126 || code == 127 ? code : kEngineTrouble;
}

Result<int> run_foreground(ContainerWorld& world, const Foreground& run,
                           const Invocation& invocation) {
  sandbox::Containers& containers = *world.containers;
  const std::unique_ptr<AttachSession> session = SLIP_TRY(open_session(containers, run));
  const sandbox::Attachment attachment = SLIP_TRY(containers.attach(run.id));
  if (run.tty) (void)containers.resize(run.id, terminal_size(STDOUT_FILENO));
  ExitWatch watch(
      containers, run.id,
      run.auto_remove ? sandbox::WaitCondition::kRemoved : sandbox::WaitCondition::kNextExit);
  if (const Status started = containers.start(run.id); !started)
    return start_failure(containers, run, watch, started.error(), invocation);
  const RelayEnd end = session->run(attachment);
  if (end == RelayEnd::kDetached) {
    print_note("\nread escape sequence\n");
    return 0;
  }
  if (end == RelayEnd::kDeadline) {
    SLIP_TRY(containers.stop(run.id, run.grace));
    (void)watch.code();
    report_message("timed out", invocation);
    return kTimedOut;
  }
  return watch.code();
}

Status check_run(const Invocation& invocation, CreateRequest& request, const Attached& streams) {
  const bool detach = invocation.flag("detach");
  if (detach && invocation.given("attach"))
    return fail(ErrorCode::kInvalid, "options --attach and --detach exclude each other");
  if (detach && invocation.given("timeout"))
    return fail(ErrorCode::kInvalid, "option --timeout goes only with a foreground container");
  request.config.stdin_once = request.config.open_stdin && streams.input && !detach;
  if (detach) return {};
  return check_terminal(request.config.tty, streams.input);
}

Result<int> run(const Invocation& invocation) {
  CreateRequest request = SLIP_TRY(read_create_request(invocation, process_environment()));
  const Attached streams = SLIP_TRY(attached_streams(invocation));
  SLIP_TRY(check_run(invocation, request, streams));
  Foreground foreground;
  if (invocation.given("timeout")) {
    foreground.timeout =
        SLIP_TRY_WITHIN("option --timeout", parse_duration(invocation.value("timeout")));
    if (foreground.timeout->count() <= 0)
      return bad_option("timeout", invocation.value("timeout"), "must be above 0");
  }
  foreground.detach_keys = invocation.value("detach-keys", "ctrl-p,ctrl-q");
  SLIP_TRY_WITHIN("option --detach-keys", DetachKeys::parse(foreground.detach_keys));
  ContainerWorld world = SLIP_TRY(open_with_image(invocation, request));
  foreground.id = SLIP_TRY(create(world, request));
  if (invocation.flag("detach")) {
    SLIP_TRY(world.containers->start(foreground.id));
    print_data(foreground.id + "\n");
    return 0;
  }
  foreground.image = request.config.image;
  foreground.tty = request.config.tty;
  foreground.auto_remove = request.config.auto_remove;
  foreground.streams = streams;
  foreground.proxy = invocation.value("sig-proxy", "true") == "true";
  return run_foreground(world, foreground, invocation);
}

Result<int> start_attached(const Invocation& invocation) {
  if (invocation.operands().size() > 1)
    return fail(ErrorCode::kInvalid, "start one container only with --attach or --interactive");
  ContainerWorld world = SLIP_TRY(open_world(invocation));
  const sandbox::ContainerInfo info = SLIP_TRY(world.containers->inspect(invocation.operand(0)));
  Foreground foreground;
  foreground.id = info.id;
  foreground.image = info.config.image;
  foreground.tty = info.config.tty;
  foreground.auto_remove = info.config.auto_remove;
  const bool shown = invocation.flag("attach");
  foreground.streams = {invocation.flag("interactive") && info.config.open_stdin, shown, shown};
  foreground.detach_keys = invocation.value("detach-keys", "ctrl-p,ctrl-q");
  SLIP_TRY(check_terminal(foreground.tty, foreground.streams.input));
  return run_foreground(world, foreground, invocation);
}

int exit_code_of(const Result<int>& code, const Invocation& invocation, int trouble) {
  if (code) return *code;
  const int reported = report_error(code.error(), invocation);
  return trouble != 0 ? trouble : reported;
}

}  // namespace

int run_command(const Invocation& invocation) {
  return exit_code_of(run(invocation), invocation, kEngineTrouble);
}

int container_create_command(const Invocation& invocation) {
  const auto created = [&]() -> Result<int> {
    CreateRequest request = SLIP_TRY(read_create_request(invocation, process_environment()));
    const Attached streams = SLIP_TRY(attached_streams(invocation));
    request.config.stdin_once = request.config.open_stdin && streams.input;
    ContainerWorld world = SLIP_TRY(open_with_image(invocation, request));
    print_data(SLIP_TRY(create(world, request)) + "\n");
    return 0;
  }();
  return exit_code_of(created, invocation, kEngineTrouble);
}

int container_start_command(const Invocation& invocation) {
  if (invocation.flag("attach") || invocation.flag("interactive"))
    return exit_code_of(start_attached(invocation), invocation, 0);
  return for_each_operand_printed(
      invocation, [](ContainerWorld& world, const std::string& name) -> Status {
        Status started = world.containers->start(name);
        // Docker answers 304 to this: what was asked for is so.
        if (!started && started.error().code() == ErrorCode::kConflict) {
          const auto info = world.containers->inspect(name);
          if (info && info->state.status == sandbox::ContainerStatus::kRunning) return {};
        }
        return started;
      });
}

}  // namespace slipway::runner
