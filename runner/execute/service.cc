// One service: how it is started, asked whether it is ready, and ended.
#include "runner/execute/service.h"

#include <fcntl.h>
#include <poll.h>

#include <algorithm>
#include <array>
#include <atomic>

#include "base/sys.h"
#include "base/text.h"
#include "runner/execute/layers.h"
#include "runner/execute/step_environment.h"
#include "runner/execute/step_transfer.h"

namespace slipway::runner {
namespace {

constexpr Millis kFirstPause{
    5};  // many services are there at once; the pause doubles up to `every`
constexpr Millis kLongestPause{1000};
constexpr Millis kProbeTime{5000};      // what one question may take
constexpr Millis kPortWait{30'000};     // GitLab's wait_for_services_timeout
constexpr Millis kDockerPause{30'000};  // docker's interval and timeout of a HEALTHCHECK
constexpr std::int64_t kDockerRetries = 3;
constexpr std::int64_t kMostRetries = 1000;  // an image may say anything

std::string container_name(const RunContext& run) {
  static std::atomic<unsigned> counter{0};
  return run.run_id + "-service-" + std::to_string(++counter);
}

Millis millis_or(std::chrono::nanoseconds value, Millis fallback) {
  return value.count() == 0 ? fallback : std::chrono::duration_cast<Millis>(value);
}

/// The lowest TCP port that the image says it serves.
std::optional<std::uint16_t> first_port(const std::vector<std::string>& exposed) {
  std::optional<std::uint16_t> lowest;
  for (const std::string& entry : exposed) {
    const std::size_t slash = entry.find('/');
    if (slash != std::string::npos && entry.substr(slash) != "/tcp") continue;
    const Result<std::uint16_t> port = parse_port(entry.substr(0, slash));
    if (port && (!lowest || *port < *lowest)) lowest = *port;
  }
  return lowest;
}

std::vector<std::string> command_line(const pipeline::ServicePlan& plan,
                                      const cachestore::ImageConfig& image) {
  std::vector<std::string> argv = image.entrypoint;
  if (plan.image.entrypoint) argv = *plan.image.entrypoint;
  if (plan.entrypoint) argv = *plan.entrypoint;
  // Docker's rule: another entrypoint does not get the image's command.
  const bool own_entrypoint = plan.entrypoint || plan.image.entrypoint;
  const std::vector<std::string> none;
  const std::vector<std::string>& command = plan.command     ? *plan.command
                                            : own_entrypoint ? none
                                                             : image.cmd;
  argv.insert(argv.end(), command.begin(), command.end());
  return argv;
}

}  // namespace

Service::Service(const RunContext& run, const pipeline::JobPlan& job,
                 const pipeline::ServicePlan& plan, cachestore::Draft draft)
    : run_(run),
      job_(job.instance),
      plan_(plan),
      draft_(std::move(draft)),
      pump_(run.events, run.secrets.mask, OutputPump::Source{job.instance, "", plan.name}) {}

Service::~Service() {
  probe_output_.reset();
  stop_.cancel(CancelLevel::kKill);
  if (waiter_.joinable()) waiter_.join();
  container_.reset();
  pump_.finish();
}

Result<std::unique_ptr<Service>> Service::start(const RunContext& run,
                                                const JobServices::Request& request,
                                                const pipeline::ServicePlan& plan,
                                                const std::string& network) {
  const std::string name =
      SLIP_TRY_WITHIN("evaluate image", plan.image.name.evaluate_text(request.state.context(run)));
  const auto progress = make_step_transfer(run, request.job.instance, "");
  SLIP_TRY(run.images.ensure({name, plan.image.pull, plan.image.platform, request.deadline},
                             progress.get(), request.cancel));
  const StepImage image = SLIP_TRY(resolve_image(run.store, name));
  std::unique_ptr<Service> service(
      new Service(run, request.job, plan, SLIP_TRY(run.store.begin())));
  SLIP_TRY(copy_root_attributes(image.stack, service->draft_.upper()));
  service->spec_.root.stack = image.stack.below(service->draft_);
  SLIP_TRY(service->compose(request, image));
  SLIP_TRY(service->choose_gate(image.config));
  SLIP_TRY(service->launch(network));
  return service;
}

Status Service::compose(const JobServices::Request& request, const StepImage& image) {
  spec_.name = container_name(run_);
  spec_.hostname = plan_.name;
  spec_.process.argv = command_line(plan_, image.config);
  if (spec_.process.argv.empty())
    return fail(ErrorCode::kInvalid, "image " + printable(image.name) +
                                         " has neither entrypoint nor command; give one with "
                                         "`command:`");
  pipeline::EvalContext context = request.state.context(run_);
  StepEnvironment of_job;
  context.roots.set("env", of_job.as_value());
  for (const pipeline::EnvLayer& layer : request.job.env) SLIP_TRY(of_job.evaluate(layer, context));
  StepEnvironment env;
  env.set("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
  env.set_image(image.config.env);
  SLIP_TRY(env.evaluate(plan_.env, context));
  spec_.process.env = env.entries();
  if (!image.config.working_dir.empty()) spec_.process.cwd = image.config.working_dir;
  spec_.process.user = !plan_.user.empty()         ? plan_.user
                       : !plan_.image.user.empty() ? plan_.image.user
                                                   : image.config.user;
  spec_.limits.cpus = plan_.resources.cpus;
  spec_.limits.memory = plan_.resources.memory;
  if (plan_.resources.pids) spec_.limits.pids = *plan_.resources.pids;
  return {};
}

Status Service::choose_gate(const cachestore::ImageConfig& image) {
  using Kind = pipeline::ReadyCheck::Kind;
  if (!plan_.ready) {
    const bool checked = image.healthcheck && image.healthcheck->test.size() > 1;
    if (checked)
      wait_for_health(*image.healthcheck);
    else
      wait_for_exposed_port(image);
    return {};
  }
  const pipeline::ReadyCheck& check = *plan_.ready;
  gate_.every = check.every;
  gate_.within = check.within;
  gate_.shown = "ready";
  switch (check.kind) {
    case Kind::kTcp:
      gate_.kind = Gate::Kind::kTcp;
      gate_.place.port = SLIP_TRY_WITHIN("ready: tcp", parse_port(check.target));
      break;
    case Kind::kHttp:
      gate_.kind = Gate::Kind::kHttp;
      gate_.place = SLIP_TRY(parse_http_place(check.target));
      break;
    case Kind::kCommand:
      gate_.kind = Gate::Kind::kCommand;
      gate_.command = {"/bin/sh", "-c", check.target};
      break;
    case Kind::kExposed:
      wait_for_exposed_port(image);
      gate_.within = check.within;
      gate_.required = false;
      break;
  }
  return {};
}

void Service::wait_for_health(const cachestore::Healthcheck& check) {
  gate_.kind = Gate::Kind::kCommand;
  gate_.command.assign(check.test.begin() + 1, check.test.end());
  if (check.test[0] == "CMD-SHELL") gate_.command = {"/bin/sh", "-c", join(gate_.command, " ")};
  const std::int64_t retries =
      check.retries > 0 ? std::min(check.retries, kMostRetries) : kDockerRetries;
  gate_.within =
      millis_or(check.start_period, Millis(0)) + millis_or(check.interval, kDockerPause) * retries;
  gate_.shown = "the image's HEALTHCHECK";
}

void Service::wait_for_exposed_port(const cachestore::ImageConfig& image) {
  const std::optional<std::uint16_t> port = first_port(image.exposed_ports);
  if (!port) return;
  gate_.kind = Gate::Kind::kTcp;
  gate_.place.port = *port;
  gate_.within = kPortWait;
  gate_.required = false;
  gate_.shown = "exposed port " + std::to_string(*port);
}

Status Service::launch(const std::string& network) {
  SLIP_TRY(pump_.open());
  spec_.process.stdout_fd = pump_.stdout_fd();
  spec_.process.stderr_fd = pump_.stderr_fd();
  NetworkPlace place{network, plan_.aliases};
  place.aliases.push_back(plan_.name);
  session_ = SLIP_TRY(run_.network.join(spec_, place));
  spec_.network_setup = [this, join = spec_.network_setup](int network_namespace) -> Status {
    network_namespace_ = Fd(::fcntl(network_namespace, F_DUPFD_CLOEXEC, 0));
    if (!network_namespace_) return fail_errno("duplicate network namespace");
    return join(network_namespace);
  };
  if (gate_.kind == Gate::Kind::kCommand) {
    probe_output_ = Fd(::fcntl(pump_.stderr_fd(), F_DUPFD_CLOEXEC, 0));
    if (!probe_output_) return fail_errno("duplicate pipe");
  }
  started_ = real_clock().mono();
  Result<std::unique_ptr<sandbox::Container>> container = run_.engine.start(spec_);
  pump_.start();
  if (!container) {
    probe_output_.reset();
    return fail(std::move(container).error());
  }
  container_ = *std::move(container);
  waiter_ = std::thread([this] {
    sandbox::Outcome outcome = container_->wait(stop_, std::nullopt, sandbox::StopPolicy{});
    outcome_.with([&](auto& slot) { slot = std::move(outcome); });
    over_.cancel(CancelLevel::kTerminate);
  });
  return {};
}

std::optional<sandbox::Outcome> Service::ended() {
  return outcome_.with([](const auto& slot) { return slot; });
}

Status Service::probe_command(Millis patience) {
  sandbox::ExecSpec exec;
  exec.process.argv = gate_.command;
  exec.process.env = spec_.process.env;
  exec.process.cwd = spec_.process.cwd;
  exec.process.user = spec_.process.user;
  exec.process.stdout_fd = probe_output_.get();
  exec.process.stderr_fd = probe_output_.get();
  const auto process = SLIP_TRY(container_->exec(exec));
  const sandbox::Outcome outcome =
      process->wait(stop_, real_clock().mono() + patience, sandbox::StopPolicy{.grace = Millis(0)});
  if (outcome.success()) return {};
  return fail(ErrorCode::kUnavailable,
              shell_quote(gate_.command.back()) + ": " + outcome.describe());
}

Status Service::probe(Millis patience) {
  if (gate_.kind == Gate::Kind::kCommand) return probe_command(patience);
  const auto& endpoints = session_->endpoints();
  if (endpoints.empty()) return fail(ErrorCode::kUnavailable, "it has no address");
  const ProbeTarget target{network_namespace_.get(), endpoints.front().ipv4, gate_.place.port};
  if (gate_.kind == Gate::Kind::kTcp) return probe_tcp(target, patience);
  return probe_http(target, plan_.name + ":" + std::to_string(gate_.place.port), gate_.place.path,
                    patience);
}

void Service::say(const std::string& text) const {
  Event event;
  event.kind = Event::Kind::kLog;
  event.job = job_;
  event.stream = "slipway";
  event.line = "service " + printable(plan_.name) + " " + text;
  run_.events.emit(std::move(event));
}

Status Service::give_up(ErrorCode code, const std::string& why) {
  if (gate_.required) return fail(code, why);
  run_.notice("service " + printable(plan_.name) + ": " + why + "; going on without it", job_);
  return {};
}

Status Service::wait_until_ready(const CancelToken& cancel, MonoTime deadline) {
  // A command that could not be executed: its end is there already.
  if (container_->pidfd() < 0) (void)sys::wait_readable(over_.poll_fd(), std::nullopt);
  Status last = fail(ErrorCode::kTimeout, "not asked");
  Millis pause = kFirstPause;
  const MonoTime end = std::min(started_ + gate_.within, deadline);
  for (;;) {
    const std::optional<sandbox::Outcome> outcome = ended();
    if (outcome && (gate_.kind != Gate::Kind::kNone || !outcome->success()))
      return give_up(ErrorCode::kUnavailable, outcome->describe() + " before it was ready");
    if (cancel.cancelled()) return fail(ErrorCode::kCancelled, "cancelled");
    if (gate_.kind == Gate::Kind::kNone) return {};
    const auto left = std::chrono::duration_cast<Millis>(
        std::max(end - real_clock().mono(), MonoTime::duration(0)));
    if (left.count() == 0)
      return give_up(ErrorCode::kTimeout, "not ready after " + format_duration(gate_.within) +
                                              " (" + gate_.shown + ": " + last.error().text() +
                                              ")");
    last = probe(std::min(kProbeTime, std::max(left, Millis(1))));
    if (last) {
      const auto took = std::chrono::duration_cast<Millis>(real_clock().mono() - started_);
      say("is ready after " + format_duration(took));
      return {};
    }
    std::array<pollfd, 2> wake{pollfd{over_.poll_fd(), POLLIN, 0},
                               pollfd{cancel.poll_fd(), POLLIN, 0}};
    const Millis sleep = std::min({pause, gate_.every, std::max(left, Millis(1))});
    (void)::poll(wake.data(), wake.size(), static_cast<int>(sleep.count()));
    pause = std::min(pause * 2, kLongestPause);
  }
}

}  // namespace slipway::runner
