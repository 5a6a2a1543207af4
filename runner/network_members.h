#pragma once

#include <vector>

#include "runner/docker_json.h"
#include "sandbox/containers.h"

namespace slipway::runner {

/// The containers on a network, with their endpoints there. One that goes away meanwhile is left out.
std::vector<NetworkMember> network_members(const sandbox::NetworkInfo& network,
                                           sandbox::Containers& containers);

}  // namespace slipway::runner
