#pragma once

#include "base/result.h"
#include "sandbox/containers.h"

namespace slipway::runner {

/// Adds the powers that follow from other members of the config (host network, directories of this machine), so that a
/// policy sees them. Idempotent.
void complete_powers(sandbox::ContainerConfig& config);

/// Replaces the names of containers that the config joins (network_mode, pid_of, ipc_of) by their full ids: the record
/// must mean the same one after a rename. kNotFound "no such container: x".
Status resolve_joined(sandbox::ContainerConfig& config, sandbox::Containers& containers);

}  // namespace slipway::runner
