// A container's life: started, ended, started again, removed. What is asked of it is in monitor_requests.cc.
#include "sandbox/containers/monitor.h"

#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "base/files.h"
#include "sandbox/containers/build_spec.h"
#include "sandbox/containers/changes.h"
#include "sandbox/containers/io_buffer.h"
#include "sandbox/containers/joining.h"

namespace slipway::sandbox {
namespace {

// A monitor that nobody talks to, not even who started it, has lost its reason.
constexpr std::chrono::seconds kLonely{10};
constexpr Millis kShutdownGrace{
    10'000};  // What init systems leave between asking and killing, less some.

Streams::Options stream_options(const ContainerConfig& config) {
  Streams::Options options;
  options.tty = config.tty;
  if (config.open_stdin)
    options.input = config.stdin_once ? Streams::Stdin::kOnce : Streams::Stdin::kOpen;
  return options;
}

}  // namespace

Monitor::Monitor(Layout layout, Loop loop)
    : layout_(std::move(layout)), loop_(std::move(loop)), events_(layout_.state()) {}

Monitor::~Monitor() = default;

Result<std::unique_ptr<Monitor>> Monitor::open(const std::string& state_dir, const std::string& id,
                                               Fd lock, Fd listener) {
  std::unique_ptr<Monitor> made(new Monitor(Layout(state_dir), SLIP_TRY(Loop::open())));
  made->lock_ = std::move(lock);
  made->listener_ = std::move(listener);
  made->directory_ = SLIP_TRY(open_file(made->layout_.of(id), O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
  const std::string pid = std::to_string(::getpid());
  if (::ftruncate(made->lock_.get(), 0) != 0 ||
      ::pwrite(made->lock_.get(), pid.data(), pid.size(), 0) < 0) {
    return fail_errno("write pid of monitor");
  }
  made->record_ = SLIP_TRY(read_record(made->directory_.get()));
  made->state_ = SLIP_TRY(read_state(made->directory_.get()));
  made->streams_ = std::make_unique<Streams>(made->loop_, stream_options(made->record_.config));
  Monitor& self = *made;
  made->execs_ = std::make_unique<Execs>(
      self.loop_, self.record_,
      [&self](std::string action, auto attributes) {
        self.emit(std::move(action), std::move(attributes));
      },
      [&self](int connection, const Json& body) { self.reply(connection, body); });
  return made;
}

Status Monitor::run() {
  SLIP_TRY(watch_signals());
  ::fcntl(listener_.get(), F_SETFL, ::fcntl(listener_.get(), F_GETFL) | O_NONBLOCK);
  SLIP_TRY(loop_.watch(listener_.get(), EPOLLIN, [this](std::uint32_t) { accept_all(); }));
  loop_.at(std::chrono::steady_clock::now() + kLonely, [this] { met_anybody_ = true; });
  loop_.when_idle([this] { idle(); });
  return loop_.run();
}

// The machine goes down, or somebody wants this container's keeper to end: not before the container has.
Status Monitor::watch_signals() {
  sigset_t asked;
  ::sigemptyset(&asked);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) ::sigaddset(&asked, signal);
  ::sigprocmask(SIG_BLOCK, &asked, nullptr);
  signals_ = Fd(::signalfd(-1, &asked, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!signals_) return fail_errno("watch signals");
  return loop_.watch(signals_.get(), EPOLLIN, [this](std::uint32_t) {
    struct signalfd_siginfo info {};
    while (::read(signals_.get(), &info, sizeof info) == sizeof info) {
    }
    shutting_down_ = true;
    met_anybody_ = true;
    loop_.cancel(std::exchange(restart_timer_, 0));
    if (alive()) begin_stop(kShutdownGrace, record_.stop_signal);
  });
}

void Monitor::save() {
  if (removed_) return;
  // A full disk: the state is told to all who ask the monitor, and written when something changes again.
  (void)write_state(directory_.get(), state_);
}

void Monitor::emit(std::string action, std::vector<std::pair<std::string, std::string>> more) {
  events_.append(container_event(record_, std::move(action), std::move(more)));
}

Status Monitor::start_container() {
  // Before there is a process, so that one whose monitor is killed at once is looked for.
  if (Fd mark{::open(layout_.running(record_.id).c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600)};
      !mark)
    return note_failure(125, errno_error(errno, "mark container as running"));
  Status started = broken_ ? Status(fail(*broken_)) : launch();
  if (started && container_->pidfd() < 0)
    return refuse(container_->wait(CancelToken(), std::nullopt, {}));
  if (started) started = watch_container();
  if (!started) {
    if (container_) loop_.forget(container_->pidfd());
    container_.reset();
    return note_failure(125, started.error());
  }
  started_ = std::chrono::steady_clock::now();
  ContainerState& state = state_.state;
  state.status = ContainerStatus::kRunning;
  state.pid = container_->pid();
  state.exit_code = 0;
  state.out_of_memory = false;
  state.error.clear();
  state.started = std::chrono::system_clock::now();
  state.finished = {};
  state_.stopped_by_hand = false;
  note_networks();
  for (const EndpointInfo& endpoint : state_.endpoints) emit_network("connect", endpoint);
  state.health = {};
  if (record_.health) begin_health();
  save();
  emit("start");
  return {};
}

void Monitor::begin_health() {
  health_ = std::make_unique<HealthProber>(
      loop_, record_, *container_, [this](const HealthState& health, bool changed) {
        state_.state.health = health;
        save();
        if (changed) emit("health_status: " + std::string(health_name(health.status)));
      });
  state_.state.health = health_->state();
}

Status Monitor::watch_container() {
  SLIP_TRY(loop_.watch(container_->pidfd(), EPOLLIN, [this](std::uint32_t) { on_exit(); }));
  return streams_->begin(log_ ? &*log_ : nullptr, container_->terminal_fd());
}

Status Monitor::launch() {
  if (!engine_) engine_ = SLIP_TRY(Engine::open({layout_.state()}));
  snapshots_ = SLIP_TRY(hold_snapshots(record_, layout_.state()));
  if (!log_ && record_.config.log.driver == LogConfig::Driver::kLocal) {
    Fd directory = SLIP_TRY(open_at(directory_.get(), "log", O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
    log_ = SLIP_TRY(LogWriter::open(std::move(directory), record_.config.log));
  }
  std::vector<Fd> held;
  ContainerSpec spec = SLIP_TRY(build_spec(record_, layout_.state(), held));
  SLIP_TRY(open_networks(spec));
  const std::vector<Fd> peers = SLIP_TRY(apply_peers(layout_, record_.config, spec));
  Streams::Ends ends;
  if (record_.config.tty) {
    spec.process.terminal = size_;
  } else {
    ends = SLIP_TRY(streams_->open_pipes());
    spec.process.stdin_fd = ends.input.get();
    spec.process.stdout_fd = ends.output.get();
    spec.process.stderr_fd = ends.error.get();
  }
  container_ = SLIP_TRY(engine_->start(spec));
  return {};
}

Status Monitor::open_networks(ContainerSpec& spec) {
  if (!has_networks(record_.config)) return {};
  if (!networks_) networks_ = SLIP_TRY(Networks::open(layout_.state()));
  session_ = SLIP_TRY(networks_->open_session(session_request(record_)));
  apply_session(*session_, spec);
  return {};
}

void Monitor::note_networks() {
  state_.endpoints.clear();
  state_.ports.clear();
  if (!session_) return;
  state_.endpoints = session_->endpoints();
  state_.ports = session_->ports();
}

// Addresses and ports are free again.
void Monitor::close_networks() {
  for (const EndpointInfo& endpoint : state_.endpoints) emit_network("disconnect", endpoint);
  session_.reset();
  note_networks();
}

void Monitor::emit_network(const char* action, const EndpointInfo& endpoint) {
  ContainerEvent event;
  event.time = std::chrono::system_clock::now();
  event.type = "network";
  event.action = action;
  event.id = endpoint.network_id;
  event.attributes = {{"container", record_.id}, {"name", endpoint.network}};
  events_.append(event);
}

// The command could not be run.
Status Monitor::refuse(const Outcome& outcome) {
  container_.reset();
  return note_failure(outcome.shell_code(), Error(ErrorCode::kInvalid, outcome.describe()));
}

Status Monitor::note_failure(int exit_code, const Error& error) {
  streams_->end();
  snapshots_.clear();
  state_.state.status =
      state_.state.started == WallTime{} ? ContainerStatus::kCreated : ContainerStatus::kExited;
  state_.state.pid = 0;
  state_.state.exit_code = exit_code;
  state_.state.error = error.text();
  save();
  ::unlink(layout_.running(record_.id).c_str());
  return fail(error);
}

void Monitor::on_exit() {
  loop_.forget(container_->pidfd());
  loop_.cancel(std::exchange(kill_timer_, 0));
  health_.reset();
  const Outcome outcome = container_->wait(CancelToken(), std::nullopt, {});
  execs_->container_ended();
  streams_->end();  // Nobody is left who could write: this is all there will be.
  if (log_) log_->settle(std::chrono::system_clock::now());
  container_.reset();
  close_networks();
  snapshots_.clear();
  const auto ran_for =
      std::chrono::duration_cast<Millis>(std::chrono::steady_clock::now() - started_);
  record_end(outcome);
  after_end(state_.state.exit_code, ran_for);
}

void Monitor::record_end(const Outcome& outcome) {
  ContainerState& state = state_.state;
  state.status = ContainerStatus::kExited;
  state.pid = 0;
  state.exit_code = outcome.shell_code();
  state.out_of_memory = outcome.kind == Outcome::Kind::kOutOfMemory;
  state.finished = std::chrono::system_clock::now();
}

// What comes after a run, in this order: restart on request, restart by policy, removal, rest.
void Monitor::after_end(int exit_code, Millis ran_for) {
  std::optional<Millis> delay;
  if (!restart_asked_ && !remove_asked_ && !shutting_down_) {
    delay = restarter_.next(record_.config.restart, state_.state.restart_count,
                            {exit_code, ran_for, state_.stopped_by_hand});
  }
  const bool last = !delay && !restart_asked_ && (record_.config.auto_remove || remove_asked_);
  if (delay) state_.state.status = ContainerStatus::kRestarting;
  // What goes at once needs no record; should we be killed on the way, the mark makes others finish it.
  if (!last) save();
  if (!last && !delay && !restart_asked_) ::unlink(layout_.running(record_.id).c_str());
  if (state_.state.out_of_memory) emit("oom");
  emit("die", {{"exitCode", std::to_string(exit_code)}});
  if (state_.stopped_by_hand && !restart_asked_ && !remove_asked_) emit("stop");
  release(Await::kExit, exit_body());
  release(Await::kStopped, Json::object());
  if (std::exchange(restart_asked_, false)) {
    const Status started = start_container();
    if (started) emit("restart");
    return release(Await::kRestarted, started ? Json::object() : error_body(started.error()));
  }
  if (delay) {
    restart_timer_ = loop_.at(std::chrono::steady_clock::now() + *delay, [this] {
      restart_timer_ = 0;
      ++state_.state.restart_count;
      if (!start_container())  // The image is gone, or the command: that counts as a run, too.
        after_end(state_.state.exit_code, Millis{0});
    });
    return;
  }
  release(Await::kNotRunning, exit_body());
  if (last) remove();
}

void Monitor::begin_stop(Millis grace, int signal) {
  emit("kill", {{"signal", std::to_string(signal)}});
  (void)container_->signal(signal);
  loop_.cancel(kill_timer_);
  kill_timer_ = loop_.at(std::chrono::steady_clock::now() + grace, [this] {
    kill_timer_ = 0;
    if (alive()) (void)container_->signal(SIGKILL);
  });
}

void Monitor::remove() {
  const bool anonymous = record_.config.auto_remove || remove_volumes_;
  Status gone = release_volumes(layout_, record_, anonymous ? Anonymous::kGo : Anonymous::kStay);
  if (gone) gone = unlist_container(layout_, record_);
  if (!gone) {
    state_.state.status = ContainerStatus::kDead;
    state_.state.error = gone.error().text();
    save();
    release(Await::kRemoved, error_body(gone.error()));
    return release(Await::kGone, error_body(gone.error()));
  }
  removed_ = true;
  emit("destroy");
  release(Await::kRemoved,
          exit_body());  // Its id and name are free; nobody has to wait for the files.
  remove_files(layout_, record_.id);
  release(Await::kGone, exit_body());
}

void Monitor::idle() {
  release_io_buffer();
  const bool busy = alive() || restart_timer_ != 0 || !connections_.empty() ||
                    streams_->clients() > 0 || execs_->busy() || !met_anybody_;
  if (!busy) return quit();
  if (std::exchange(untidy_, false)) ::malloc_trim(0);
}

// Whoever connected in time is still served; whoever comes later finds no socket and looks after the container himself.
void Monitor::quit() {
  if (!removed_) {
    write_ended_execs(directory_.get(), execs_->ended());
    ::unlinkat(directory_.get(), "monitor.sock", 0);
  }
  accept_all();
  if (connections_.empty()) return loop_.stop();
  auto again = listen_in(directory_.get(), "monitor.sock");
  if (!again || removed_) return;
  loop_.forget(listener_.get());
  listener_ = *std::move(again);
  ::fcntl(listener_.get(), F_SETFL, ::fcntl(listener_.get(), F_GETFL) | O_NONBLOCK);
  (void)loop_.watch(listener_.get(), EPOLLIN, [this](std::uint32_t) { accept_all(); });
}

}  // namespace slipway::sandbox
