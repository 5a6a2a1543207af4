// Bridges and firewall of a state directory's networks, and what dead containers left of theirs.
#include "sandbox/net/host_side.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/files.h"
#include "base/text.h"
#include "sandbox/net/conntrack.h"
#include "sandbox/net/links.h"
#include "sandbox/net/namespaces.h"
#include "sandbox/net/orphans.h"
#include "sandbox/net/plan_network.h"

namespace slipway::sandbox::net {
namespace {

std::string real_path(const std::string& path) {
  const std::unique_ptr<char, decltype(&::free)> real(::realpath(path.c_str(), nullptr), &::free);
  return real ? real.get() : path;
}

// Two state directories on one machine have a table each.
std::string table_name(const std::string& networks_directory) {
  const std::string path = networks_directory.substr(0, networks_directory.rfind('/'));
  if (path == "/var/lib/slipway") return "slipway";
  std::uint32_t hash = 2'166'136'261u;  // FNV-1a
  for (const char c : path) hash = (hash ^ static_cast<std::uint8_t>(c)) * 16'777'619u;
  char digits[9];
  std::snprintf(digits, sizeof digits, "%08x", hash);
  return std::string("slipway_") + digits;
}

std::string vxlan_name(const NetworkInfo& network) { return "slipx" + network.id.substr(0, 10); }

// The same on every host of an overlay, so that each can be the gateway of its own containers.
std::string gateway_mac(const Range& range) { return *parse_mac(mac_for(range.gateway)); }

}  // namespace

HostSide::HostSide(NetworkStore store)
    : store_(std::move(store)),
      directory_(real_path(store_.path())),
      firewall_(table_name(directory_), directory_),
      direct_(owns_network_namespace()) {}

std::string HostSide::switch_directory(const std::string& network_id) const {
  return store_.path() + "/" + network_id + "/stations";
}

std::vector<std::string> HostSide::notices() const {
  return notices_.with([](const std::vector<std::string>& notices) { return notices; });
}
void HostSide::note(const std::string& notice) {
  notices_.with([&](std::vector<std::string>& notices) {
    if (std::find(notices.begin(), notices.end(), notice) == notices.end())
      notices.push_back(notice);
  });
}

std::string HostSide::marker(const NetworkInfo& network) const {
  return store_.path() + "/" + network.id + "/up";
}

std::string HostSide::mark(const NetworkInfo& network) const {
  return link_mark(directory_ + "/" + network.id);
}

Result<std::vector<FirewallNetwork>> HostSide::firewall_networks() const {
  std::vector<FirewallNetwork> list;
  for (const NetworkInfo& network : SLIP_TRY(store_.list())) {
    if (!has_bridge(network.config.driver) || !path_exists(marker(network))) continue;
    FirewallNetwork one;
    one.bridge = network.bridge;
    one.internal = network.config.internal;
    one.among = option_of(network.config, "com.docker.network.bridge.enable_icc") != "false";
    one.masquerade =
        option_of(network.config, "com.docker.network.bridge.enable_ip_masquerade") != "false";
    const Ranges ranges = ranges_of(network);
    for (const auto& range : {ranges.v4, ranges.v6}) {
      if (range) one.subnets.push_back(range->subnet);
    }
    list.push_back(std::move(one));
  }
  return list;
}

std::vector<FirewallPort> HostSide::published() const {
  std::vector<FirewallPort> ports;
  const auto sessions = store_.sessions();
  if (!sessions) return ports;
  for (const std::string& container : *sessions) {
    if (!store_.session_alive(container)) continue;
    for (FirewallPort& port : store_.session_ports(container)) ports.push_back(std::move(port));
  }
  return ports;
}

Status HostSide::check_exists(const NetworkInfo& network) const {
  if (path_exists(store_.path() + "/" + network.id + "/network.json")) return {};
  return fail(ErrorCode::kNotFound, "no such network: " + network.config.name);
}

Result<bool> HostSide::links_are_up(NetlinkSocket& socket, const NetworkInfo& network) {
  if (!path_exists(marker(network))) return false;
  if (!SLIP_TRY(find_link(socket, network.bridge))) return false;
  if (network.config.driver != NetworkDriver::kOverlay) return true;
  return SLIP_TRY(find_link(socket, vxlan_name(network))).has_value();
}

Result<bool> HostSide::are_up(const std::vector<NetworkInfo>& networks) {
  NetlinkSocket socket = SLIP_TRY(NetlinkSocket::open(NETLINK_ROUTE));
  bool rules = false;
  for (const NetworkInfo& network : networks) {
    SLIP_TRY(check_exists(network));
    if (!direct_ || !has_bridge(network.config.driver)) continue;
    rules = true;
    if (!SLIP_TRY(links_are_up(socket, network))) return false;
  }
  if (!rules) return true;
  const auto expected = SLIP_TRY(firewall_networks());
  return firewall_.intact(expected);
}

Result<Fd> HostSide::ensure_up(const std::vector<NetworkInfo>& networks) {
  for (int attempt = 0; attempt < 3; ++attempt) {
    {
      Fd shared = SLIP_TRY(store_.lock(NetworkStore::LockKind::kShared));
      if (SLIP_TRY(are_up(networks))) return shared;
    }
    const Fd exclusive = SLIP_TRY(store_.lock(NetworkStore::LockKind::kExclusive));
    for (const NetworkInfo& network : networks) {
      SLIP_TRY(check_exists(network));
      if (!has_bridge(network.config.driver)) continue;
      SLIP_TRY_WITHIN("set up network " + network.config.name, bring_up(network));
    }
  }
  return fail(ErrorCode::kConflict,
              "set up networks: somebody removes their bridges or rules again and again");
}

Status HostSide::bring_up(const NetworkInfo& network) {
  undertaker_.with([](Undertaker& undertaker) { undertaker.used = true; });
  // Seldom enough to look for what others left behind; they are not our business if that fails.
  if (const auto removed = remove_orphans(); !removed)
    note("removing links of networks that are gone failed: " + removed.error().text());
  NetlinkSocket socket = SLIP_TRY(NetlinkSocket::open(NETLINK_ROUTE));
  SLIP_TRY(make_links(socket, network));
  SLIP_TRY(allow_forwarding(network));
  const Fd mark = SLIP_TRY(open_file(marker(network), O_WRONLY | O_CREAT, 0600));
  return assert_firewall();
}

Status HostSide::assert_firewall() {
  const auto networks = SLIP_TRY(firewall_networks());
  if (networks.empty()) return firewall_.remove();
  if (SLIP_TRY(firewall_.intact(networks))) return {};
  return firewall_.write(networks, published());
}

Status HostSide::restore_firewall() {
  {
    const Fd shared = SLIP_TRY(store_.lock(NetworkStore::LockKind::kShared));
    const auto networks = SLIP_TRY(firewall_networks());
    if (networks.empty()) return {};
    if (SLIP_TRY(firewall_.intact(networks))) return {};
  }
  const Fd exclusive = SLIP_TRY(store_.lock(NetworkStore::LockKind::kExclusive));
  return assert_firewall();
}

Status HostSide::make_links(NetlinkSocket& socket, const NetworkInfo& network) {
  const Ranges ranges = ranges_of(network);
  const bool overlay = network.config.driver == NetworkDriver::kOverlay;
  auto bridge = SLIP_TRY(find_link(socket, network.bridge));
  if (bridge && bridge->kind != "bridge") {
    return fail(ErrorCode::kConflict, "make bridge " + network.bridge + ": there is a " +
                                          bridge->kind + " link of that name");
  }
  if (!bridge) {
    NetlinkBatch batch;
    BridgeLink wanted{network.bridge, "", mtu_of(network.config, overlay ? 1450 : 1500)};
    if (overlay && ranges.v4) wanted.mac = gateway_mac(*ranges.v4);
    add_bridge(batch, wanted);
    SLIP_TRY(socket.transact(batch));
    bridge = SLIP_TRY(find_link(socket, network.bridge));
    if (!bridge) return fail(ErrorCode::kInternal, "make bridge " + network.bridge + ": vanished");
    const std::string ipv6 = "ipv6/conf/" + network.bridge;
    // Routers among the containers must not be believed. A kernel without IPv6 has no such file.
    [[maybe_unused]] const auto ignored =
        ranges.v6 ? set_sysctl(ipv6 + "/accept_ra", "0") : set_sysctl(ipv6 + "/disable_ipv6", "1");
    NetlinkBatch addresses;
    if (idle_links(directory_) == IdleLinks::kStay)
      set_alias(addresses, network.bridge, mark(network));
    set_up(addresses, bridge->index);
    for (const auto& range : {ranges.v4, ranges.v6}) {
      if (range) add_address(addresses, bridge->index, range->gateway, range->subnet.prefix);
    }
    const auto given = socket.transact(addresses);
    if (!given) {
      [[maybe_unused]] const auto removed = remove_link(socket, network.bridge);
      return given;
    }
  }
  return overlay ? make_overlay(socket, network, bridge->index) : Status{};
}

Status HostSide::make_overlay(NetlinkSocket& socket, const NetworkInfo& network,
                              std::uint32_t bridge) {
  const std::string name = vxlan_name(network);
  if (SLIP_TRY(find_link(socket, name))) return {};
  VxlanLink vxlan{name, network.config.vni, bridge, 4789, mtu_of(network.config, 1450), {}};
  const Address first = *Address::parse(network.config.peers.front().address);
  vxlan.local = SLIP_TRY(source_address(socket, first));
  NetlinkBatch batch;
  add_vxlan(batch, vxlan);
  // Each host is the gateway of its own containers: nobody asks the others for it.
  suppress_neighbours(batch, name);
  auto made = socket.transact(batch);
  if (!made && made.error().sys_errno() == EOPNOTSUPP) {
    return fail(ErrorCode::kUnsupported, "make overlay network: this kernel has no VXLAN links");
  }
  SLIP_TRY(std::move(made));
  const auto link = SLIP_TRY(find_link(socket, name));
  if (!link) return fail(ErrorCode::kInternal, "make VXLAN link " + name + ": vanished");
  NetlinkBatch peers;
  if (idle_links(directory_) == IdleLinks::kStay) set_alias(peers, name, mark(network));
  for (const OverlayPeer& peer : network.config.peers) {
    const Address address = *Address::parse(peer.address);
    if (address != vxlan.local) add_vxlan_peer(peers, link->index, address);
  }
  return peers.empty() ? Status{} : socket.transact(peers);
}

Status HostSide::allow_forwarding(const NetworkInfo& network) {
  if (network.config.internal) return {};
  const auto on = read_file("/proc/sys/net/ipv4/ip_forward", 4_KiB);
  if (!on || trim(*on) != "1") {
    SLIP_TRY(set_sysctl("ipv4/ip_forward", "1"));
    note("switched on net.ipv4.ip_forward for network " + network.config.name);
  }
  if (!network.config.ipv6) return {};
  const auto on6 = read_file("/proc/sys/net/ipv6/conf/all/forwarding", 4_KiB);
  if (!on6 || trim(*on6) == "1") return {};
  // A forwarding machine no longer listens to routers (accept_ra 1), unless it is told to (2).
  NetlinkSocket socket = SLIP_TRY(NetlinkSocket::open(NETLINK_ROUTE));
  for (const LinkInfo& link : SLIP_TRY(list_links(socket))) {
    const std::string name = "ipv6/conf/" + link.name + "/accept_ra";
    const auto value = read_file("/proc/sys/net/" + name, 4_KiB);
    if (value && trim(*value) == "1") SLIP_TRY(set_sysctl(name, "2"));
  }
  SLIP_TRY(set_sysctl("ipv6/conf/all/forwarding", "1"));
  note("switched on net.ipv6.conf.all.forwarding for network " + network.config.name);
  return {};
}

Status HostSide::take_down(const NetworkInfo& network) {
  if (!direct_ || !has_bridge(network.config.driver)) return {};
  ::unlink(marker(network).c_str());
  NetlinkSocket socket = SLIP_TRY(NetlinkSocket::open(NETLINK_ROUTE));
  if (network.config.driver == NetworkDriver::kOverlay)
    SLIP_TRY(remove_link(socket, vxlan_name(network)));
  SLIP_TRY(remove_link(socket, network.bridge));
  return assert_firewall();
}

// All networks, when no session is alive. With the exclusive lock.
Status HostSide::rest() {
  for (const std::string& container : SLIP_TRY(store_.sessions()))
    if (store_.session_alive(container)) return {};
  SLIP_TRY(reap_locked());
  for (const NetworkInfo& network : SLIP_TRY(store_.list()))
    if (path_exists(marker(network))) SLIP_TRY(take_down(network));
  return {};
}

void HostSide::forget_name(const EndpointRecord& endpoint) {
  const std::string& id = endpoint.info.network_id;
  store_.erase_endpoint(id, endpoint.client.container_id);
  if (direct_) return;
  const std::string mac = parse_mac(endpoint.info.mac).value_or("");
  ::unlink((switch_directory(id) + "/" + hex_encode(mac)).c_str());
}

void HostSide::remove_links_and_addresses(const std::vector<EndpointRecord>& endpoints) {
  NetlinkBatch batch;
  for (const EndpointRecord& endpoint : endpoints) {
    if (!endpoint.link.empty()) delete_link(batch, endpoint.link);
  }
  if (!batch.empty()) {
    // Those that are gone with their container's namespace are refused one by one; the others go.
    if (auto socket = NetlinkSocket::open(NETLINK_ROUTE)) {
      [[maybe_unused]] const auto ignored = socket->transact(batch);
    }
  }
  // Only now: a new container with the address must not meet the old one.
  for (const EndpointRecord& endpoint : endpoints) {
    store_.give_address(endpoint.info.network_id, endpoint.info.ipv4);
    store_.give_address(endpoint.info.network_id, endpoint.info.ipv6);
  }
}

void HostSide::forget_endpoint(const EndpointRecord& endpoint) {
  forget_name(endpoint);
  remove_links_and_addresses({endpoint});
}

void HostSide::forget_session(Fd session, const std::string& container_id,
                              std::vector<EndpointRecord> endpoints) {
  for (const EndpointRecord& endpoint : endpoints) forget_name(endpoint);
  undertaker_.with([&](Undertaker& undertaker) {
    undertaker.used = true;
    undertaker.queue.push_back({std::move(session), container_id, std::move(endpoints)});
    if (!undertaker.thread.joinable()) undertaker.thread = std::thread([this] { bury(); });
  });
  undertaker_.notify_all();
}

void HostSide::bury() {
  for (bool stop = false; !stop;) {
    std::vector<Ended> ended;
    undertaker_.wait(
        [](const Undertaker& undertaker) { return undertaker.stop || !undertaker.queue.empty(); },
        [&](Undertaker& undertaker) {
          stop = undertaker.stop;
          ended = std::exchange(undertaker.queue, {});
          undertaker.busy = true;
        });
    for (const Ended& one : ended) {
      remove_links_and_addresses(one.endpoints);
      store_.end_session(one.container_id);
    }
    ended.clear();  // Lets go of the locks.
    undertaker_.with([](Undertaker& undertaker) { undertaker.busy = false; });
    undertaker_.notify_all();
  }
}

void HostSide::settle() {
  undertaker_.wait(
      [](const Undertaker& undertaker) { return undertaker.queue.empty() && !undertaker.busy; },
      [](const Undertaker&) {});
}

HostSide::~HostSide() {
  std::thread thread = undertaker_.with([](Undertaker& undertaker) {
    undertaker.stop = true;
    return std::move(undertaker.thread);
  });
  undertaker_.notify_all();
  if (thread.joinable()) thread.join();
  if (idle_links(directory_) == IdleLinks::kStay) return;
  // Whoever held the last session switches off the light: the next container makes the links anew. A state directory
  // that is gone, or in use by others, needs nothing.
  const bool used = undertaker_.with([](const Undertaker& undertaker) { return undertaker.used; });
  if (!used || !path_exists(store_.path())) return;
  if (const auto exclusive = store_.lock(NetworkStore::LockKind::kExclusive)) {
    [[maybe_unused]] const auto rested = rest();
  }
}

Status HostSide::reap() {
  bool dead = false;
  for (const std::string& container : SLIP_TRY(store_.sessions()))
    dead = dead || !store_.session_alive(container);
  if (!dead) return {};
  const Fd exclusive = SLIP_TRY(store_.lock(NetworkStore::LockKind::kExclusive));
  return reap_locked();
}

Status HostSide::reap_locked() {
  std::vector<FirewallPort> ports;
  for (const NetworkInfo& network : SLIP_TRY(store_.list())) {
    for (const EndpointRecord& endpoint : SLIP_TRY(store_.endpoints(network.id))) {
      if (!store_.session_alive(endpoint.client.container_id)) forget_endpoint(endpoint);
    }
    // Killed between taking an address and writing the record.
    for (const auto& [address, owner] : SLIP_TRY(store_.addresses(network.id))) {
      if (!store_.session_alive(owner)) store_.give_address(network.id, address);
    }
  }
  for (const std::string& container : SLIP_TRY(store_.sessions())) {
    if (store_.session_alive(container)) continue;
    for (FirewallPort& port : store_.session_ports(container)) ports.push_back(std::move(port));
    store_.end_session(container);
  }
  if (ports.empty()) return {};
  const auto networks = SLIP_TRY(firewall_networks());
  SLIP_TRY(networks.empty() ? firewall_.remove() : firewall_.write(networks, published()));
  return forget_exchanges(ports);
}

}  // namespace slipway::sandbox::net
