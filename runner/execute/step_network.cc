// How steps reach the world: a bridge with a way out and no way across.
#include "runner/execute/step_network.h"

#include "base/random.h"

namespace slipway::runner {
namespace {

constexpr const char* kNetwork = "slipway-jobs";
constexpr std::size_t kIdBytes = 32;  // As a container's id, which the records of networks expect.

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

}  // namespace

JobNetwork::~JobNetwork() {
  if (networks_) (void)networks_->rest();
}

JobNetwork JobNetwork::open(const std::string& state_dir) {
  JobNetwork network;
  auto networks = sandbox::Networks::open(state_dir);
  if (!networks) {
    network.trouble_ = networks.error().text();
    return network;
  }
  if (Status ready = ensure_network(**networks); !ready) {
    network.trouble_ = ready.error().text();
    return network;
  }
  network.networks_ = *std::move(networks);
  return network;
}

Result<std::unique_ptr<sandbox::NetworkSession>> JobNetwork::join(
    sandbox::ContainerSpec& spec) const {
  if (!networks_) return std::unique_ptr<sandbox::NetworkSession>();
  sandbox::SessionRequest request;
  request.client = {random_hex(kIdBytes), spec.name, spec.hostname};
  request.endpoints.push_back(
      {.network = kNetwork, .aliases = {}, .ipv4 = {}, .ipv6 = {}, .mac = {}});
  auto session = SLIP_TRY_WITHIN("join the network of jobs", networks_->open_session(request));
  spec.mounts.emplace_back(sandbox::FileMount{"/etc/resolv.conf", session->resolv_conf(), 0444});
  for (auto& line : session->hosts()) spec.extra_hosts.push_back(std::move(line));
  spec.network_setup = [joined = session.get()](int network_namespace) {
    return joined->attach(network_namespace);
  };
  return session;
}

}  // namespace slipway::runner
