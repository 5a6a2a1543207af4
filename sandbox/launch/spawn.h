#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

#include "base/fd.h"
#include "base/result.h"
#include "sandbox/ids/id_slots.h"
#include "sandbox/launch/plan.h"
#include "sandbox/launch/prepare.h"
#include "sandbox/limits/cgroup.h"
#include "sandbox/outcome.h"
#include "sandbox/spec.h"

namespace slipway::sandbox {

/// A container's init and the engine's ends of what connects to it. Closing `lifeline` ends the container.
struct Launched {
  pid_t pid = -1;
  Fd pidfd;
  Fd status;  ///< One ExitRecord when the command has ended.
  Fd lifeline;
  Fd master;  ///< Of the terminal, if there is one.
  /// The command never ran and the job is to blame; the process is gone already.
  std::optional<Outcome> failed;
};

/// Starts the processes and waits until both run their own program (or one failed). Blocking, some milliseconds.
Result<Launched> spawn(const ContainerSpec& spec, const IdSlot& slot, const Prepared& prepared,
                       const Cgroup& cgroup, Plan& plan);

}  // namespace slipway::sandbox
