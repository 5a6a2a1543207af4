// Requests that make and remove links, addresses, routes and forwarding entries.
#include "sandbox/net/links.h"

#include <linux/if_addr.h>
#include <linux/if_bridge.h>
#include <linux/if_ether.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <sys/socket.h>

namespace slipway::sandbox::net {
namespace {

constexpr std::uint16_t kCreate = NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL;

ifinfomsg link_header(std::uint32_t index, bool up) {
  ifinfomsg header{};
  header.ifi_family = AF_UNSPEC;
  header.ifi_index = static_cast<int>(index);
  if (up) header.ifi_flags = header.ifi_change = IFF_UP;
  return header;
}

// Without a link-local address, for which the kernel would also look for routers and second owners. Cannot be part of
// the request that makes the link, and has to come before it is up.
void bring_up_without_ipv6(NetlinkBatch& batch, const std::string& name) {
  batch.begin(RTM_NEWLINK, NLM_F_ACK, "set address mode of link " + name);
  batch.put(link_header(0, false));
  batch.text(IFLA_IFNAME, name);
  {
    const auto families = batch.nest(IFLA_AF_SPEC);
    const auto six = batch.nest(AF_INET6);
    batch.u8(IFLA_INET6_ADDR_GEN_MODE, IN6_ADDR_GEN_MODE_NONE);
  }
  batch.begin(RTM_NEWLINK, NLM_F_ACK, "set link " + name + " up");
  batch.put(link_header(0, true));
  batch.text(IFLA_IFNAME, name);
}

void put_address(NetlinkBatch& batch, std::uint32_t link, const std::string& name,
                 const Address& address, int prefix) {
  batch.begin(RTM_NEWADDR, kCreate, "give " + name + " the address " + address.str());
  ifaddrmsg header{};
  header.ifa_family = address.v6 ? AF_INET6 : AF_INET;
  header.ifa_prefixlen = static_cast<std::uint8_t>(prefix);
  // Our own allocation knows that nobody else has it: no probing for a second owner.
  header.ifa_flags = address.v6 ? IFA_F_NODAD : 0;
  header.ifa_index = link;
  batch.put(header);
  batch.bytes(IFA_LOCAL, address.wire());
  batch.bytes(IFA_ADDRESS, address.wire());
  if (!address.v6 && prefix < 31) {
    batch.bytes(IFA_BROADCAST, Subnet::of(address, prefix).last().wire());
  }
}

void put_route(NetlinkBatch& batch, const Route& route) {
  rtmsg header{};
  const bool v6 =
      route.gateway ? route.gateway->v6 : route.destination && route.destination->base.v6;
  header.rtm_family = v6 ? AF_INET6 : AF_INET;
  header.rtm_table = RT_TABLE_MAIN;
  header.rtm_protocol = RTPROT_STATIC;
  header.rtm_scope = route.gateway ? RT_SCOPE_UNIVERSE : RT_SCOPE_LINK;
  header.rtm_type = RTN_UNICAST;
  if (route.destination) header.rtm_dst_len = static_cast<std::uint8_t>(route.destination->prefix);
  batch.put(header);
  if (route.destination && route.destination->prefix > 0)
    batch.bytes(RTA_DST, route.destination->base.wire());
  if (route.gateway) batch.bytes(RTA_GATEWAY, route.gateway->wire());
  batch.u32(RTA_OIF, route.link);
}

void set_port_flag(NetlinkBatch& batch, const std::string& port, std::uint16_t flag,
                   const char* doing) {
  batch.begin(RTM_NEWLINK, NLM_F_ACK, doing + port);
  batch.put(link_header(0, false));
  batch.text(IFLA_IFNAME, port);
  const auto info = batch.nest(IFLA_LINKINFO);
  batch.text(IFLA_INFO_SLAVE_KIND, "bridge");
  const auto data = batch.nest(IFLA_INFO_SLAVE_DATA);
  batch.u8(flag, 1);
}

std::string name_of(const Route& route) {
  return route.destination ? route.destination->str() : "default";
}

}  // namespace

void add_bridge(NetlinkBatch& batch, const BridgeLink& bridge) {
  batch.begin(RTM_NEWLINK, kCreate, "make bridge " + bridge.name);
  batch.put(link_header(0, false));
  batch.text(IFLA_IFNAME, bridge.name);
  batch.u32(IFLA_MTU, bridge.mtu);
  if (!bridge.mac.empty()) batch.bytes(IFLA_ADDRESS, bridge.mac);
  const auto info = batch.nest(IFLA_LINKINFO);
  batch.text(IFLA_INFO_KIND, "bridge");
  const auto data = batch.nest(IFLA_INFO_DATA);
  batch.u32(IFLA_BR_FORWARD_DELAY, 0);
}

void add_veth(NetlinkBatch& batch, const VethLink& veth) {
  batch.begin(RTM_NEWLINK, kCreate, "make link " + veth.name);
  batch.put(link_header(0, false));
  batch.text(IFLA_IFNAME, veth.name);
  batch.u32(IFLA_MTU, veth.mtu);
  batch.u32(IFLA_MASTER, veth.bridge);
  {
    const auto info = batch.nest(IFLA_LINKINFO);
    batch.text(IFLA_INFO_KIND, "veth");
    const auto data = batch.nest(IFLA_INFO_DATA);
    const auto peer = batch.nest(VETH_INFO_PEER);
    batch.put(link_header(0, false));
    batch.text(IFLA_IFNAME, veth.inner_name);
    batch.u32(IFLA_MTU, veth.mtu);
    batch.bytes(IFLA_ADDRESS, veth.inner_mac);
    batch.u32(IFLA_NET_NS_FD, static_cast<std::uint32_t>(veth.target));
  }
  bring_up_without_ipv6(batch, veth.name);
  if (veth.hairpin) set_port_flag(batch, veth.name, IFLA_BRPORT_MODE, "set hairpin mode of ");
  if (veth.isolated) set_port_flag(batch, veth.name, IFLA_BRPORT_ISOLATED, "isolate port ");
}

void add_parent_link(NetlinkBatch& batch, const ParentLink& link) {
  batch.begin(RTM_NEWLINK, kCreate, "make " + link.kind + " link " + link.inner_name);
  batch.put(link_header(0, false));
  batch.text(IFLA_IFNAME, link.inner_name);
  if (link.mtu != 0) batch.u32(IFLA_MTU, link.mtu);
  if (!link.inner_mac.empty()) batch.bytes(IFLA_ADDRESS, link.inner_mac);
  batch.u32(IFLA_LINK, link.parent);
  batch.u32(IFLA_NET_NS_FD, static_cast<std::uint32_t>(link.target));
  const auto info = batch.nest(IFLA_LINKINFO);
  batch.text(IFLA_INFO_KIND, link.kind);
  const auto data = batch.nest(IFLA_INFO_DATA);
  if (link.kind == "ipvlan") {
    batch.u16(IFLA_IPVLAN_MODE, static_cast<std::uint16_t>(link.mode));
  } else {
    batch.u32(IFLA_MACVLAN_MODE, link.mode);
  }
}

void add_vlan(NetlinkBatch& batch, const std::string& name, std::uint32_t parent,
              std::uint16_t tag) {
  batch.begin(RTM_NEWLINK, kCreate, "make VLAN link " + name);
  batch.put(link_header(0, true));
  batch.text(IFLA_IFNAME, name);
  batch.u32(IFLA_LINK, parent);
  const auto info = batch.nest(IFLA_LINKINFO);
  batch.text(IFLA_INFO_KIND, "vlan");
  const auto data = batch.nest(IFLA_INFO_DATA);
  batch.u16(IFLA_VLAN_ID, tag);
}

void add_vxlan(NetlinkBatch& batch, const VxlanLink& vxlan) {
  batch.begin(RTM_NEWLINK, kCreate, "make VXLAN link " + vxlan.name);
  batch.put(link_header(0, false));
  batch.text(IFLA_IFNAME, vxlan.name);
  batch.u32(IFLA_MTU, vxlan.mtu);
  batch.u32(IFLA_MASTER, vxlan.bridge);
  {
    const auto info = batch.nest(IFLA_LINKINFO);
    batch.text(IFLA_INFO_KIND, "vxlan");
    const auto data = batch.nest(IFLA_INFO_DATA);
    batch.u32(IFLA_VXLAN_ID, vxlan.vni);
    batch.be16(IFLA_VXLAN_PORT, vxlan.port);
    batch.bytes(vxlan.local.v6 ? IFLA_VXLAN_LOCAL6 : IFLA_VXLAN_LOCAL, vxlan.local.wire());
  }
  bring_up_without_ipv6(batch, vxlan.name);
}

void add_vxlan_peer(NetlinkBatch& batch, std::uint32_t vxlan, const Address& peer) {
  batch.begin(RTM_NEWNEIGH, NLM_F_ACK | NLM_F_CREATE | NLM_F_APPEND,
              "add overlay peer " + peer.str());
  ndmsg header{};
  header.ndm_family = AF_BRIDGE;
  header.ndm_ifindex = static_cast<int>(vxlan);
  header.ndm_state = NUD_PERMANENT | NUD_NOARP;
  header.ndm_flags = NTF_SELF;
  batch.put(header);
  batch.bytes(NDA_LLADDR, std::string_view("\0\0\0\0\0\0", ETH_ALEN));
  batch.bytes(NDA_DST, peer.wire());
}

void suppress_neighbours(NetlinkBatch& batch, const std::string& port) {
  set_port_flag(batch, port, IFLA_BRPORT_NEIGH_SUPPRESS, "suppress neighbour requests of ");
}

void add_address(NetlinkBatch& batch, std::uint32_t link, const Address& address, int prefix) {
  put_address(batch, link, "link " + std::to_string(link), address, prefix);
}

void add_route(NetlinkBatch& batch, const Route& route) {
  batch.begin(RTM_NEWROUTE, kCreate, "add route " + name_of(route));
  put_route(batch, route);
}

void delete_route(NetlinkBatch& batch, const Route& route) {
  batch.begin(RTM_DELROUTE, NLM_F_ACK, "delete route " + name_of(route));
  put_route(batch, route);
}

void set_up(NetlinkBatch& batch, std::uint32_t link) {
  batch.begin(RTM_NEWLINK, NLM_F_ACK, "set link " + std::to_string(link) + " up");
  batch.put(link_header(link, true));
}

void set_alias(NetlinkBatch& batch, const std::string& name, const std::string& alias) {
  batch.begin(RTM_NEWLINK, NLM_F_ACK, "mark link " + name);
  batch.put(link_header(0, false));
  batch.text(IFLA_IFNAME, name);
  batch.text(IFLA_IFALIAS, alias);
}

void set_mac_and_mtu(NetlinkBatch& batch, const std::string& name, const std::string& mac,
                     std::uint32_t mtu) {
  batch.begin(RTM_NEWLINK, NLM_F_ACK, "set addresses of link " + name);
  batch.put(link_header(0, false));
  batch.text(IFLA_IFNAME, name);
  batch.bytes(IFLA_ADDRESS, mac);
  batch.u32(IFLA_MTU, mtu);
}

void delete_link(NetlinkBatch& batch, const std::string& name) {
  batch.begin(RTM_DELLINK, NLM_F_ACK, "delete link " + name);
  batch.put(link_header(0, false));
  batch.text(IFLA_IFNAME, name);
}

Status remove_link(NetlinkSocket& socket, const std::string& name) {
  NetlinkBatch batch;
  delete_link(batch, name);
  auto done = socket.transact(batch);
  if (!done && done.error().sys_errno() != ENODEV) return done;
  return {};
}

}  // namespace slipway::sandbox::net
