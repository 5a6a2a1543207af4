#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "sandbox/net/address.h"
#include "sandbox/net/firewall.h"
#include "sandbox/networks.h"

namespace slipway::sandbox::net {

/// A container's place on a network, with what only we need to know.
struct EndpointRecord {
  EndpointInfo info;
  NetworkClient client;
  std::string
      link;  ///< Our end on the host; "" for macvlan, ipvlan and an ordinary user's networks.
};

/// The files below <state>/networks. All of them but network.json describe what runs and need not outlive a crash of
/// the machine, so they are not synced.
///   lock                         flock: exclusive to change networks, shared to join one
///   ID/network.json              a network
///   ID/addresses/172.17.0.2      link whose text is the container's id: the address is taken
///   ID/endpoints/CONTAINER-ID    an EndpointRecord
///   sessions/CONTAINER-ID        its flock is held as long as the container's monitor lives; content: published ports
/// Whatever has no living session is a dead container's and may be taken down. (Rejected: one database; a monitor that
/// is killed must let go of everything without anybody's help.)
class NetworkStore {
 public:
  static Result<NetworkStore> open(const std::string& state_dir);
  const std::string& path() const { return path_; }

  enum class LockKind { kShared, kExclusive };
  Result<Fd> lock(LockKind kind) const;  ///< kUnavailable after ten seconds.

  Result<std::vector<NetworkInfo>> list() const;  ///< Oldest first; without `containers`.
  Result<NetworkInfo> find(const std::string& name) const;
  Status save(const NetworkInfo& network) const;
  Status erase(const std::string& id) const;

  /// Of every container, dead ones too. A file that cannot be read is left out.
  Result<std::vector<EndpointRecord>> endpoints(const std::string& network_id) const;
  Status save_endpoint(const EndpointRecord& endpoint) const;
  void erase_endpoint(const std::string& network_id, const std::string& container_id) const;
  /// Modification time of the directory of endpoints, in nanoseconds: changes with every endpoint.
  std::int64_t endpoints_changed(const std::string& network_id) const;
  std::string endpoints_path(const std::string& network_id) const;

  /// Reserves `wanted`, or the next free one of `range`. kConflict when it is taken, kExhausted when all are.
  Result<Address> take_address(const std::string& network_id, const Subnet& subnet,
                               const Subnet& range, const Address& gateway,
                               const std::optional<Address>& wanted,
                               const std::string& container_id) const;
  void give_address(const std::string& network_id, const std::string& address) const;
  /// Address -> container id.
  Result<std::map<std::string, std::string>> addresses(const std::string& network_id) const;

  /// Takes the container's session; kConflict when somebody holds it. Call with the lock.
  Result<Fd> begin_session(const std::string& container_id) const;
  Status write_session(int session, const std::vector<FirewallPort>& ports) const;
  void end_session(const std::string& container_id) const;
  bool session_alive(const std::string& container_id) const;
  Result<std::vector<std::string>> sessions() const;
  std::vector<FirewallPort> session_ports(const std::string& container_id) const;

 private:
  explicit NetworkStore(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

Json network_to_json(const NetworkInfo& network);
Result<NetworkInfo> network_from_json(const Json& json);
Json endpoint_to_json(const EndpointRecord& endpoint);
EndpointRecord endpoint_from_json(const Json& json);

std::string_view driver_name(NetworkDriver driver);
/// A network's option, or "".
std::string option_of(const NetworkConfig& config, std::string_view name);

}  // namespace slipway::sandbox::net
