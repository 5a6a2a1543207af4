// The door: networks of a state directory. Rules and links lie in host_side.cc, containers in session.cc.
#include "sandbox/networks.h"

#include <algorithm>

#include "base/random.h"
#include "base/text.h"
#include "sandbox/net/host_side.h"
#include "sandbox/net/links.h"
#include "sandbox/net/namespaces.h"
#include "sandbox/net/orphans.h"
#include "sandbox/net/plan_network.h"
#include "sandbox/net/session.h"
#include "sandbox/net/user_links.h"

namespace slipway::sandbox {
namespace {

using net::HostSide;
using net::NetworkStore;

constexpr std::pair<const char*, NetworkDriver> kBuiltIn[] = {
    {"bridge", NetworkDriver::kBridge},
    {"host", NetworkDriver::kHost},
    {"none", NetworkDriver::kNone},
};

bool built_in(const std::string& name) {
  return std::any_of(std::begin(kBuiltIn), std::end(kBuiltIn),
                     [&](const auto& row) { return name == row.first; });
}

Result<std::vector<net::Subnet>> ranges_of_machine() {
  net::NetlinkSocket socket = SLIP_TRY(net::NetlinkSocket::open(NETLINK_ROUTE));
  return net::ranges_in_use(socket);
}

class KernelNetworks final : public Networks {
 public:
  explicit KernelNetworks(std::shared_ptr<HostSide> host) : host_(std::move(host)) {}

  Status make_built_in();
  Result<NetworkInfo> create(const NetworkConfig& config) override;
  Result<NetworkInfo> inspect(const std::string& name) override;
  Result<std::vector<NetworkInfo>> list() override;
  Status remove(const std::string& name) override;
  Result<std::vector<std::string>> prune() override;
  Result<std::unique_ptr<NetworkSession>> open_session(const SessionRequest& request) override {
    return net::ContainerSession::open(host_, request);
  }
  Result<std::vector<EndpointInfo>> endpoints(const std::string& container_id) override;
  std::vector<std::string> notices() const override { return host_->notices(); }

 private:
  const NetworkStore& store() const { return host_->store(); }
  Result<NetworkInfo> plan(const NetworkConfig& config) const;
  Status add_containers(NetworkInfo& network);
  Status remove_locked(const NetworkInfo& network);

