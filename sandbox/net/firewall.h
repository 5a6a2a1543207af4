#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "sandbox/container_config.h"
#include "sandbox/net/address.h"

namespace slipway::sandbox::net {

/// What the rules have to know of a network.
struct FirewallNetwork {
  std::string bridge;
  std::vector<Subnet> subnets;
  bool internal = false;
  bool masquerade = true;
  bool among =
      true;  ///< Containers of the network may speak to each other, also when they route over the bridge.
  bool operator==(const FirewallNetwork&) const = default;
};
/// One published port of one address family.
struct FirewallPort {
  Address host;  ///< Unspecified: every address of this machine.
  std::uint16_t host_port = 0;
  Protocol protocol = Protocol::kTcp;
  Address target;
  std::uint16_t target_port = 0;
};

/// Our one nftables table (family inet) in this network namespace; no other table is ever read or changed. Everything
/// that depends on networks is written at once in one transaction; published ports are elements of maps.
///   prerouting  raw      nothing from a container to or from 127.0.0.0/8
///   prerouting, output   what goes to this machine's own addresses -> publish: destination from the port maps
///   postrouting          masquerade towards the world, for loopback clients and for hairpins
///   forward              own bridge and published ports in; no other network; nothing in or out of internal ones
class Firewall {
 public:
  /// `owner`: the directory whose networks these are, kept with the table.
  Firewall(std::string table, std::string owner)
      : table_(std::move(table)), owner_(std::move(owner)) {}

  struct Table {
    std::string name;
    std::string owner;
  };
  /// All tables that engines like this one have made in this network namespace.
  static Result<std::vector<Table>> tables();

  /// Replaces the table. Connections that exist go on.
  Status write(const std::vector<FirewallNetwork>& networks,
               const std::vector<FirewallPort>& ports) const;
  /// Is the table as write(networks, …) made it? False also when somebody flushed all rules.
  Result<bool> intact(const std::vector<FirewallNetwork>& networks) const;
  /// Missing is fine.
  Status remove() const;

  Status publish(const std::vector<FirewallPort>& ports) const;
  Status withdraw(const std::vector<FirewallPort>& ports) const;  ///< Missing ones are fine.

  /// Chains of others that drop what they do not know on its way through this machine ("ip filter FORWARD", as dockerd
  /// leaves it): containers then reach nobody, whatever our own rules say.
  static Result<std::vector<std::string>> dropping_chains();

  /// A socket that becomes readable when somebody removes tables, chains or rules of any kind (R15).
  static Result<Fd> watch();

 private:
  std::string comment(const std::vector<FirewallNetwork>& networks) const;
  std::string table_;
  std::string owner_;
};

}  // namespace slipway::sandbox::net
