// Who is on a network.
#include "runner/network_members.h"

namespace slipway::runner {

std::vector<NetworkMember> network_members(const sandbox::NetworkInfo& network,
                                           sandbox::Containers& containers) {
  std::vector<NetworkMember> members;
  for (const std::string& id : network.containers) {
    const Result<sandbox::ContainerInfo> info = containers.inspect(id);
    if (!info) continue;
    for (const sandbox::EndpointInfo& endpoint : info->endpoints) {
      if (endpoint.network_id == network.id || endpoint.network == network.config.name)
        members.push_back({info->id, info->name, endpoint});
    }
  }
  return members;
}

}  // namespace slipway::runner
