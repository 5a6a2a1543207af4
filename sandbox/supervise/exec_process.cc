// A process that was put into a container: waiting, signals, terminal.
#include "sandbox/supervise/exec_process.h"

#include <errno.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/wait.h>

#include "base/sys.h"
#include "sandbox/supervise/ending.h"

namespace slipway::sandbox {
namespace {

class RunningExec final : public ExecProcess {
 public:
  RunningExec(LaunchedExec launched, MonoTime began)
      : launched_(std::move(launched)), began_(began) {}

  ~RunningExec() override {
    if (reaped_ || !launched_.minder) return;
    kill();
    reap();  // The minder goes when its process has gone.
  }

  Outcome wait(const CancelToken& cancel, std::optional<MonoTime> deadline,
               const StopPolicy& stop) override {
    if (launched_.failed) return *launched_.failed;
    const Watched watched{launched_.minder.get(), [this](int number) { (void)signal(number); },
                          [this] { kill(); }};
    const Ending ending = await_end(watched, cancel, deadline, stop);
    reap();
    // Without a record the minder was killed: with all of the container, by its cgroup.
    Outcome outcome = outcome_of(ending, read_exit_record(launched_.status.get()), SIGKILL);
    outcome.wall = std::chrono::duration_cast<std::chrono::microseconds>(
        std::chrono::steady_clock::now() - began_);
    return outcome;
  }

  Status signal(int number) override {
    if (!launched_.pidfd) return fail(ErrorCode::kNotFound, "signal process: it never ran");
    return sys::pidfd_signal(launched_.pidfd.get(), number);
  }

  int terminal_fd() const override { return launched_.master.get(); }

  Status resize(Terminal size) override {
    if (!launched_.master)
      return fail(ErrorCode::kInvalid, "resize terminal: the process has none");
    struct winsize window = {size.rows, size.columns, 0, 0};
    if (::ioctl(launched_.master.get(), TIOCSWINSZ, &window) != 0)
      return fail_errno("resize terminal");
    return {};
  }

  int pid() const override { return launched_.pid; }
  int pidfd() const override { return launched_.minder.get(); }

 private:
  void kill() {
    if (launched_.pidfd) (void)sys::pidfd_signal(launched_.pidfd.get(), SIGKILL);
  }
  void reap() {
    siginfo_t info{};
    while (::waitid(P_PIDFD, static_cast<id_t>(launched_.minder.get()), &info, WEXITED | __WALL) !=
               0 &&
           errno == EINTR) {
    }
    reaped_ = true;
  }

  LaunchedExec launched_;
  MonoTime began_;
  bool reaped_ = false;
};

}  // namespace

std::unique_ptr<ExecProcess> supervise_exec(LaunchedExec launched, MonoTime began) {
  return std::make_unique<RunningExec>(std::move(launched), began);
}

}  // namespace slipway::sandbox
