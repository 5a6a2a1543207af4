#pragma once

#include <string>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "sandbox/ids/id_slots.h"
#include "sandbox/ids/user_lookup.h"
#include "sandbox/mounts/devices.h"
#include "sandbox/mounts/tmpfs_options.h"
#include "sandbox/policy/confinement.h"
#include "sandbox/spec.h"

namespace slipway::sandbox {

/// What the parent makes before a launch: detached mounts, ids, filter. Nothing of it is visible on the host.
struct Prepared {
  Fd root;
  Fd sys;     ///< Only where the container shares the host's network.
  Fd proc;    ///< Only with the host's processes.
  Fd shm;     ///< Of the host or of a peer; else the child makes one.
  Fd mqueue;  ///< Only with the host's ipc namespace.
  Devices devices;
  std::vector<Fd>
      mounts;  ///< One per spec mount, in order; invalid for those the child makes itself.
  std::vector<bool> mount_is_file;   ///< Same order: the target is a file.
  std::vector<TmpfsSettings> tmpfs;  ///< Same order; empty for other kinds.
  struct HostTree {
    std::string target;  ///< "/usr"
    Fd tree;             ///< Invalid: a link.
    std::string link;
  };
  std::vector<HostTree> host_trees;
  UserIds user;
  Confinement confinement;
};

/// Makes the mounts. Errors name the path; nothing is left behind on failure.
Result<Prepared> prepare(const ContainerSpec& spec, const IdSlot& slot, Confinement confinement);
/// Fills in `user`: a separate step, because a missing user is the job's trouble and not an Error.
Status prepare_user(const ContainerSpec& spec, const IdSlot& slot, Prepared& prepared);

}  // namespace slipway::sandbox
