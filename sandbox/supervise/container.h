#pragma once

#include <memory>
#include <string>

#include "base/clock.h"
#include "sandbox/engine.h"
#include "sandbox/ids/id_slots.h"
#include "sandbox/launch/spawn.h"
#include "sandbox/limits/cgroup.h"

namespace slipway::sandbox {

/// Takes over what was launched. Torn down in this order: processes, cgroup, id range.
std::unique_ptr<Container> supervise(Launched launched, std::unique_ptr<Cgroup> cgroup,
                                     IdSlots::Lease slot, MonoTime started);

}  // namespace slipway::sandbox
