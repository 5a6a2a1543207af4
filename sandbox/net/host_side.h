#pragma once

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/guarded.h"
#include "base/result.h"
#include "sandbox/net/firewall.h"
#include "sandbox/net/netlink.h"
#include "sandbox/net/store.h"

namespace slipway::sandbox::net {

/// A state directory's networks as they are on this machine: bridges, overlay links and the firewall's table, made from
/// the records and removed with them. Thread-safe; several processes may use one at once.
class HostSide {
 public:
  explicit HostSide(NetworkStore store);
  /// True: networks are bridges of this machine. False: an ordinary user's, see user_switch.h.
  bool direct() const { return direct_; }
  /// Where an ordinary user's containers on a network find each other.
  std::string switch_directory(const std::string& network_id) const;

  const NetworkStore& store() const { return store_; }
  const Firewall& firewall() const { return firewall_; }

  /// Makes what of the networks' links and of the firewall is missing. Returns with the shared lock, under which the
  /// networks stay.
  Result<Fd> ensure_up(const std::vector<NetworkInfo>& networks);
  /// With the exclusive lock: removes links and rules. Missing ones are fine.
  Status take_down(const NetworkInfo& network);
  /// Takes the lock and writes the firewall's table again if somebody removed or changed it (R15).
  Status restore_firewall();
  /// Takes down what containers left whose session has died. Cheap when there is nothing.
  Status reap();
  /// One container's links, records and addresses; what is gone already is fine.
  void forget_endpoint(const EndpointRecord& endpoint);
  /// The same for all that a session had, and its lock. Nobody finds the container any more when this returns, but its
  /// links and addresses follow in a thread of ours: removing a link takes the kernel ten milliseconds and more. Our
  /// destructor waits for it, and takes links and rules down if nobody is left and they are not to stay (orphans.h).
  void forget_session(Fd session, const std::string& container_id,
                      std::vector<EndpointRecord> endpoints);
  void settle();  ///< Waits for that thread.
  ~HostSide();
  HostSide(const HostSide&) = delete;
  HostSide& operator=(const HostSide&) = delete;

  std::vector<std::string> notices() const;
  void note(const std::string& notice);

 private:
  Result<bool> are_up(const std::vector<NetworkInfo>& networks);
  Result<bool> links_are_up(NetlinkSocket& socket, const NetworkInfo& network);
  Status check_exists(const NetworkInfo& network) const;
  Status bring_up(const NetworkInfo& network);
  Status assert_firewall();
  Status make_links(NetlinkSocket& socket, const NetworkInfo& network);
  Status make_overlay(NetlinkSocket& socket, const NetworkInfo& network, std::uint32_t bridge);
  Status allow_forwarding(const NetworkInfo& network);
  Result<std::vector<FirewallNetwork>> firewall_networks() const;
  std::vector<FirewallPort> published() const;
  std::string marker(const NetworkInfo& network) const;
  Status reap_locked();
  void forget_name(const EndpointRecord& endpoint);
  void remove_links_and_addresses(const std::vector<EndpointRecord>& endpoints);
  struct Ended {
    Fd session;
    std::string container_id;
    std::vector<EndpointRecord> endpoints;
  };
  struct Undertaker {
    std::vector<Ended> queue;
    bool busy = false;
    bool used = false;  ///< We made links, or some session has ended here.
    bool stop = false;
    std::thread thread;  ///< Started with the first one.
  };
  void bury();
  Status rest();

  std::string mark(const NetworkInfo& network) const;

  NetworkStore store_;
  std::string directory_;  ///< Of all networks, without symbolic links.
  Firewall firewall_;
  bool direct_;
  Guarded<std::vector<std::string>> notices_;
  Guarded<Undertaker> undertaker_;
};

}  // namespace slipway::sandbox::net
