// Health checks: when to probe, what a probe says, and running one.
#include "sandbox/containers/health.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "base/sys.h"
#include "base/text.h"
#include "sandbox/containers/execs.h"

namespace slipway::sandbox {
namespace {

constexpr std::size_t kMostOutput = 4096;  // Docker keeps as much of each probe, and the last five.
constexpr std::size_t kMostProbes = 5;
constexpr int kNoAnswer =
    -1;  // Docker's exit code of a probe that ran out of time or could not be run.

std::vector<std::string> probe_argv(const HealthCheck& check) {
  std::vector<std::string> argv(check.test.begin() + 1, check.test.end());
  if (check.test[0] != "CMD-SHELL") return argv;
  return {"/bin/sh", "-c", join(argv, " ")};
}

}  // namespace

void HealthTracker::begin(MonoTime now) {
  begun_ = now;
  state_ = {};
  state_.status = HealthState::Status::kStarting;
}

bool HealthTracker::in_start_period(MonoTime now) const {
  return state_.status == HealthState::Status::kStarting && now - begun_ < check_.start_period;
}

Millis HealthTracker::delay(MonoTime now) const {
  const Millis wanted = in_start_period(now) ? check_.start_interval : check_.interval;
  return std::max(wanted, Millis(1));
}

bool HealthTracker::take(HealthState::Probe probe, MonoTime now) {
  using Status = HealthState::Status;
  const Status before = state_.status;
  if (probe.exit_code == 0) {
    state_.failing_streak = 0;
    state_.status = Status::kHealthy;
  } else if (!in_start_period(now)) {
    ++state_.failing_streak;
    if (state_.failing_streak >= std::max(check_.retries, 1)) state_.status = Status::kUnhealthy;
  }
  state_.log.push_back(std::move(probe));
  if (state_.log.size() > kMostProbes) state_.log.erase(state_.log.begin());
  return state_.status != before;
}

HealthProber::HealthProber(Loop& loop, const Record& record, Container& container,
                           std::function<void(const HealthState&, bool)> changed)
    : loop_(loop),
      record_(record),
      container_(container),
      changed_(std::move(changed)),
      tracker_(*record.health) {
  tracker_.begin(std::chrono::steady_clock::now());
  plan_next();
}

HealthProber::~HealthProber() {
  loop_.cancel(timer_);
  if (output_) loop_.forget(output_.get());
  if (process_ && process_->pidfd() >= 0) loop_.forget(process_->pidfd());
}

void HealthProber::plan_next() {
  const MonoTime now = std::chrono::steady_clock::now();
  loop_.cancel(timer_);
  timer_ = loop_.at(now + tracker_.delay(now), [this] { probe(); });
}

void HealthProber::pause() {
  paused_ = true;
  if (!process_) loop_.cancel(std::exchange(timer_, 0));
}

void HealthProber::resume() {
  paused_ = false;
  if (!process_) plan_next();
}

void HealthProber::probe() {
  started_ = std::chrono::system_clock::now();
  text_.clear();
  if (const Status launched = launch(); !launched) {
    process_.reset();
    return finish(kNoAnswer, launched.error().text());
  }
  timer_ = loop_.at(std::chrono::steady_clock::now() + record_.health->timeout,
                    [this] { on_timeout(); });
}

Status HealthProber::launch() {
  ExecConfig config;
  config.argv = probe_argv(*record_.health);
  if (config.argv.empty()) return fail(ErrorCode::kInvalid, "check health: no command given");
  sys::Pipe pipe = SLIP_TRY(sys::make_pipe());
  ExecSpec spec;
  spec.process = exec_process(record_, config, container_);
  spec.process.stdout_fd = pipe.write.get();
  spec.process.stderr_fd = pipe.write.get();
  process_ = SLIP_TRY(container_.exec(spec));
  if (process_->pidfd() < 0)
    return fail(ErrorCode::kInvalid, process_->wait(CancelToken(), std::nullopt, {}).describe());
  output_ = std::move(pipe.read);
  ::fcntl(output_.get(), F_SETFL, O_NONBLOCK);
  SLIP_TRY(loop_.watch(output_.get(), EPOLLIN, [this](std::uint32_t) { on_output(); }));
  return loop_.watch(process_->pidfd(), EPOLLIN, [this](std::uint32_t) { on_exit(); });
}

void HealthProber::on_output() {
  std::array<char, kMostOutput> buffer;
  const ssize_t size = ::read(output_.get(), buffer.data(), buffer.size());
  if (size < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (size <= 0) {
    loop_.forget(output_.get());
    output_.reset();
    return;
  }
  const std::size_t room = kMostOutput - text_.size();
  text_.append(buffer.data(), std::min(room, static_cast<std::size_t>(size)));
}

void HealthProber::on_exit() {
  loop_.forget(process_->pidfd());
  const Outcome outcome = process_->wait(CancelToken(), std::nullopt, {});
  process_.reset();
  if (output_) on_output();  // What it said last.
  finish(outcome.shell_code(), std::move(text_));
}

void HealthProber::on_timeout() {
  timer_ = 0;
  loop_.forget(process_->pidfd());
  process_.reset();
  finish(kNoAnswer,
         "Health check exceeded timeout (" + format_duration(record_.health->timeout) + ")");
}

void HealthProber::finish(int exit_code, std::string text) {
  loop_.cancel(std::exchange(timer_, 0));
  if (output_) loop_.forget(output_.get());
  output_.reset();
  HealthState::Probe probe;
  probe.start = started_;
  probe.end = std::chrono::system_clock::now();
  probe.exit_code = exit_code;
  probe.output = to_valid_utf8(text.substr(0, kMostOutput));
  const bool changed = tracker_.take(std::move(probe), std::chrono::steady_clock::now());
  if (!paused_) plan_next();
  changed_(tracker_.state(), changed);
}

}  // namespace slipway::sandbox
