// Joining one container to its networks: the link, and what has to be set inside.
#include "sandbox/net/join.h"

#include <linux/if_link.h>

#include <cerrno>

#include "base/text.h"
#include "sandbox/net/links.h"
#include "sandbox/net/namespaces.h"
#include "sandbox/net/plan_network.h"

namespace slipway::sandbox::net {
namespace {

struct ModeRow {
  NetworkDriver driver;
  std::string_view name;
  std::uint32_t mode;
};
// Docker's names of the modes; the first of each driver is its default. Spec: ip-link(8)
constexpr ModeRow kModes[] = {
    {NetworkDriver::kMacvlan, "bridge", MACVLAN_MODE_BRIDGE},
    {NetworkDriver::kMacvlan, "private", MACVLAN_MODE_PRIVATE},
    {NetworkDriver::kMacvlan, "vepa", MACVLAN_MODE_VEPA},
    {NetworkDriver::kMacvlan, "passthru", MACVLAN_MODE_PASSTHRU},
    {NetworkDriver::kIpvlan, "l2", IPVLAN_MODE_L2},
    {NetworkDriver::kIpvlan, "l3", IPVLAN_MODE_L3},
    {NetworkDriver::kIpvlan, "l3s", IPVLAN_MODE_L3S},
};

Result<std::uint32_t> mode_of(const NetworkConfig& config) {
  const bool macvlan = config.driver == NetworkDriver::kMacvlan;
  const std::string wanted = option_of(config, macvlan ? "macvlan_mode" : "ipvlan_mode");
  for (const ModeRow& row : kModes) {
    if (row.driver == config.driver && (wanted.empty() || wanted == row.name)) return row.mode;
  }
  return fail(ErrorCode::kInvalid, "use network " + config.name + ": no mode \"" +
                                       printable(wanted) + "\" of " +
                                       std::string(driver_name(config.driver)));
}

// "eth0", or "eth0.100", which is made when it is missing.
Result<std::uint32_t> parent_index(NetlinkSocket& host, const std::string& parent) {
  if (const auto link = SLIP_TRY(find_link(host, parent))) return link->index;
  const std::size_t dot = parent.rfind('.');
  const auto tag = dot == std::string::npos ? std::nullopt : parse_int(parent.substr(dot + 1));
  if (tag && *tag > 0 && *tag < 4095) {
    if (const auto below = SLIP_TRY(find_link(host, parent.substr(0, dot)))) {
      NetlinkBatch batch;
      add_vlan(batch, parent, below->index, static_cast<std::uint16_t>(*tag));
      SLIP_TRY(host.transact(batch));
      if (const auto made = SLIP_TRY(find_link(host, parent))) return made->index;
    }
  }
  return fail(ErrorCode::kNotFound,
              "use parent interface " + printable(parent) + ": this machine has none of that name");
}

Status explain(Status done, const Place& place) {
  if (done || done.error().sys_errno() != EOPNOTSUPP) return done;
  return fail(ErrorCode::kUnsupported,
              "use network " + place.network.config.name + ": this kernel has no " +
                  std::string(driver_name(place.network.config.driver)) + " links");
}

Status make_parent_link(NetlinkSocket& host, const Place& place, int container) {
  const NetworkConfig& config = place.network.config;
  ParentLink link;
  link.kind = driver_name(config.driver);
  link.mode = SLIP_TRY(mode_of(config));
  link.parent = SLIP_TRY(parent_index(host, option_of(config, "parent")));
  link.inner_name = place.endpoint.info.interface;
  if (config.driver == NetworkDriver::kMacvlan)
    link.inner_mac = parse_mac(place.endpoint.info.mac).value_or("");
  link.target = container;
  link.mtu = mtu_of(config, 0);
  NetlinkBatch batch;
  add_parent_link(batch, link);
  return explain(host.transact(batch), place);
}

// An address written by us; a damaged record is an error, not a crash.
Result<Address> parse_own(const std::string& text) {
  if (const auto address = Address::parse(text)) return *address;
  return fail(ErrorCode::kCorrupt, "read network record: bad address \"" + printable(text) + "\"");
}

Status configure_one(NetlinkSocket& inside, const Place& place, NetlinkBatch& batch) {
  const EndpointInfo& info = place.endpoint.info;
  const auto link = SLIP_TRY(find_link(inside, info.interface));
  if (!link) return fail(ErrorCode::kInternal, "configure " + info.interface + ": it is not there");
  const std::string ipv6 = "ipv6/conf/" + info.interface;
  // Any container may claim to be a router (CVE-2020-13401). A kernel without IPv6 has no such file.
  [[maybe_unused]] const auto ignored = info.ipv6.empty() ? set_sysctl(ipv6 + "/disable_ipv6", "1")
                                                          : set_sysctl(ipv6 + "/accept_ra", "0");
  set_up(batch, link->index);
  for (const auto& [text, prefix] :
       {std::pair(info.ipv4, info.ipv4_prefix), std::pair(info.ipv6, info.ipv6_prefix)}) {
    if (text.empty()) continue;
    const Address address = SLIP_TRY(parse_own(text));
    add_address(batch, link->index, address, prefix);
  }
  return {};
}

Result<std::vector<Route>> default_routes(NetlinkSocket& inside,
                                          const std::vector<EndpointInfo>& gateways) {
  std::vector<Route> routes;
  for (const EndpointInfo& info : gateways) {
    const auto link = SLIP_TRY(find_link(inside, info.interface));
    if (!link) continue;
    for (const std::string& gateway : {info.gateway, info.ipv6_gateway}) {
      if (gateway.empty()) continue;
      const Address address = SLIP_TRY(parse_own(gateway));
      routes.push_back({std::nullopt, address, link->index});
    }
  }
  return routes;
}

}  // namespace

Status make_link(NetlinkSocket& host, const Place& place, int container) {
  if (!has_bridge(place.network.config.driver)) return make_parent_link(host, place, container);
  const EndpointInfo& info = place.endpoint.info;
  const auto bridge = SLIP_TRY(find_link(host, place.network.bridge));
  if (!bridge) {
    return fail(ErrorCode::kConflict, "join network " + info.network + ": its bridge " +
                                          place.network.bridge + " is gone");
  }
  VethLink veth;
  veth.name = place.endpoint.link;
  veth.bridge = bridge->index;
  veth.isolated =
      option_of(place.network.config, "com.docker.network.bridge.enable_icc") == "false";
  veth.hairpin = place.publishes;
  veth.inner_name = info.interface;
  veth.inner_mac = parse_mac(info.mac).value_or("");
  veth.target = container;
  veth.mtu = bridge->mtu;
  NetlinkBatch batch;
  add_veth(batch, veth);
  return host.transact(batch);
}

std::vector<EndpointInfo> gateways_of(const std::vector<Place>& places) {
  std::vector<EndpointInfo> gateways;
  bool v4 = false, v6 = false;
  for (const Place& place : places) {
    EndpointInfo info = place.endpoint.info;
    if (place.network.config.internal || !place.linked) continue;
    if (std::exchange(v4, v4 || !info.gateway.empty())) info.gateway.clear();
    if (std::exchange(v6, v6 || !info.ipv6_gateway.empty())) info.ipv6_gateway.clear();
    if (!info.gateway.empty() || !info.ipv6_gateway.empty()) gateways.push_back(std::move(info));
  }
  return gateways;
}

Status configure_inside(const std::vector<Place*>& fresh, const std::vector<Place>& all,
                        const std::vector<EndpointInfo>& old_gateways) {
  NetlinkSocket inside = SLIP_TRY(NetlinkSocket::open(NETLINK_ROUTE));
  NetlinkBatch batch;
  set_up(batch, 1);  // Loopback is always the first.
  for (const Place* place : fresh) SLIP_TRY(configure_one(inside, *place, batch));
  SLIP_TRY(inside.transact(batch));
  for (const Route& route : SLIP_TRY(default_routes(inside, old_gateways))) {
    NetlinkBatch removal;
    delete_route(removal, route);
    const auto done = inside.transact(removal);
    if (!done && done.error().sys_errno() != ESRCH) return done;
  }
  NetlinkBatch routes;
  for (const Route& route : SLIP_TRY(default_routes(inside, gateways_of(all))))
    add_route(routes, route);
  return routes.empty() ? Status{} : inside.transact(routes);
}

Status remove_inside(const std::string& interface) {
  NetlinkSocket inside = SLIP_TRY(NetlinkSocket::open(NETLINK_ROUTE));
  return remove_link(inside, interface);
}

}  // namespace slipway::sandbox::net
