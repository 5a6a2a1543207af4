// Entering namespaces and making the processes of a launch.
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>

#include "sandbox/launch/child/child.h"
#include "sandbox/launch/child/clone.h"
#include "sandbox/launch/child/raw.h"

namespace slipway::sandbox::child {
namespace {

constexpr std::size_t kStackSize = 128
                                   << 10;  // Path buffers of 4 KiB on a few frames; no recursion.

// Used behind kExecImage only, where this memory is our own. The child gets a copy of it, which costs little: it is
// small, and the parent may forget the plan at once.
alignas(16) char stacks[2][kStackSize];

// What a child begins with: not on its parent's stack, which goes on meanwhile.
struct Birth {
  State state;
  std::size_t begin;
} births[2];

int begin_child(void* argument) {
  Birth* birth = static_cast<Birth*>(argument);
  run(birth->state, birth->begin);
}

}  // namespace

// Everything open here is wanted behind the exec; what is not was closed by kCloseOthers.
long exec_image(State& state, const Operation& operation) {
  for (const int number : state.places) {
    if (number >= 0) raw::invoke(SYS_fcntl, number, F_SETFD, 0);
  }
  const char* env[] = {nullptr};
  return raw::invoke(SYS_execveat, state.fd(kInitImage), "", operation.data, &env[0],
                     AT_EMPTY_PATH);
}

// Linux 5.8: setns(2) with a pidfd takes several namespaces at once.
long enter(State& state, const Operation& operation) {
  return raw::invoke(SYS_setns, state.fd(operation.in), static_cast<long>(operation.flags));
}

long spawn(State& state, const Operation& operation) {
  Birth& birth = births[operation.mode];
  birth.state = state;
  birth.begin = operation.size;
  int pidfd = -1;
  CloneArguments arguments;
  arguments.flags = operation.flags | CLONE_PIDFD;
  arguments.pidfd = reinterpret_cast<std::uint64_t>(&pidfd);
  arguments.exit_signal = (operation.flags & CLONE_PARENT) != 0 ? 0 : SIGCHLD;
  arguments.stack = reinterpret_cast<std::uint64_t>(&stacks[operation.mode][0]);
  arguments.stack_size = kStackSize;
  const long pid = slipway_clone3(&arguments, sizeof arguments, begin_child, &birth);
  if (pid < 0) return pid;
  state.child_pid = static_cast<int>(pid);
  state.keep(kChild, pidfd);
  return 0;
}

long report_pid(State& state, const Operation&) {
  const LaunchFailure report = {kPidReport, state.child_pid};
  const long size =
      raw::invoke(SYS_write, state.fd(kReport), &report, static_cast<long>(sizeof report));
  return size < 0 ? size : 0;
}

long exit_now(State&, const Operation&) { raw::exit_group(0); }

long subreaper(State&, const Operation&) {
  return raw::invoke(SYS_prctl, PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
}

}  // namespace slipway::sandbox::child
