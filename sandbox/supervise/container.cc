// A running container: waiting, stopping, and how it ended.
#include "sandbox/supervise/container.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>

#include "base/files.h"
#include "base/guarded.h"
#include "base/sys.h"

namespace slipway::sandbox {
namespace {

using Kind = Outcome::Kind;

// Why we end a container, the first reason stays.
enum class Ending { kNone, kTimedOut, kCancelled };

class RunningContainer final : public Container {
 public:
  explicit RunningContainer(Started started)
      : slot_(std::move(started.slot)),
        alive_(Alive{std::move(started.cgroup)}),
        launched_(std::move(started.launched)),
        started_(started.began),
        warnings_(std::move(started.warnings)) {}

  ~RunningContainer() override { finish(); }

  Outcome wait(const CancelToken& cancel, std::optional<MonoTime> deadline,
               const StopPolicy& stop) override;

  Status signal(int signal) override {
    if (!launched_.pidfd) return fail(ErrorCode::kNotFound, "signal container: it has ended");
    if (signal == SIGSTOP)
      return fail(ErrorCode::kUnsupported, "signal container: SIGSTOP cannot be forwarded");
    // Init forwards what it is sent; SIGKILL to init ends all.
    return sys::pidfd_signal(launched_.pidfd.get(), signal);
  }

  int terminal_fd() const override { return launched_.master.get(); }

  Status resize(Terminal size) override {
    if (!launched_.master)
      return fail(ErrorCode::kInvalid, "resize terminal: the container has none");
    struct winsize window = {size.rows, size.columns, 0, 0};
    if (::ioctl(launched_.master.get(), TIOCSWINSZ, &window) != 0)
      return fail_errno("resize terminal");
    return {};
  }

  int pid() const override { return launched_.pid; }
  int pidfd() const override { return launched_.pidfd.get(); }
  std::vector<std::string> warnings() const override { return warnings_; }

  Result<std::unique_ptr<ExecProcess>> exec(const ExecSpec&) override {
    return fail(ErrorCode::kUnsupported, "exec: not known yet");
  }
  Status pause() override {
    return with_cgroup("pause container: it has ended", [](Alive& alive) -> Status {
      if (alive.paused) return fail(ErrorCode::kConflict, "pause container: it is paused already");
      SLIP_TRY(alive.cgroup->freeze());
      alive.paused = true;
      return {};
    });
  }
  Status resume() override {
    return with_cgroup("resume container: it has ended", [](Alive& alive) -> Status {
      if (!alive.paused) return fail(ErrorCode::kConflict, "resume container: it is not paused");
      SLIP_TRY(alive.cgroup->thaw());
      alive.paused = false;
      return {};
    });
  }
  Status update(const Limits& limits) override {
    return with_cgroup("update container: it has ended",
                       [&](Alive& alive) { return alive.cgroup->update(limits); });
  }
  Result<ResourceUsage> usage() override {
    return with_cgroup("count usage of container: it has ended",
                       [](Alive& alive) -> Result<ResourceUsage> { return alive.cgroup->count(); });
  }
  Result<std::vector<int>> processes() override {
    return with_cgroup(
        "list processes of container: it has ended",
        [](Alive& alive) -> Result<std::vector<int>> { return alive.cgroup->processes(); });
  }
  Result<Fd> open_root() override {
    return with_cgroup("open root of container: it has ended", [this](Alive&) -> Result<Fd> {
      return open_file("/proc/" + std::to_string(launched_.pid) + "/root", O_PATH | O_DIRECTORY);
    });
  }

 private:
  Ending await_end(const CancelToken& cancel, std::optional<MonoTime> deadline,
                   const StopPolicy& stop);
  Outcome judge(Ending ending, const siginfo_t& info, const CgroupUsage& usage);
  siginfo_t reap();
  std::unique_ptr<Cgroup> take_cgroup() {
    return alive_.with([](Alive& alive) { return std::move(alive.cgroup); });
  }
  void kill();
  void finish();

  // What the end of the container takes away. Init is not reaped while the cgroup is there, so its pid stays its own.
  struct Alive {
    std::unique_ptr<Cgroup> cgroup;
    bool paused = false;
  };
  template <typename F>
  auto with_cgroup(const char* ended, F&& f) -> decltype(f(std::declval<Alive&>())) {
    return alive_.with([&](Alive& alive) -> decltype(f(alive)) {
      if (alive.cgroup) return f(alive);
      return fail(ErrorCode::kNotFound, ended);
    });
  }

