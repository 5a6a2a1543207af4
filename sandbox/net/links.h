#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "sandbox/net/address.h"
#include "sandbox/net/netlink.h"

namespace slipway::sandbox::net {

/// Links, addresses and routes of one network namespace. Each function appends to a batch or asks at once; nothing
/// here decides. Spec: rtnetlink(7).

/// A bridge, down yet, without a waiting time for new ports.
struct BridgeLink {
  std::string name;
  std::string mac;  ///< Six bytes, or empty: the kernel's choice.
  std::uint32_t mtu = 1500;
};
/// A pair of which one end stays (as a port of `bridge`, up) and the other appears in `target`, down.
struct VethLink {
  std::string name;
  std::uint32_t bridge = 0;  ///< Interface index.
  bool isolated = false;     ///< May only speak to the bridge itself, not to other isolated ports.
  bool hairpin =
      false;  ///< What comes from it may go back to it: a container that asks for its own published port.
  std::string inner_name;
  std::string inner_mac;  ///< Six bytes.
  int target = -1;        ///< Descriptor of a network namespace.
  std::uint32_t mtu = 1500;
};
/// macvlan or ipvlan: a second face of `parent`, in `target`, down.
struct ParentLink {
  std::string kind;
  std::uint32_t mode = 0;  ///< MACVLAN_MODE_… or IPVLAN_MODE_…
  std::uint32_t parent = 0;
  std::string inner_name;
  std::string inner_mac;  ///< Six bytes; empty for ipvlan.
  int target = -1;
  std::uint32_t mtu = 0;  ///< 0: the parent's.
};
struct VxlanLink {
  std::string name;
  std::uint32_t vni = 0;
  std::uint32_t bridge = 0;
  std::uint16_t port = 4789;
  std::uint32_t mtu = 1450;
  Address local;
};
struct Route {
  std::optional<Subnet> destination;  ///< Nothing: the default route.
  std::optional<Address> gateway;
  std::uint32_t link = 0;
};

void add_bridge(NetlinkBatch& batch, const BridgeLink& bridge);
void add_veth(NetlinkBatch& batch, const VethLink& veth);
void add_parent_link(NetlinkBatch& batch, const ParentLink& link);
void add_vlan(NetlinkBatch& batch, const std::string& name, std::uint32_t parent,
              std::uint16_t tag);
void add_vxlan(NetlinkBatch& batch, const VxlanLink& vxlan);
/// Frames for unknown and all stations go to this peer, too.
void add_vxlan_peer(NetlinkBatch& batch, std::uint32_t vxlan, const Address& peer);
/// Ports of a bridge whose neighbour requests it answers itself where it can.
void suppress_neighbours(NetlinkBatch& batch, const std::string& port);
void add_address(NetlinkBatch& batch, std::uint32_t link, const Address& address, int prefix);
void add_route(NetlinkBatch& batch, const Route& route);
void delete_route(NetlinkBatch& batch, const Route& route);
void set_up(NetlinkBatch& batch, std::uint32_t link);
/// A text that the link carries with it.
void set_alias(NetlinkBatch& batch, const std::string& name, const std::string& alias);
void set_mac_and_mtu(NetlinkBatch& batch, const std::string& name, const std::string& mac,
                     std::uint32_t mtu);
void delete_link(NetlinkBatch& batch, const std::string& name);

struct LinkInfo {
  std::uint32_t index = 0;
  std::string name;
  std::string alias;
  std::string kind;  ///< "bridge", "veth", …; "" for hardware.
  std::uint32_t mtu = 0;
  std::uint32_t master = 0;
};
/// Nothing when there is none.
Result<std::optional<LinkInfo>> find_link(NetlinkSocket& socket, const std::string& name);
Result<std::vector<LinkInfo>> list_links(NetlinkSocket& socket);
/// Everything that this namespace calls its own or knows a way to, without default routes: ranges not to give away.
Result<std::vector<Subnet>> ranges_in_use(NetlinkSocket& socket);
/// The address this machine would use to reach `peer`.
Result<Address> source_address(NetlinkSocket& socket, const Address& peer);

/// Also removes the link when it exists; a missing one is no error.
Status remove_link(NetlinkSocket& socket, const std::string& name);

}  // namespace slipway::sandbox::net
