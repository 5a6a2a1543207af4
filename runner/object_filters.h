#pragma once

#include "runner/docker_filters.h"
#include "sandbox/networks.h"
#include "sandbox/volumes.h"

namespace slipway::runner {

/// Docker's filters of networks and volumes. kInvalid names an unknown one.
Status check_network_filters(const Filters& filters);
bool network_fits(const sandbox::NetworkInfo& network, const Filters& filters);
/// bridge, host and none, which cannot be removed.
bool is_builtin(const sandbox::NetworkInfo& network);
Status check_volume_filters(const Filters& filters);
bool volume_fits(const sandbox::VolumeInfo& volume, const Filters& filters);

}  // namespace slipway::runner
