#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/fd.h"
#include "base/json.h"
#include "base/result.h"
#include "sandbox/container_config.h"

namespace slipway::sandbox {

/// Networks of this machine: their records below <state>/networks/<id>/, their bridges and links (rtnetlink) and
/// their rules in one nftables table of our own (`slipway`). Bridges stay when the last container goes, so that the
/// next one need not wait for them (RUNNER_IDLE_NETWORKS=remove: they go). For an ordinary user tap devices whose
/// frames the monitors exchange, and pasta as the way out (docs/decisions/020-user-networks.md). Several processes may
/// use one state directory at once.

enum class NetworkDriver { kBridge, kHost, kNone, kMacvlan, kIpvlan, kOverlay };

struct SubnetConfig {
  std::string subnet;    ///< "172.30.0.0/16"; "": one that is free here.
  std::string gateway;   ///< "": the first address.
  std::string ip_range;  ///< Addresses are given from here; "": the subnet.
};
/// Another host of an overlay network.
struct OverlayPeer {
  std::string address;  ///< Of the host.
};

struct NetworkConfig {
  std::string name;
  NetworkDriver driver = NetworkDriver::kBridge;
  std::vector<SubnetConfig> subnets;
  bool internal = false;  ///< No way out, no way in, no forwarding of DNS.
  bool ipv6 = false;
  bool attachable = true;
  std::vector<std::pair<std::string, std::string>> labels;
  std::vector<std::pair<std::string, std::string>>
      options;  ///< Docker's names: com.docker.network.driver.mtu, parent, …
  std::vector<OverlayPeer> peers;
  std::uint32_t vni = 0;  ///< Overlay: VXLAN network identifier; 0: from the name.
};
struct NetworkInfo {
  std::string id;  ///< 64 hex digits.
  NetworkConfig config;
  WallTime created{};
  std::string bridge;  ///< Interface on the host.
  std::vector<std::string> containers;
};

/// A container's place on a network, as really made. Docker API: EndpointSettings.
struct EndpointInfo {
  std::string network;
  std::string network_id;
  std::string endpoint_id;
  std::string interface;  ///< In the container: "eth0".
  std::string mac;
  std::string ipv4;
  int ipv4_prefix = 0;
  std::string gateway;
  std::string ipv6;
  int ipv6_prefix = 0;
  std::string ipv6_gateway;
  std::vector<std::string> aliases;
};

/// Who is connected.
struct NetworkClient {
  std::string container_id;
  std::string container_name;
  std::string hostname;
};

/// What a container's network set-up made, held by its monitor; dropping it takes everything down again (idempotent,
/// also done by Networks::open for containers whose monitor is dead). Links may go a moment later; the end of Networks
/// and of the last session waits for them.
class NetworkSession {
 public:
  virtual ~NetworkSession() = default;
  virtual const std::vector<EndpointInfo>& endpoints() const = 0;
  virtual const std::vector<PublishedPort>& ports() const = 0;
  /// Content for the container's /etc/resolv.conf and lines for /etc/hosts. Names of other containers come from the
  /// DNS server at 127.0.0.11 that this session serves (user-defined networks).
  virtual std::string resolv_conf() const = 0;
  virtual std::vector<std::pair<std::string, std::string>> hosts() const = 0;
  /// Called by the launcher while the container waits at its gate: moves links into the namespace, sets addresses and
  /// routes, starts the DNS server there, publishes the ports.
  virtual Status attach(int network_namespace_fd) = 0;
  virtual Status connect(const EndpointConfig& endpoint) = 0;  ///< Of the running container.
  virtual Status disconnect(const std::string& network) = 0;
};

struct SessionRequest {
  NetworkClient client;
  std::vector<EndpointConfig> endpoints;
  std::vector<PublishedPort> ports;
  std::vector<std::string> dns, dns_search, dns_options;
  std::vector<std::pair<std::string, std::string>> extra_hosts;
};

class Networks {
 public:
  /// Makes the records of `bridge`, `host` and `none` when missing; takes down what dead containers left.
  static Result<std::shared_ptr<Networks>> open(const std::string& state_dir);
  virtual ~Networks() = default;

  /// kExists, kInvalid (overlapping subnet, bad address: named), kUnsupported (says what the machine lacks).
  virtual Result<NetworkInfo> create(const NetworkConfig& config) = 0;
  virtual Result<NetworkInfo> inspect(const std::string& name) = 0;  ///< By name, id or id prefix.
  virtual Result<std::vector<NetworkInfo>> list() = 0;
  virtual Status remove(const std::string& name) = 0;  ///< kConflict names the containers on it.
  /// Networks without containers; also idle bridges, and links of networks whose state directory is gone.
  virtual Result<std::vector<std::string>> prune() = 0;

  /// Reserves addresses, names and ports (a taken port is kConflict naming it and leaves nothing) before the
  /// container exists.
  virtual Result<std::unique_ptr<NetworkSession>> open_session(const SessionRequest& request) = 0;
  /// What a running container has, from the records.
  virtual Result<std::vector<EndpointInfo>> endpoints(const std::string& container_id) = 0;
  virtual std::vector<std::string> notices() const = 0;
};

}  // namespace slipway::sandbox
