#pragma once

#include <memory>
#include <thread>
#include <vector>

#include "base/fd.h"
#include "sandbox/net/dns_server.h"
#include "sandbox/net/event_loop.h"
#include "sandbox/net/host_side.h"
#include "sandbox/net/ports.h"
#include "sandbox/net/relay.h"
#include "sandbox/net/user_links.h"
#include "sandbox/net/user_switch.h"

namespace slipway::sandbox::net {

/// The one thread of a container's monitor that serves its networks: names, relayed ports, and the firewall's watch.
class NetworkService {
 public:
  static Result<std::unique_ptr<NetworkService>> make(std::shared_ptr<HostSide> host);
  ~NetworkService();

  // Before start(), or while it runs.
  /// Rules that somebody else throws away come back (R15).
  Status watch_firewall();
  Status relay(const HeldPort& held, const Relay::Target& v4, const Relay::Target& v6);
  // While it runs; an ordinary user's links.
  Status add_tap(const std::string& directory, const std::string& mac, Fd tap);
  void remove_tap(const std::string& directory);
  Status start_uplink(int container, const UplinkConfig& config);  ///< Once.
  bool has_uplink() const { return uplinked_; }
  /// Opens 127.0.0.11:53 in the container's namespace. Once.
  Status serve_names(int container, NameTable names, std::vector<Address> upstream,
                     DnsServer::Forwarding forwarding);
  bool serves_names() const { return names_; }
  void set_networks(std::vector<NameTable::Network> networks, DnsServer::Forwarding forwarding);

  void start();

 private:
  explicit NetworkService(std::shared_ptr<HostSide> host) : host_(std::move(host)) {}
  void check_firewall();
  /// In the loop's thread once that runs, at once before.
  void in_loop(std::function<void()> job);
  Status wait_in_loop(const std::function<Status()>& job);

  std::shared_ptr<HostSide> host_;
  std::unique_ptr<EventLoop> loop_;
  Fd firewall_events_;
  std::unique_ptr<Relay> relay_;
  std::unique_ptr<DnsServer> dns_;
  std::unique_ptr<UserSwitch> switch_;
  std::optional<Uplink> uplink_;
  bool names_ = false;
  bool uplinked_ = false;
  std::thread thread_;
};

/// A server's sockets at 127.0.0.11 in the calling thread's network namespace. They have ports of their own, so that a
/// container may run a name server itself; what is sent to port 53 there is led to them.
struct NameSockets {
  Fd udp, tcp;
};
Result<NameSockets> open_name_sockets();

}  // namespace slipway::sandbox::net