  std::shared_ptr<HostSide> host_;
};

Result<NetworkInfo> KernelNetworks::plan(const NetworkConfig& config) const {
  const auto others = SLIP_TRY(store().list());
  const auto taken = SLIP_TRY(ranges_of_machine());
  return net::plan_network(config, others, taken);
}

Status KernelNetworks::make_built_in() {
  const auto missing = [&]() -> Result<std::vector<std::pair<const char*, NetworkDriver>>> {
    const auto networks = SLIP_TRY(store().list());
    std::vector<std::pair<const char*, NetworkDriver>> rows;
    for (const auto& row : kBuiltIn) {
      const bool there = std::any_of(networks.begin(), networks.end(), [&](const auto& network) {
        return network.config.name == row.first;
      });
      if (!there) rows.push_back(row);
    }
    return rows;
  };
  if (SLIP_TRY(missing()).empty()) return {};
  const Fd lock = SLIP_TRY(store().lock(NetworkStore::LockKind::kExclusive));
  for (const auto& [name, driver] : SLIP_TRY(missing())) {
    NetworkConfig config;
    config.name = name;
    config.driver = driver;
    NetworkInfo network = SLIP_TRY(plan(config));
    network.created = real_clock().wall();
    SLIP_TRY(store().save(network));
  }
  return {};
}

Result<NetworkInfo> KernelNetworks::create(const NetworkConfig& config) {
  const bool once = config.driver == NetworkDriver::kHost || config.driver == NetworkDriver::kNone;
  if (once) {
    return fail(ErrorCode::kInvalid, "create network " + printable(config.name) +
                                         ": there is only one network of driver " +
                                         std::string(net::driver_name(config.driver)));
  }
  if (!host_->direct() && config.driver != NetworkDriver::kBridge) {
    return fail(ErrorCode::kUnsupported, "create network " + printable(config.name) + ": driver " +
                                             std::string(net::driver_name(config.driver)) +
                                             " needs root");
  }
  if (!host_->direct() && !config.internal && !net::Uplink::available()) {
    return fail(ErrorCode::kUnsupported, "create network " + printable(config.name) +
                                             ": an ordinary user's way into the world is pasta "
                                             "(package passt) or slirp4netns; none is installed");
  }
  NetworkInfo network;
  {
    const Fd lock = SLIP_TRY(store().lock(NetworkStore::LockKind::kExclusive));
    network = SLIP_TRY(plan(config));
    network.created = real_clock().wall();
    SLIP_TRY(store().save(network));
  }
  // At once, so that what this machine lacks is said now and not at the first container.
  if (const auto up = host_->ensure_up({network}); !up) {
    const Fd lock = SLIP_TRY(store().lock(NetworkStore::LockKind::kExclusive));
    [[maybe_unused]] const auto down = host_->take_down(network);
    [[maybe_unused]] const auto erased = store().erase(network.id);
    return fail(up.error());
  }
  return network;
}

Status KernelNetworks::add_containers(NetworkInfo& network) {
  for (const net::EndpointRecord& endpoint : SLIP_TRY(store().endpoints(network.id))) {
    if (store().session_alive(endpoint.client.container_id))
      network.containers.push_back(endpoint.client.container_id);
  }
  return {};
}

Result<NetworkInfo> KernelNetworks::inspect(const std::string& name) {
  NetworkInfo network = SLIP_TRY(store().find(name));
  SLIP_TRY(add_containers(network));
  return network;
}

Result<std::vector<NetworkInfo>> KernelNetworks::list() {
  std::vector<NetworkInfo> networks = SLIP_TRY(store().list());
  for (NetworkInfo& network : networks) SLIP_TRY(add_containers(network));
  return networks;
}

Status KernelNetworks::remove_locked(const NetworkInfo& network) {
  std::vector<std::string> names;
  for (const net::EndpointRecord& endpoint : SLIP_TRY(store().endpoints(network.id))) {
    if (store().session_alive(endpoint.client.container_id)) {
      names.push_back(endpoint.client.container_name.empty()
                          ? endpoint.client.container_id.substr(0, 12)
                          : endpoint.client.container_name);
    } else {
      host_->forget_endpoint(endpoint);
    }
  }
  if (!names.empty()) {
    return fail(ErrorCode::kConflict, "remove network " + network.config.name +
                                          ": containers are on it: " + join(names, ", "));
  }
  SLIP_TRY_WITHIN("remove network " + network.config.name, host_->take_down(network));
  return store().erase(network.id);
}

Status KernelNetworks::remove(const std::string& name) {
  host_->settle();
  const Fd lock = SLIP_TRY(store().lock(NetworkStore::LockKind::kExclusive));
  const NetworkInfo network = SLIP_TRY(store().find(name));
  if (built_in(network.config.name)) {
    return fail(ErrorCode::kPermission,
                "remove network " + network.config.name + ": it is always there");
  }
  SLIP_TRY(remove_locked(network));
  return host_->direct() ? net::remove_orphans() : Status{};
}

Result<std::vector<std::string>> KernelNetworks::prune() {
  host_->settle();
  const Fd lock = SLIP_TRY(store().lock(NetworkStore::LockKind::kExclusive));
  std::vector<std::string> removed;
  for (NetworkInfo& network : SLIP_TRY(store().list())) {
    SLIP_TRY(add_containers(network));
    if (!network.containers.empty()) continue;
    if (built_in(network.config.name)) {
      SLIP_TRY(host_->take_down(network));  // Its bridge comes back with the next container.
      continue;
    }
    SLIP_TRY(remove_locked(network));
    removed.push_back(network.config.name);
  }
  if (host_->direct()) SLIP_TRY(net::remove_orphans());
  return removed;
}

Result<std::vector<EndpointInfo>> KernelNetworks::endpoints(const std::string& container_id) {
  std::vector<EndpointInfo> found;
  if (!store().session_alive(container_id)) return found;
  for (const NetworkInfo& network : SLIP_TRY(store().list())) {
    for (net::EndpointRecord& endpoint : SLIP_TRY(store().endpoints(network.id))) {
      if (endpoint.client.container_id == container_id) found.push_back(std::move(endpoint.info));
    }
  }
  return found;
}

}  // namespace

Result<std::shared_ptr<Networks>> Networks::open(const std::string& state_dir) {
  NetworkStore store = SLIP_TRY(NetworkStore::open(state_dir));
  auto host = std::make_shared<HostSide>(std::move(store));
  auto networks = std::make_shared<KernelNetworks>(host);
  SLIP_TRY(networks->make_built_in());
  SLIP_TRY(host->reap());
  return std::shared_ptr<Networks>(std::move(networks));
}

}  // namespace slipway::sandbox
