// How steps reach the world and their services: a bridge with a way out and no way across, and private ones.
#include "runner/execute/step_network.h"

#include "base/random.h"
#include "runner/execute/run_lock.h"

namespace slipway::runner {
namespace {

constexpr const char* kNetwork = "slipway-jobs";
constexpr const char* kPrivatePrefix = "slipway-job-";
constexpr const char* kRunLabel = "slipway.run";
constexpr std::size_t kIdBytes = 32;  // As a container's id, which the records of networks expect.
constexpr std::size_t kNameBytes = 6;

Status ensure_network(sandbox::Networks& networks) {
  if (networks.inspect(kNetwork)) return {};
  sandbox::NetworkConfig config;
  config.name = kNetwork;
  // Ports that only see the bridge itself: a job cannot reach another one, whoever started it.
  config.options.emplace_back("com.docker.network.bridge.enable_icc", "false");
  const auto made = networks.create(config);
  if (made || made.error().code() == ErrorCode::kExists) return {};  // another runner was faster
  return fail(made.error());
}

/// The run that a private network belongs to; empty for every other network.
std::string run_of(const sandbox::NetworkInfo& network) {
  if (!network.config.name.starts_with(kPrivatePrefix)) return "";
  for (const auto& [name, value] : network.config.labels) {
    if (name == kRunLabel) return value;
  }
  return "";
}

void remove_abandoned(sandbox::Networks& networks, const std::string& runs_dir) {
  const auto all = networks.list();
  if (!all) return;
  for (const sandbox::NetworkInfo& network : *all) {
    const std::string run = run_of(network);
    // What is still in use is refused, and another runner may be faster: either way it is no longer ours to do.
    if (!run.empty() && !run_is_alive(runs_dir + "/" + run))
      (void)networks.remove(network.config.name);
  }
}

}  // namespace

PrivateNetwork::PrivateNetwork(PrivateNetwork&& other) noexcept
    : networks_(std::move(other.networks_)), name_(std::move(other.name_)) {}

PrivateNetwork::~PrivateNetwork() {
  if (networks_) (void)networks_->remove(name_);
}

JobNetwork JobNetwork::open(const std::string& state_dir) {
  JobNetwork network;
  auto networks = sandbox::Networks::open(state_dir);
  if (!networks) {
    network.trouble_ = networks.error().text();
    return network;
  }
  remove_abandoned(**networks, state_dir + "/runs");
  if (Status ready = ensure_network(**networks); !ready) {
    network.trouble_ = ready.error().text();
    return network;
  }
  network.networks_ = *std::move(networks);
  return network;
}

Result<std::unique_ptr<sandbox::NetworkSession>> JobNetwork::join(sandbox::ContainerSpec& spec,
                                                                  const NetworkPlace& place) const {
  if (!networks_) return std::unique_ptr<sandbox::NetworkSession>();
  sandbox::SessionRequest request;
  request.client = {random_hex(kIdBytes), spec.name, spec.hostname};
  request.endpoints.push_back({.network = place.network.empty() ? kNetwork : place.network,
                               .aliases = place.aliases,
                               .ipv4 = {},
                               .ipv6 = {},
                               .mac = {}});
  auto session = SLIP_TRY_WITHIN("join the network of jobs", networks_->open_session(request));
  spec.mounts.emplace_back(sandbox::FileMount{"/etc/resolv.conf", session->resolv_conf(), 0444});
  for (auto& line : session->hosts()) spec.extra_hosts.push_back(std::move(line));
  spec.network_setup = [joined = session.get()](int network_namespace) {
    return joined->attach(network_namespace);
  };
  return session;
}

Result<PrivateNetwork> JobNetwork::make_private(const std::string& run_id, WayOut way_out) const {
  if (!networks_)
    return fail(ErrorCode::kUnsupported, "make the network of the job's services: " +
                                             (trouble_.empty() ? "no networks here" : trouble_));
  sandbox::NetworkConfig config;
  config.name = kPrivatePrefix + random_hex(kNameBytes);
  config.internal = way_out == WayOut::kNo;
  config.labels.emplace_back(kRunLabel, run_id);
  SLIP_TRY_WITHIN("make the network of the job's services", networks_->create(config));
  PrivateNetwork made;
  made.networks_ = networks_;
  made.name_ = config.name;
  return made;
}

}  // namespace slipway::runner
