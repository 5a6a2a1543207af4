// One container's networks from reservation to the end. How a link is made lies in join.cc, how names are answered in
// service.cc.
#include "sandbox/net/session.h"

#include <algorithm>
#include <cerrno>

#include "base/random.h"
#include "base/text.h"
#include "sandbox/net/conntrack.h"
#include "sandbox/net/links.h"
#include "sandbox/net/namespaces.h"
#include "sandbox/net/plan_network.h"

namespace slipway::sandbox::net {
namespace {

Result<std::optional<Address>> parse_wanted(const std::string& text, bool v6) {
  if (text.empty()) return std::optional<Address>();
  const auto address = Address::parse(text);
  if (address && address->v6 == v6) return address;
  return fail(ErrorCode::kInvalid, "give a container the address \"" + printable(text) +
                                       "\": no IPv" + (v6 ? "6" : "4") + " address");
}

constexpr std::string_view kDefaultNetwork = "bridge";

bool linkless(NetworkDriver driver) {
  return driver == NetworkDriver::kHost || driver == NetworkDriver::kNone;
}

}  // namespace

Result<std::unique_ptr<NetworkSession>> ContainerSession::open(std::shared_ptr<HostSide> host,
                                                               const SessionRequest& request) {
  std::unique_ptr<ContainerSession> session(new ContainerSession(std::move(host), request));
  SLIP_TRY(session->reserve_all());
  return std::unique_ptr<NetworkSession>(std::move(session));
}

Status ContainerSession::reserve_all() {
  std::vector<NetworkInfo> networks;
  for (const EndpointConfig& endpoint : request_.endpoints)
    networks.push_back(SLIP_TRY(host_->store().find(endpoint.network)));
  const Fd lock = SLIP_TRY(host_->ensure_up(networks));
  session_ = SLIP_TRY(host_->store().begin_session(request_.client.container_id));
  for (std::size_t i = 0; i < networks.size(); ++i)
    SLIP_TRY(reserve(networks[i], request_.endpoints[i]));
  SLIP_TRY(hold_ports());
  return host_->store().write_session(session_.get(), rules_);
}

std::string ContainerSession::next_interface() const {
  for (int number = 0;; ++number) {
    const std::string name = "eth" + std::to_string(number);
    const bool used = std::any_of(places_.begin(), places_.end(), [&](const Place& place) {
      return place.endpoint.info.interface == name;
    });
    if (!used) return name;
  }
}

Status ContainerSession::reserve_addresses(const NetworkInfo& network, const EndpointConfig& wanted,
                                           EndpointInfo& info) {
  const Ranges ranges = ranges_of(network);
  const auto wanted4 = SLIP_TRY(parse_wanted(wanted.ipv4, false));
  const auto wanted6 = SLIP_TRY(parse_wanted(wanted.ipv6, true));
  if (wanted6 && !ranges.v6) {
    return fail(ErrorCode::kInvalid, "give a container the address " + wanted.ipv6 + ": network " +
                                         network.config.name + " has no IPv6");
  }
  const std::string& container = request_.client.container_id;
  const bool way_out = !network.config.internal;
  if (ranges.v4) {
    const Range& range = *ranges.v4;
    const Address address = SLIP_TRY(host_->store().take_address(
        network.id, range.subnet, range.pool, range.gateway, wanted4, container));
    info.ipv4 = address.str();
    info.ipv4_prefix = range.subnet.prefix;
    if (way_out && leads_out(network)) info.gateway = range.gateway.str();
  }
  if (ranges.v6) {
    const Range& range = *ranges.v6;
    auto address = host_->store().take_address(network.id, range.subnet, range.pool, range.gateway,
                                               wanted6, container);
    if (!address) {
      host_->store().give_address(network.id, info.ipv4);
      return fail(address.error());
    }
    info.ipv6 = address->str();
    info.ipv6_prefix = range.subnet.prefix;
    if (way_out && leads_out(network)) info.ipv6_gateway = range.gateway.str();
  }
  return {};
}

Status ContainerSession::reserve(const NetworkInfo& network, const EndpointConfig& wanted) {
  for (const Place& place : places_) {
    if (place.network.id == network.id) {
      return fail(ErrorCode::kConflict, "connect container " + request_.client.container_name +
                                            ": it is on network " + network.config.name +
                                            " already");
    }
  }
  Place place;
  place.network = network;
  EndpointRecord& record = place.endpoint;
  record.client = request_.client;
  record.info.network = network.config.name;
  record.info.network_id = network.id;
  record.info.endpoint_id = random_hex(32);
  record.info.aliases = wanted.aliases;
  if (linkless(network.config.driver)) {
    places_.push_back(std::move(place));
    refresh_infos();
    return host_->store().save_endpoint(places_.back().endpoint);
  }
  if (!wanted.mac.empty() && !parse_mac(wanted.mac))
    return fail(ErrorCode::kInvalid, "give a container the MAC address \"" + printable(wanted.mac) +
                                         "\": six bytes, no group address");
  record.info.interface = next_interface();
  SLIP_TRY(reserve_addresses(network, wanted, record.info));
  if (host_->direct() && has_bridge(network.config.driver))
    record.link = "veth" + record.info.endpoint_id.substr(0, 11);
  record.info.mac = to_lower(wanted.mac);
  if (record.info.mac.empty() && !record.info.ipv4.empty())
    record.info.mac = mac_for(*Address::parse(record.info.ipv4));
  // In the list first: the destructor gives back what is in there.
  places_.push_back(std::move(place));
  refresh_infos();
  return host_->store().save_endpoint(places_.back().endpoint);
}

Status ContainerSession::hold_ports() {
  const auto reachable = std::find_if(places_.begin(), places_.end(), [](const Place& place) {
    return has_bridge(place.network.config.driver) && !place.network.config.internal;
  });
  if (request_.ports.empty()) return {};
  if (reachable == places_.end()) {
    host_->note("published ports are of no use on network " +
                (places_.empty() ? "none" : places_.front().network.config.name));
    return {};
  }
  reachable->publishes = true;
  const EndpointInfo& info = reachable->endpoint.info;
  for (const PublishedPort& port : request_.ports) {
    HeldPort held = SLIP_TRY(hold_port(port));
    for (const HeldPort::Socket& socket : held.sockets) {
      const auto target = Address::parse(socket.host.v6 ? info.ipv6 : info.ipv4);
      // Without an address of the same family in the container, and for an ordinary user, only the relay can help.
      if (!target || !host_->direct()) continue;
      rules_.push_back({socket.host, held.port.host_port, held.port.protocol, *target,
                        held.port.container_port});
    }
    ports_.push_back(held.port);
    held_.push_back(std::move(held));
  }
  return {};
}

Status ContainerSession::publish() {
  if (rules_.empty()) return {};
  const bool loopback = std::any_of(rules_.begin(), rules_.end(), [](const FirewallPort& rule) {
    return !rule.host.v6 && (rule.host.unspecified() || rule.host.loopback());
  });
  for (const Place& place : places_) {
    if (!loopback || !place.publishes) continue;
    // Answers to a client on 127.0.0.1 come back over this bridge; the raw rules keep everybody else from using it.
    SLIP_TRY(set_sysctl("ipv4/conf/" + place.network.bridge + "/route_localnet", "1"));
  }
  return host_->firewall().publish(rules_);
}

// An ordinary user's default network is the uplink itself; his others only join containers.
bool ContainerSession::leads_out(const NetworkInfo& network) const {
  return host_->direct() || network.config.name == kDefaultNetwork;
}

Status ContainerSession::link(Place& place) {
  const EndpointInfo& info = place.endpoint.info;
  if (host_->direct()) {
    NetlinkSocket socket = SLIP_TRY(NetlinkSocket::open(NETLINK_ROUTE));
    SLIP_TRY(make_link(socket, place, container_.get()));
  } else {
    TapConfig tap{info.interface, parse_mac(info.mac).value_or("")};
    tap.mtu = mtu_of(place.network.config, tap.mtu);
    Fd frames = SLIP_TRY(make_tap(container_.get(), tap));
    SLIP_TRY(
        service_->add_tap(host_->switch_directory(place.network.id), tap.mac, std::move(frames)));
  }
  place.linked = true;
  return {};
}

// The default network's place is the uplink; who is only on others and may go out gets one beside them.
Status ContainerSession::ensure_uplink() {
  if (host_->direct() || service_->has_uplink()) return {};
  UplinkConfig config;
  for (const Place& place : places_) {
    const EndpointInfo& info = place.endpoint.info;
    if (place.network.config.internal || linkless(place.network.config.driver)) continue;
    if (leads_out(place.network)) {
      config = {info.interface, info.mac, info.ipv4, info.ipv4_prefix, info.gateway};
      break;
    }
    if (!config.interface.empty()) continue;
    const auto range = ranges_of(SLIP_TRY(host_->store().find(std::string(kDefaultNetwork)))).v4;
    if (!range) continue;
    const Address own = range->gateway.plus(1).value_or(range->gateway);
    config = {"uplink0", mac_for(own), own.str(), range->subnet.prefix, range->gateway.str()};
  }
  if (config.interface.empty()) return {};
  return service_->start_uplink(container_.get(), config);
}

Status ContainerSession::attach(int network_namespace_fd) {
  container_ = SLIP_TRY(duplicate(network_namespace_fd));
  const bool linked = std::any_of(places_.begin(), places_.end(), [](const Place& place) {
    return !linkless(place.network.config.driver);
  });
  if (!linked) return {};
  SLIP_TRY(start_service());
  std::vector<Place*> fresh;
  for (Place& place : places_) {
    if (linkless(place.network.config.driver)) continue;
    if (!host_->direct() && leads_out(place.network)) continue;  // Configured by the uplink.
    SLIP_TRY(link(place));
    fresh.push_back(&place);
  }
  const auto configure = [&] { return configure_inside(fresh, places_, {}); };
  SLIP_TRY(in_namespace(container_.get(), configure));
  SLIP_TRY(ensure_uplink());
  SLIP_TRY(serve_names());
  return publish();
}

Status ContainerSession::connect(const EndpointConfig& endpoint) {
  const NetworkInfo network = SLIP_TRY(host_->store().find(endpoint.network));
  if (linkless(network.config.driver)) {
    return fail(ErrorCode::kInvalid, "connect container " + request_.client.container_name +
                                         " to network " + network.config.name +
                                         ": only at its start");
  }
  const Fd lock = SLIP_TRY(host_->ensure_up({network}));
  const auto gateways = gateways_of(places_);
  const std::size_t before = places_.size();
  const auto joined = [&]() -> Status {
    SLIP_TRY(reserve(network, endpoint));
    if (!container_) return {};
    if (!service_) SLIP_TRY(start_service());
    Place& place = places_.back();
    if (host_->direct() || !leads_out(network)) {
      SLIP_TRY(link(place));
      const auto configure = [&] { return configure_inside({&place}, places_, gateways); };
      SLIP_TRY(in_namespace(container_.get(), configure));
    }
    SLIP_TRY(ensure_uplink());
    return serve_names();
  }();
  if (!joined && places_.size() > before) {
    host_->forget_endpoint(places_.back().endpoint);
    places_.pop_back();
    refresh_infos();
  }
  return joined;
}

Status ContainerSession::disconnect(const std::string& name) {
  const auto found = std::find_if(places_.begin(), places_.end(), [&](const Place& place) {
    return place.network.config.name == name || place.network.id == name ||
           (name.size() >= 12 && place.network.id.starts_with(name));
  });
  if (found == places_.end()) {
    return fail(ErrorCode::kNotFound, "disconnect container " + request_.client.container_name +
                                          ": it is not on network " + printable(name));
  }
  const EndpointRecord gone = found->endpoint;
  const bool linked = found->linked;
  places_.erase(found);
  refresh_infos();
  // Its routes go with the interface; those of the remaining places are set anew.
  const auto leave = [&]() -> Status {
    SLIP_TRY(remove_inside(gone.info.interface));
    return configure_inside({}, places_, gateways_of(places_));
  };
  if (linked && container_) SLIP_TRY(in_namespace(container_.get(), leave));
  if (linked && !host_->direct())
    service_->remove_tap(host_->switch_directory(gone.info.network_id));
  host_->forget_endpoint(gone);
  if (service_ && service_->serves_names()) service_->set_networks(name_networks(), forwarding());
  return {};
}

void ContainerSession::refresh_infos() {
  infos_.clear();
  for (const Place& place : places_) infos_.push_back(place.endpoint.info);
}

// Docker's default network has no names.
Names ContainerSession::names() const {
  const bool user_defined = std::any_of(places_.begin(), places_.end(), [](const Place& place) {
    return !linkless(place.network.config.driver) && place.network.config.name != kDefaultNetwork;
  });
  return user_defined ? Names::kServed : Names::kNotServed;
}

DnsServer::Forwarding ContainerSession::forwarding() const {
  const bool way_out = std::any_of(places_.begin(), places_.end(), [](const Place& place) {
    return !place.network.config.internal;
  });
  return way_out ? DnsServer::Forwarding::kYes : DnsServer::Forwarding::kNo;
}

std::vector<NameTable::Network> ContainerSession::name_networks() const {
  std::vector<NameTable::Network> networks;
  for (const Place& place : places_) {
    if (linkless(place.network.config.driver) || place.network.config.name == kDefaultNetwork)
      continue;
    NameTable::Network network{place.network.id, place.network.config.name, {}};
    const Ranges ranges = ranges_of(place.network);
    for (const auto& range : {ranges.v4, ranges.v6}) {
      if (range) network.subnets.push_back(range->subnet);
    }
    networks.push_back(std::move(network));
  }
  return networks;
}

Status ContainerSession::serve_names() {
  const ResolvConf machine = read_host_resolv_conf();
  if (!needs_own_server(machine, request_, names())) return {};
  if (service_->serves_names()) {
    service_->set_networks(name_networks(), forwarding());
    return {};
  }
  NameTable table(host_->store());
  table.set_networks(name_networks());
  return service_->serve_names(container_.get(), std::move(table),
                               upstream_servers(machine, request_), forwarding());
}

Status ContainerSession::start_service() {
  const bool bridged = std::any_of(places_.begin(), places_.end(), [](const Place& place) {
    return has_bridge(place.network.config.driver);
  });
  service_ = SLIP_TRY(NetworkService::make(host_));
  if (bridged && host_->direct()) SLIP_TRY(service_->watch_firewall());
  for (const Place& place : places_) {
    if (!place.publishes) continue;
    const EndpointInfo& info = place.endpoint.info;
    for (const HeldPort& held : held_) {
      const std::uint16_t port = held.port.container_port;
      const int space = host_->direct() ? -1 : container_.get();
      SLIP_TRY(service_->relay(held, {Address::parse(info.ipv4).value_or(Address()), port, space},
                               {Address::parse(info.ipv6).value_or(Address()), port, space}));
    }
  }
  service_->start();
  return {};
}

std::string ContainerSession::resolv_conf() const {
  return container_resolv_conf(read_host_resolv_conf(), request_, names());
}

std::vector<std::pair<std::string, std::string>> ContainerSession::hosts() const {
  std::vector<std::pair<std::string, std::string>> lines;
  std::string gateway = "127.0.0.1";  // On the host's own network the host is here.
  for (const Place& place : places_) {
    const EndpointInfo& info = place.endpoint.info;
    if (gateway == "127.0.0.1" && !info.gateway.empty()) gateway = info.gateway;
    for (const std::string& address : {info.ipv4, info.ipv6}) {
      if (!address.empty() && !request_.client.hostname.empty())
        lines.emplace_back(request_.client.hostname, address);
    }
  }
  for (const auto& [name, address] : request_.extra_hosts)
    lines.emplace_back(name, address == "host-gateway" ? gateway : address);
  return lines;
}

ContainerSession::~ContainerSession() {
  if (!session_) return;  // Somebody else's, or never begun.
  service_.reset();
  // Nobody may write the rules anew from a session that ends.
  [[maybe_unused]] const auto written = host_->store().write_session(session_.get(), {});
  [[maybe_unused]] const auto withdrawn = host_->firewall().withdraw(rules_);
  [[maybe_unused]] const auto forgotten = forget_exchanges(rules_);
  held_.clear();
  std::vector<EndpointRecord> endpoints;
  for (Place& place : places_) endpoints.push_back(std::move(place.endpoint));
  host_->forget_session(std::move(session_), request_.client.container_id, std::move(endpoints));
}

}  // namespace slipway::sandbox::net
