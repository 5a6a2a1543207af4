#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "sandbox/containers/claim.h"
#include "sandbox/containers/layout.h"
#include "sandbox/containers/record.h"

namespace slipway::sandbox {

/// What becomes of containers whose monitor was killed. Their processes ended with it (init loses its lifeline) and
/// their mounts and network namespaces with those; what the kernel does not clean up is done here.

/// Containers that are marked as running while nobody holds their lock.
std::vector<std::string> find_dead(const Layout& layout);
/// True when a state claims a process.
bool claims_process(const StateRecord& state);

enum class Burial {
  kNothing,  ///< It was not dead at all.
  kStopped,
  kRemoved,  ///< It was to be removed at its end.
  kRestart,  ///< Its policy wants it to run again.
};
/// Records the end of a container we hold the lock of, if it died without one.
Result<Burial> bury(const Layout& layout, const Claim& claim, const std::string& id);
/// Cgroups whose makers are gone, with what still runs in them.
void reap_cgroups();

}  // namespace slipway::sandbox
