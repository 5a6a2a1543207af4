// What the program does when its operations are done: be a container's init, or mind one process that was put into a
// container. Both only wait, and say how the command ended.
#include <errno.h>
#include <linux/signalfd.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "sandbox/launch/child/child.h"
#include "sandbox/launch/child/raw.h"

namespace slipway::sandbox::child {
namespace {

constexpr int kLifelineLost = 137;  // As if killed: the engine that would read it is gone.

void tell(int status, const struct rusage& usage) {
  ExitRecord record{};
  record.wait_status = status;
  record.user_us = usage.ru_utime.tv_sec * 1'000'000 + usage.ru_utime.tv_usec;
  record.system_us = usage.ru_stime.tv_sec * 1'000'000 + usage.ru_stime.tv_usec;
  record.max_rss_kib = usage.ru_maxrss;
  raw::invoke(SYS_write, kInitStatus, &record, static_cast<long>(sizeof record));
}

// In a pid namespace of its own the kernel ends the rest when init goes; elsewhere this does. It ends init as well.
[[noreturn]] void leave(int code, bool kill_rest) {
  if (kill_rest) raw::invoke(SYS_write, kInitKill, "1", 1);
  raw::exit_group(code);
}

struct Served {
  int command;
  bool kill_rest;
};

// Reaps all that has ended. Leaves the container when the command was among it.
void reap(const Served& served) {
  for (;;) {
    int status = 0;
    struct rusage usage;
    const long pid = raw::invoke(SYS_wait4, -1, &status, WNOHANG, &usage);
    if (pid <= 0) return;
    if (pid != served.command) continue;
    tell(status, usage);
    leave(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), served.kill_rest);
  }
}

void take_signals(int signals, int command) {
  for (;;) {
    struct signalfd_siginfo info;
    const long size = raw::invoke(SYS_read, signals, &info, static_cast<long>(sizeof info));
    if (size != static_cast<long>(sizeof info)) return;
    if (info.ssi_signo != SIGCHLD) raw::invoke(SYS_kill, command, info.ssi_signo);
  }
}

// The plan holds arguments and the content of secret files: it goes before anything of the job's runs.
void forget_plan(const LaunchTable& table) {
  raw::invoke(SYS_munmap, table.address, static_cast<long>(table.size));
}

}  // namespace

long serve(State& state, const Operation& operation) {
  const Served served = {state.child_pid, state.fd(kCgroupKill) >= 0};
  const bool dumpable = operation.flags != 0;
  forget_plan(*state.table);
  if (dumpable) raw::invoke(SYS_prctl, PR_SET_DUMPABLE, 1, 0, 0, 0);
  // All signals were blocked before exec, so none is lost before the signalfd is there.
  const unsigned long all = ~0UL;
  const long signals = raw::invoke(SYS_signalfd4, -1, &all, 8, SFD_NONBLOCK | SFD_CLOEXEC);
  if (signals < 0) raw::exit_group(kLifelineLost);
  const char ready = 1;
  raw::invoke(SYS_write, kInitGate, &ready, 1);
  raw::invoke(SYS_close, kInitGate);
  struct pollfd watched[2] = {{static_cast<int>(signals), POLLIN, 0}, {kInitLifeline, 0, 0}};
  for (;;) {
    reap(served);
    raw::invoke(SYS_ppoll, &watched[0], 2, 0, 0, 8);
    if (watched[1].revents != 0) leave(kLifelineLost, served.kill_rest);
    take_signals(static_cast<int>(signals), served.command);
  }
}

long mind(State& state, const Operation&) {
  forget_plan(*state.table);
  for (;;) {
    int status = 0;
    struct rusage usage;
    const long pid = raw::invoke(SYS_wait4, state.child_pid, &status, __WALL, &usage);
    if (pid == -EINTR) continue;
    if (pid < 0) raw::exit_group(kLifelineLost);
    tell(status, usage);
    raw::exit_group(0);
  }
}

}  // namespace slipway::sandbox::child
