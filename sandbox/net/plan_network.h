#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "sandbox/net/address.h"
#include "sandbox/networks.h"

namespace slipway::sandbox::net {

/// One address family of a network.
struct Range {
  Subnet subnet;
  Address gateway;
  Subnet pool;  ///< Addresses are given from here.
};
/// A network's ranges as the record has them (they were checked when it was made); nothing for a family it lacks.
struct Ranges {
  std::optional<Range> v4;
  std::optional<Range> v6;
};
Ranges ranges_of(const NetworkInfo& network);

/// Checks what was asked for and fills in the rest: id, subnets, gateways, the bridge's name. `others` are the networks
/// there are, `taken` the ranges this machine uses.
Result<NetworkInfo> plan_network(const NetworkConfig& config,
                                 const std::vector<NetworkInfo>& others,
                                 const std::vector<Subnet>& taken);

std::uint32_t mtu_of(const NetworkConfig& config, std::uint32_t fallback);
/// Has a bridge on this machine.
bool has_bridge(NetworkDriver driver);

}  // namespace slipway::sandbox::net
