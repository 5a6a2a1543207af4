// What a network is going to be: checks and defaults. Touches nothing.
#include "sandbox/net/plan_network.h"

#include <algorithm>

#include "base/random.h"
#include "base/text.h"
#include "sandbox/net/store.h"

namespace slipway::sandbox::net {
namespace {

constexpr std::string_view kMtuOption = "com.docker.network.driver.mtu";
constexpr std::string_view kBridgeOption = "com.docker.network.bridge.name";
constexpr std::size_t kNameLimit = 128;
constexpr std::size_t kInterfaceNameLimit = 15;  // IFNAMSIZ - 1

Status check_name(const std::string& name) {
  constexpr std::string_view kLetters =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
  const bool fine = !name.empty() && name.size() <= kNameLimit &&
                    kLetters.find(name[0]) != std::string_view::npos &&
                    name.find_first_not_of(std::string(kLetters) + "_.-") == std::string::npos;
  if (fine) return {};
  return fail(ErrorCode::kInvalid, "create network \"" + printable(name) +
                                       "\": names match [a-zA-Z0-9][a-zA-Z0-9_.-]*, at most 128");
}

Status check_options(const NetworkConfig& config) {
  const std::string mtu = option_of(config, kMtuOption);
  const auto number = parse_int(mtu);
  if (!mtu.empty() && (!number || *number < 68 || *number > 65'535)) {
    return fail(ErrorCode::kInvalid, "create network " + config.name + ": MTU " + printable(mtu) +
                                         " is not between 68 and 65535");
  }
  const std::string bridge = option_of(config, kBridgeOption);
  const bool plain = bridge.size() <= kInterfaceNameLimit && bridge != "." && bridge != ".." &&
                     bridge.find_first_of("/ \t\n:%") == std::string::npos;
  if (!plain) {
    return fail(ErrorCode::kInvalid, "create network " + config.name + ": bridge name " +
                                         printable(bridge) + " is no name of an interface");
  }
  return {};
}

Result<Range> plan_range(const SubnetConfig& config, const std::string& name) {
  Range range;
  range.subnet = SLIP_TRY(Subnet::parse(config.subnet));
  const int widest = range.subnet.base.v6 ? 126 : 30;  // Two addresses besides base and last.
  if (range.subnet.prefix > widest || range.subnet.prefix < 8) {
    return fail(ErrorCode::kInvalid, "create network " + name + ": subnet " + range.subnet.str() +
                                         " has to have a prefix between 8 and " +
                                         std::to_string(widest));
  }
  range.gateway = *range.subnet.base.plus(1);
  if (!config.gateway.empty()) {
    const auto gateway = Address::parse(config.gateway);
    if (!gateway || !range.subnet.contains(*gateway)) {
      return fail(ErrorCode::kInvalid, "create network " + name + ": gateway " +
                                           printable(config.gateway) + " is not in subnet " +
                                           range.subnet.str());
    }
    range.gateway = *gateway;
  }
  range.pool = range.subnet;
  if (!config.ip_range.empty()) {
    range.pool = SLIP_TRY(Subnet::parse(config.ip_range));
    if (!range.subnet.contains(range.pool)) {
      return fail(ErrorCode::kInvalid, "create network " + name + ": ip range " + range.pool.str() +
                                           " is not in subnet " + range.subnet.str());
    }
  }
  return range;
}

SubnetConfig to_config(const Range& range) {
  return {range.subnet.str(), range.gateway.str(),
          range.pool == range.subnet ? "" : range.pool.str()};
}

Status check_overlap(const Subnet& subnet, const NetworkConfig& config,
                     const std::vector<NetworkInfo>& others, const std::vector<Subnet>& taken) {
  for (const NetworkInfo& other : others) {
    const Ranges ranges = ranges_of(other);
    for (const auto& range : {ranges.v4, ranges.v6}) {
      if (range && range->subnet.overlaps(subnet)) {
        return fail(ErrorCode::kInvalid, "create network " + config.name + ": subnet " +
                                             subnet.str() + " overlaps " + range->subnet.str() +
                                             " of network " + other.config.name);
      }
    }
  }
  // macvlan and ipvlan containers live in the machine's own network, on purpose.
  if (!has_bridge(config.driver)) return {};
  for (const Subnet& range : taken) {
    if (!range.overlaps(subnet)) continue;
    return fail(ErrorCode::kInvalid, "create network " + config.name + ": subnet " + subnet.str() +
                                         " overlaps " + range.str() + ", which this machine uses");
  }
  return {};
}

Status plan_subnets(NetworkConfig& config, const std::vector<NetworkInfo>& others,
                    std::vector<Subnet> taken) {
  bool v4 = false, v6 = false;
  for (SubnetConfig& subnet : config.subnets) {
    if (subnet.subnet.empty()) continue;
    const Range range = SLIP_TRY(plan_range(subnet, config.name));
    bool& seen = range.subnet.base.v6 ? v6 : v4;
    if (seen) {
      return fail(ErrorCode::kUnsupported,
                  "create network " + config.name + ": more than one subnet of an address family");
    }
    seen = true;
    SLIP_TRY(check_overlap(range.subnet, config, others, taken));
    subnet = to_config(range);
  }
  for (const NetworkInfo& other : others) {
    const Ranges ranges = ranges_of(other);
    if (ranges.v4) taken.push_back(ranges.v4->subnet);
    if (ranges.v6) taken.push_back(ranges.v6->subnet);
  }
  // One without a subnet may still name a gateway or range, which then has no meaning.
  for (const SubnetConfig& subnet : config.subnets) {
    if (subnet.subnet.empty() && !(subnet.gateway.empty() && subnet.ip_range.empty())) {
      return fail(ErrorCode::kInvalid,
                  "create network " + config.name + ": a gateway or ip range needs a subnet");
    }
  }
  std::erase_if(config.subnets, [](const SubnetConfig& subnet) { return subnet.subnet.empty(); });
  config.ipv6 = config.ipv6 || v6;
  if (!v4) {
    const Subnet subnet = SLIP_TRY(free_subnet(taken));
    config.subnets.insert(config.subnets.begin(),
                          to_config({subnet, *subnet.base.plus(1), subnet}));
  }
  if (config.ipv6 && !v6) {
    const Subnet subnet = SLIP_TRY(free_subnet6(taken));
    config.subnets.push_back(to_config({subnet, *subnet.base.plus(1), subnet}));
  }
  return {};
}

std::uint32_t vni_from(const std::string& name) {
  std::uint32_t hash = 2'166'136'261u;  // FNV-1a; every host has to come to the same number.
  for (const char c : name) hash = (hash ^ static_cast<std::uint8_t>(c)) * 16'777'619u;
  return (hash & 0x00ff'ffff) | 1;  // 24 bits, not 0. RFC 7348
}

Status plan_overlay(NetworkConfig& config) {
  if (config.peers.empty()) {
    return fail(ErrorCode::kUnsupported,
                "create overlay network " + config.name +
                    ": the other hosts are not known; name them with --peer ADDRESS");
  }
  if (config.subnets.empty()) {
    return fail(ErrorCode::kInvalid, "create overlay network " + config.name +
                                         ": all hosts need the same subnet; name it with --subnet");
  }
  for (const OverlayPeer& peer : config.peers) {
    if (!Address::parse(peer.address)) {
      return fail(ErrorCode::kInvalid, "create overlay network " + config.name + ": peer \"" +
                                           printable(peer.address) + "\" is no address");
    }
  }
  if (config.vni == 0) config.vni = vni_from(config.name);
  if (config.vni > 0x00ff'ffff)
    return fail(ErrorCode::kInvalid,
                "create overlay network " + config.name + ": vni is more than 24 bits");
  return {};
}

Status plan_parent(const NetworkConfig& config) {
  if (!option_of(config, "parent").empty() || config.internal) return {};
  return fail(ErrorCode::kInvalid, "create " + std::string(driver_name(config.driver)) +
                                       " network " + config.name +
                                       ": name the host's interface with -o parent=NAME");
}

}  // namespace

bool has_bridge(NetworkDriver driver) {
  return driver == NetworkDriver::kBridge || driver == NetworkDriver::kOverlay;
}

std::uint32_t mtu_of(const NetworkConfig& config, std::uint32_t fallback) {
  const auto number = parse_int(option_of(config, kMtuOption));
  return number ? static_cast<std::uint32_t>(*number) : fallback;
}

Ranges ranges_of(const NetworkInfo& network) {
  Ranges ranges;
  for (const SubnetConfig& subnet : network.config.subnets) {
    auto range = plan_range(subnet, network.config.name);
    if (!range) continue;
    (range->subnet.base.v6 ? ranges.v6 : ranges.v4) = *std::move(range);
  }
  return ranges;
}

Result<NetworkInfo> plan_network(const NetworkConfig& config,
                                 const std::vector<NetworkInfo>& others,
                                 const std::vector<Subnet>& taken) {
  NetworkInfo network{random_hex(32), config, {}, "", {}};
  SLIP_TRY(check_name(config.name));
  for (const NetworkInfo& other : others) {
    if (other.config.name == config.name)
      return fail(ErrorCode::kExists, "create network " + config.name + ": it exists already");
  }
  SLIP_TRY(check_options(config));
  switch (config.driver) {
    case NetworkDriver::kHost:
    case NetworkDriver::kNone:
      return network;
    case NetworkDriver::kOverlay:
      SLIP_TRY(plan_overlay(network.config));
      break;
    case NetworkDriver::kMacvlan:
    case NetworkDriver::kIpvlan:
      SLIP_TRY(plan_parent(config));
      break;
    case NetworkDriver::kBridge:
      break;
  }
  SLIP_TRY(plan_subnets(network.config, others, taken));
  if (has_bridge(config.driver)) {
    network.bridge = option_of(config, kBridgeOption);
    if (network.bridge.empty()) network.bridge = "slip-" + network.id.substr(0, 10);
  }
  return network;
}

}  // namespace slipway::sandbox::net
