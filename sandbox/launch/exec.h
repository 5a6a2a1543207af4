#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>

#include "base/fd.h"
#include "base/result.h"
#include "sandbox/engine.h"
#include "sandbox/ids/id_slots.h"
#include "sandbox/limits/cgroup.h"
#include "sandbox/policy/confinement.h"

namespace slipway::sandbox {

/// A running container, as much of it as a process that is put into it must know. All borrowed.
struct ExecTarget {
  int pid;                   ///< Of its init.
  int pidfd;                 ///< Likewise.
  std::uint64_t namespaces;  ///< CLONE_NEW* of those that are not the engine's.
  const IdSlot& slot;
  const Confinement& confinement;
  const Cgroup& cgroup;
  int root;  ///< Its root directory.
  std::optional<int> oom_score_adj;
};

/// The process and its minder: a tiny program outside that is its parent, because the end of a pid namespace waits
/// until somebody has reaped what was put into it, and the engine may be busy.
struct LaunchedExec {
  pid_t pid = -1;
  Fd pidfd;
  Fd minder;
  Fd status;  ///< One ExitRecord from the minder.
  Fd master;
  std::optional<Outcome> failed;  ///< It never ran and the job is to blame.
};

/// Blocking, some milliseconds; gives up after 10 s, because the container can stop the process before it runs.
Result<LaunchedExec> spawn_exec(const ExecSpec& spec, const ExecTarget& target);

}  // namespace slipway::sandbox
