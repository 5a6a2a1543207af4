// `runner run`: one container in the foreground, directly on the engine library.
#include <unistd.h>

#include "base/files.h"
#include "base/random.h"
#include "base/text.h"
#include "runner/cli/commands.h"
#include "runner/cli/console.h"
#include "runner/cli/container_session.h"
#include "runner/cli/registry_session.h"
#include "runner/cli/run_spec.h"
#include "runner/execute/images.h"
#include "runner/execute/job_state.h"
#include "sandbox/engine.h"

namespace slipway::runner {
namespace {

constexpr int kEngineTrouble = 125;  // Docker run reference, "Exit status"

/// [a-z0-9-]{1,64}, unique: what the user called it for people who look at cgroups, then the id.
std::string container_name(const std::string& given, const std::string& id) {
  std::string name;
  for (const char c : to_lower(given.substr(0, 40))) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    name += plain ? c : '-';
  }
  return name.empty() ? "run-" + id : name + "-" + id;
}

void add_network_files(sandbox::ContainerSpec& spec) {
  if (spec.network != sandbox::Network::kHost) return;
  // Names resolve as on the machine; without a network there is nobody to ask.
  if (Result<std::string> resolv = read_file("/etc/resolv.conf", 64_KiB)) {
    spec.mounts.emplace_back(sandbox::FileMount{"/etc/resolv.conf", *std::move(resolv), 0444});
  }
}

sandbox::ContainerSpec make_spec(const RunRequest& request, const std::string& id,
                                 sandbox::ProcessSpec process, const StepImage& image,
                                 const cachestore::Draft& draft) {
  sandbox::ContainerSpec spec;
  spec.name = container_name(request.name, id);
  spec.root.stack = image.stack.below(draft);
  spec.root.host_tools = image.host_tools;
  spec.root.read_only = request.read_only;
  spec.mounts = request.mounts;
  spec.process = std::move(process);
  spec.network = request.network;
  spec.limits = request.limits;
  spec.hostname = request.hostname.empty() ? id : request.hostname;
  spec.extra_hosts = request.extra_hosts;
  spec.isolation.no_new_privileges = request.no_new_privileges;
  for (const std::string& name : request.add_capabilities)
    spec.isolation.powers.emplace_back(sandbox::power::AddedCapability{name});
  spec.isolation.drop_capabilities = request.drop_capabilities;
  add_network_files(spec);
  return spec;
}

void connect_stdio(const RunRequest& request, sandbox::ProcessSpec& process) {
  if (request.tty) {
    process.terminal = terminal_size(STDOUT_FILENO);
    return;
  }
  process.stdin_fd = request.interactive ? STDIN_FILENO : -1;
  process.stdout_fd = STDOUT_FILENO;
  process.stderr_fd = STDERR_FILENO;
}

Result<sandbox::Outcome> run_to_end(const RunRequest& request, sandbox::Engine& engine,
                                    const sandbox::ContainerSpec& spec, int stop_signal) {
  SignalPipe signals = SLIP_TRY(open_session_signals());
  const std::unique_ptr<sandbox::Container> container = SLIP_TRY(engine.start(spec));
  ContainerSession::Options options;
  options.input = request.tty && request.interactive ? STDIN_FILENO : -1;
  options.output = STDOUT_FILENO;
  const CancelToken cancel = options.cancel;
  ContainerSession session(*container, signals, std::move(options));
  std::optional<MonoTime> deadline;
  if (request.timeout) deadline = real_clock().mono() + *request.timeout;
  const sandbox::Outcome outcome =
      container->wait(cancel, deadline, {stop_signal, request.stop_grace});
  session.finish();
  return outcome;
}

void warn_of_limits(const RunRequest& request, const sandbox::Engine& engine,
                    const Invocation& invocation) {
  if (!request.limits_asked) return;
  for (const std::string& notice : engine.notices()) report_warning(notice, invocation);
}

Result<sandbox::Outcome> run(const Invocation& invocation) {
  const std::string state = state_dir(invocation);
  const RunRequest request =
      SLIP_TRY(run_request(invocation, process_environment(), ::geteuid() == 0));
  if (request.tty && request.interactive && ::isatty(STDIN_FILENO) != 1) {
    return fail(ErrorCode::kInvalid,
                "open terminal: standard input is not a terminal; leave out -t to use a pipe");
  }
  std::optional<RegistrySession> session(std::in_place, invocation);
  SLIP_TRY(sandbox::enter_engine_namespaces());
  const std::shared_ptr<cachestore::Store> store =
      SLIP_TRY(cachestore::Store::open({state, {}, true}));
  SLIP_TRY(ensure_image(*store, session->access(), request.image,
                        invocation.value("pull", "missing"), invocation.value("platform"),
                        session->progress(), session->cancel()));
  session.reset();  // signals belong to the container from here on
  const StepImage image = SLIP_TRY(resolve_image(*store, request.image));
  const cachestore::Lease lease = SLIP_TRY(store->lease(image.stack.ids()));
  const std::string id = random_hex(6);
  const std::string user = request.user.empty() ? image.config.user : request.user;
  sandbox::ProcessSpec process = SLIP_TRY(
      run_process(request, image.config, home_directory(image.stack, image.host_tools, user),
                  request.hostname.empty() ? id : request.hostname));
  connect_stdio(request, process);
  const cachestore::Draft draft = SLIP_TRY(store->begin());
  const std::unique_ptr<sandbox::Engine> engine = SLIP_TRY(sandbox::Engine::open({store->root()}));
  warn_of_limits(request, *engine, invocation);
  return run_to_end(request, *engine, make_spec(request, id, std::move(process), image, draft),
                    stop_signal_number(image.config.stop_signal));
}

/// What the person should read about the end; "" when the exit code says it all.
std::string complaint(const sandbox::Outcome& outcome, const Invocation& invocation) {
  using Kind = sandbox::Outcome::Kind;
  if (outcome.kind == Kind::kOutOfMemory || outcome.kind == Kind::kTimedOut)
    return outcome.describe();
  if (outcome.kind != Kind::kSetupFailed) return "";
  const std::string reason = outcome.describe();
  const std::string plain =
      reason.substr(0, reason.rfind(" (step "));  // where in our plan it was is of no use here
  constexpr std::string_view kExec = "exec ";
  const std::string command = plain.substr(0, plain.find(": "));
  const bool looked_up = command.starts_with(kExec) && command.find('/') == std::string::npos;
  if (outcome.cause != sandbox::Outcome::SetupCause::kCommandNotFound || !looked_up) return plain;
  return "run " + command.substr(kExec.size()) + ": command not found in " + invocation.operand(0);
}

}  // namespace

int run_command(const Invocation& invocation) {
  const Result<sandbox::Outcome> outcome = run(invocation);
  if (!outcome) {
    report_error(outcome.error(), invocation);
    return kEngineTrouble;
  }
  if (const std::string text = complaint(*outcome, invocation); !text.empty()) {
    report_message(text, invocation);
  }
  return outcome->shell_code();
}

}  // namespace slipway::runner
