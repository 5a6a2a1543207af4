#pragma once

#include <string>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "sandbox/ids/id_slots.h"
#include "sandbox/limits/device_rules.h"
#include "sandbox/policy/confinement.h"

namespace slipway::sandbox {

/// One device node for a container. The path on the host is resolved once: what is checked is what is given.
struct DeviceMount {
  Fd tree;  ///< Detached; invalid: it lies in Devices::nodes.
  std::string target;
};

struct Devices {
  std::vector<DeviceMount> mounts;
  Fd nodes;  ///< A detached file system with our own nodes: "0" is that of the first mount, and so on.
  Fd machine;  ///< A file system for /dev with all nodes of the machine; mostly none.
  limits::DeviceRules rules;  ///< For the container's cgroup.
  bool restricted = true;     ///< False: the rules do not apply.
};

/// As root: a node of our own with the same numbers that belongs to the container's root, because the host's would
/// belong to nobody inside. As an ordinary user: the host's node, with what its mode gives that user, and no rules,
/// because nobody can make nodes then. A directory stands for all devices below it, as in docker. kInvalid for what is
/// no device. What cannot be had becomes a warning of `confinement`.
Result<Devices> prepare_devices(Confinement& confinement, const IdSlot& slot);

}  // namespace slipway::sandbox
