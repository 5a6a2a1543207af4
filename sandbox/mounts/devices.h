#pragma once

#include <string>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "sandbox/ids/id_slots.h"
#include "sandbox/isolation.h"

namespace slipway::sandbox {

/// One device node for a container, detached. The path on the host is resolved once: what is checked is what is given.
struct DeviceMount {
  Fd tree;
  std::string target;
};

/// As root: a node of our own with the same numbers that belongs to the container's root, because the host's would
/// belong to nobody inside. As an ordinary user: the host's node, with what its mode gives that user. kInvalid for what
/// is no device.
Result<std::vector<DeviceMount>> device_mounts(const std::vector<power::HostDevice>& devices,
                                               const IdSlot& slot,
                                               std::vector<std::string>& warnings);

}  // namespace slipway::sandbox
