// PID 1 of every container: forwards signals to the command, reaps, reports how the command ended
// and goes when the engine does. Freestanding and static; it runs from a sealed memfd and shares no
// page with the runner (R1).
#include <errno.h>
#include <linux/signalfd.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "sandbox/launch/child/operation.h"
#include "sandbox/launch/child/raw.h"

namespace slipway::sandbox {
namespace {

constexpr int kLifelineLost = 137;  // As if killed: the engine that would read it is gone.

int parse_pid(const char* text) {
  int pid = 0;
  for (; *text >= '0' && *text <= '9'; text++) pid = pid * 10 + (*text - '0');
  return pid;
}

// Reaps all that has ended. Leaves the container when the command was among it.
void reap(int command) {
  for (;;) {
    int status = 0;
    struct rusage usage;
    const long pid = raw::invoke(SYS_wait4, -1, &status, WNOHANG, &usage);
    if (pid <= 0) return;
    if (pid != command) continue;
    ExitRecord record{};
    record.wait_status = status;
    record.user_us = usage.ru_utime.tv_sec * 1'000'000 + usage.ru_utime.tv_usec;
    record.system_us = usage.ru_stime.tv_sec * 1'000'000 + usage.ru_stime.tv_usec;
    record.max_rss_kib = usage.ru_maxrss;
    raw::invoke(SYS_write, kInitStatus, &record, static_cast<long>(sizeof record));
    raw::exit_group(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
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

[[noreturn]] void serve(int command) {
  // All signals were blocked before exec, so none is lost before the signalfd is there.
  const unsigned long all = ~0UL;
  const long signals = raw::invoke(SYS_signalfd4, -1, &all, 8, SFD_NONBLOCK | SFD_CLOEXEC);
  if (signals < 0) raw::exit_group(kLifelineLost);
  const char ready = 1;
  raw::invoke(SYS_write, kInitGate, &ready, 1);
  raw::invoke(SYS_close, kInitGate);
  struct pollfd watched[2] = {{static_cast<int>(signals), POLLIN, 0}, {kInitLifeline, 0, 0}};
  for (;;) {
    reap(command);
    raw::invoke(SYS_ppoll, &watched[0], 2, 0, 0, 8);
    if (watched[1].revents != 0) raw::exit_group(kLifelineLost);
    take_signals(static_cast<int>(signals), command);
  }
}

}  // namespace

extern "C" [[noreturn]] void slipway_init(const long* stack) {
  const char* const* argv = reinterpret_cast<const char* const*>(stack + 1);
  if (stack[0] < 2) raw::exit_group(2);
  serve(parse_pid(argv[1]));
}

}  // namespace slipway::sandbox

#if defined(__x86_64__)
asm(".globl _start\n_start:\n  xorl %ebp, %ebp\n  movq %rsp, %rdi\n  andq $-16, %rsp\n  call "
    "slipway_init\n  hlt\n");
#elif defined(__aarch64__)
asm(".globl _start\n_start:\n  mov x29, #0\n  mov x0, sp\n  bl slipway_init\n  brk #0\n");
#endif