  IdSlots::Lease slot_;
  Guarded<Alive> alive_;
  Launched launched_;
  MonoTime started_;
  std::vector<std::string> warnings_;
  bool reaped_ = false;
};

// All processes of the pid namespace die with its init, and init is not reported dead before they are.
void RunningContainer::kill() { (void)sys::pidfd_signal(launched_.pidfd.get(), SIGKILL); }

siginfo_t RunningContainer::reap() {
  siginfo_t info{};
  while (::waitid(P_PIDFD, static_cast<id_t>(launched_.pidfd.get()), &info, WEXITED | __WALL) !=
         0) {
    if (errno != EINTR) break;
  }
  reaped_ = true;
  return info;
}

void RunningContainer::finish() {
  if (launched_.failed || reaped_ || !launched_.pidfd) return;
  kill();
  std::unique_ptr<Cgroup> cgroup = take_cgroup();
  if (cgroup) cgroup->kill_all();
  reap();
}

int poll_timeout(std::optional<MonoTime> until) {
  if (!until) return -1;
  const auto left =
      std::chrono::ceil<std::chrono::milliseconds>(*until - std::chrono::steady_clock::now());
  return static_cast<int>(std::clamp<std::int64_t>(left.count(), 0, 1'000'000));
}

Ending RunningContainer::await_end(const CancelToken& cancel, std::optional<MonoTime> deadline,
                                   const StopPolicy& stop) {
  Ending ending = Ending::kNone;
  bool killed = false;
  std::optional<MonoTime> until = deadline;
  const auto end_it = [&](Ending why, bool now) {
    if (ending == Ending::kNone) {
      ending = why;
      until = std::chrono::steady_clock::now() + stop.grace;
      if (!now) (void)signal(stop.signal);
    }
    if (now) {
      kill();
      killed = true;
      until.reset();
    }
  };
  for (;;) {
    struct pollfd watched[3] = {
        {launched_.pidfd.get(), POLLIN, 0}, {-1, POLLIN, 0}, {-1, POLLIN, 0}};
    if (ending == Ending::kNone) watched[1].fd = cancel.poll_fd(CancelLevel::kTerminate);
    if (!killed) watched[2].fd = cancel.poll_fd(CancelLevel::kKill);
    const int ready = ::poll(watched, 3, poll_timeout(until));
    if (ready < 0 && errno == EINTR) continue;
    if (watched[0].revents != 0) return ending;
    if (watched[2].revents != 0) {
      end_it(Ending::kCancelled, true);
    } else if (watched[1].revents != 0) {
      end_it(Ending::kCancelled, false);
    } else if (until && std::chrono::steady_clock::now() >= *until) {
      end_it(Ending::kTimedOut, ending != Ending::kNone);
    }
  }
}

// The record is missing when init itself was killed: by us, by the kernel for memory, or by somebody on the host.
Outcome RunningContainer::judge(Ending ending, const siginfo_t& info, const CgroupUsage& usage) {
  Outcome outcome;
  outcome.cpu_user = usage.cpu_user;
  outcome.cpu_system = usage.cpu_system;
  outcome.peak_memory = usage.peak_memory;
  ExitRecord record{};
  const bool told =
      ::read(launched_.status.get(), &record, sizeof record) == static_cast<ssize_t>(sizeof record);
  if (told && WIFEXITED(record.wait_status)) {
    outcome.code = WEXITSTATUS(record.wait_status);
  } else {
    outcome.kind = Kind::kSignalled;
    outcome.signal = told ? WTERMSIG(record.wait_status) : SIGKILL;
    if (!told && info.si_code != CLD_EXITED) outcome.signal = info.si_status;
  }
  if (told && usage.cpu_user.count() == 0 && usage.cpu_system.count() == 0) {
    outcome.cpu_user = std::chrono::microseconds(record.user_us);
    outcome.cpu_system = std::chrono::microseconds(record.system_us);
  }
  if (told && outcome.peak_memory.value == 0 && record.max_rss_kib > 0) {
    outcome.peak_memory = ByteCount{static_cast<std::uint64_t>(record.max_rss_kib) << 10};
  }
  if (ending == Ending::kTimedOut) outcome.kind = Kind::kTimedOut;
  if (ending == Ending::kCancelled) outcome.kind = Kind::kCancelled;
  if (ending == Ending::kNone && usage.oom_killed && !outcome.success())
    outcome.kind = Kind::kOutOfMemory;
  return outcome;
}

Outcome RunningContainer::wait(const CancelToken& cancel, std::optional<MonoTime> deadline,
                               const StopPolicy& stop) {
  if (launched_.failed) return *launched_.failed;
  const Ending ending = await_end(cancel, deadline, stop);
  std::unique_ptr<Cgroup> cgroup = take_cgroup();
  const siginfo_t info = reap();
  const CgroupUsage usage = cgroup ? cgroup->usage() : CgroupUsage{};
  Outcome outcome = judge(ending, info, usage);
  cgroup.reset();
  outcome.wall = std::chrono::duration_cast<std::chrono::microseconds>(
      std::chrono::steady_clock::now() - started_);
  return outcome;
}

}  // namespace

std::unique_ptr<Container> supervise(Started started) {
  return std::make_unique<RunningContainer>(std::move(started));
}

}  // namespace slipway::sandbox
