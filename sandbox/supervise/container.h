#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "sandbox/engine.h"
#include "sandbox/ids/id_slots.h"
#include "sandbox/launch/spawn.h"
#include "sandbox/limits/cgroup.h"

namespace slipway::sandbox {

/// All that a started container owns. Torn down in this order: processes, cgroup, id range.
struct Started {
  Launched launched;
  std::unique_ptr<Cgroup> cgroup;  ///< Null when the command never ran.
  IdSlots::Lease slot;
  MonoTime began{};
  Confinement confinement;
  std::uint64_t namespaces = 0;  ///< CLONE_NEW* of those that are not the engine's.
  std::optional<int> oom_score_adj;
  bool owns_pids = true;
};

std::unique_ptr<Container> supervise(Started started);

}  // namespace slipway::sandbox
