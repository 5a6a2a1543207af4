// A running container: waiting, stopping, and how it ended.
#include "sandbox/supervise/container.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/wait.h>

#include "base/files.h"
#include "base/guarded.h"
#include "base/sys.h"
#include "sandbox/supervise/ending.h"
#include "sandbox/supervise/exec_process.h"

namespace slipway::sandbox {
namespace {

class RunningContainer final : public Container {
 public:
  explicit RunningContainer(Started started)
      : slot_(std::move(started.slot)),
        alive_(Alive{std::move(started.cgroup)}),
        launched_(std::move(started.launched)),
        started_(started.began),
        confinement_(std::move(started.confinement)),
        namespaces_(started.namespaces),
        oom_score_adj_(started.oom_score_adj),
        owns_pids_(started.owns_pids) {}

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
  std::vector<std::string> warnings() const override { return confinement_.warnings; }

  Result<std::unique_ptr<ExecProcess>> exec(const ExecSpec& spec) override {
    return with_cgroup("exec in container: it has ended",
                       [&](Alive& alive) { return exec_in(spec, alive); });
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
    return with_cgroup("open root of container: it has ended",
                       [this](Alive&) { return root_directory(); });
  }

 private:
  Outcome judge(Ending ending, const siginfo_t& info, const CgroupUsage& usage);
  siginfo_t reap();
  // Init never changes its root, and its pid is its own until we reap it.
  Result<Fd> root_directory() const {
    return open_file("/proc/" + std::to_string(launched_.pid) + "/root", O_PATH | O_DIRECTORY);
  }
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

  Result<std::unique_ptr<ExecProcess>> exec_in(const ExecSpec& spec, Alive& alive);

  IdSlots::Lease slot_;
  Guarded<Alive> alive_;
  Launched launched_;
  MonoTime started_;
  const Confinement confinement_;
  const std::uint64_t namespaces_;
  const std::optional<int> oom_score_adj_;
  const bool owns_pids_;
  bool reaped_ = false;
};

// All processes of the pid namespace die with its init, and init is not reported dead before they are.
// Without a namespace of its own they are its cgroup's members.
void RunningContainer::kill() {
  (void)sys::pidfd_signal(launched_.pidfd.get(), SIGKILL);
  if (owns_pids_) return;
  alive_.with([](Alive& alive) {
    if (alive.cgroup) alive.cgroup->kill_all();
  });
}

Result<std::unique_ptr<ExecProcess>> RunningContainer::exec_in(const ExecSpec& spec, Alive& alive) {
  const MonoTime began = std::chrono::steady_clock::now();
  if (alive.paused)
    return fail(ErrorCode::kUnavailable, "exec in container: it is paused; resume it first");
  const Fd root = SLIP_TRY(root_directory());
  LaunchedExec launched = SLIP_TRY(spawn_exec(spec, {.pid = launched_.pid,
                                                     .pidfd = launched_.pidfd.get(),
                                                     .namespaces = namespaces_,
                                                     .slot = *slot_,
                                                     .confinement = confinement_,
                                                     .cgroup = *alive.cgroup,
                                                     .root = root.get(),
                                                     .oom_score_adj = oom_score_adj_}));
  return supervise_exec(std::move(launched), began);
}

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

// The record is missing when init itself was killed: by us, by the kernel for memory, or by somebody on the host.
Outcome RunningContainer::judge(Ending ending, const siginfo_t& info, const CgroupUsage& usage) {
  const int fallback = info.si_code != CLD_EXITED ? info.si_status : SIGKILL;
  Outcome outcome = outcome_of(ending, read_exit_record(launched_.status.get()), fallback);
  if (usage.cpu_user.count() != 0 || usage.cpu_system.count() != 0) {
    outcome.cpu_user = usage.cpu_user;
    outcome.cpu_system = usage.cpu_system;
  }
  if (usage.peak_memory.value != 0) outcome.peak_memory = usage.peak_memory;
  if (ending == Ending::kNone && usage.oom_killed && !outcome.success())
    outcome.kind = Outcome::Kind::kOutOfMemory;
  return outcome;
}

Outcome RunningContainer::wait(const CancelToken& cancel, std::optional<MonoTime> deadline,
                               const StopPolicy& stop) {
  if (launched_.failed) return *launched_.failed;
  const Watched watched{launched_.pidfd.get(), [this](int number) { (void)signal(number); },
                        [this] { kill(); }};
  const Ending ending = await_end(watched, cancel, deadline, stop);
  std::unique_ptr<Cgroup> cgroup = take_cgroup();
  const siginfo_t info = reap();
  if (cgroup && !owns_pids_) cgroup->kill_all();
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
