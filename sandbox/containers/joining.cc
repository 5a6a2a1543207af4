// Networks and other containers' namespaces: from the config to what the engine and the networks are asked for.
#include "sandbox/containers/joining.h"

#include <fcntl.h>

#include <algorithm>

#include "base/files.h"
#include "base/sys.h"
#include "base/text.h"
#include "sandbox/containers/changes.h"
#include "sandbox/containers/claim.h"
#include "sandbox/containers/config_fields.h"

namespace slipway::sandbox {
namespace {

constexpr std::string_view kOfContainer = "container:";

// "80/tcp" or "80"; nothing for what is neither.
std::optional<PublishedPort> exposed_port(const std::string& text) {
  const std::size_t slash = text.find('/');
  const auto number = parse_int(text.substr(0, slash));
  if (!number || *number < 1 || *number > 65'535) return std::nullopt;
  PublishedPort port;
  port.container_port = static_cast<std::uint16_t>(*number);
  const std::string protocol = slash == std::string::npos ? "tcp" : text.substr(slash + 1);
  if (protocol == "udp") port.protocol = Protocol::kUdp;
  if (protocol == "sctp") port.protocol = Protocol::kSctp;
  return port;
}

void publish_exposed(const ContainerConfig& config, std::vector<PublishedPort>& ports) {
  for (const std::string& text : config.exposed_ports) {
    const auto port = exposed_port(text);
    if (!port) continue;
    const bool published = std::any_of(ports.begin(), ports.end(), [&](const auto& one) {
      return one.container_port == port->container_port && one.protocol == port->protocol;
    });
    if (!published) ports.push_back(*port);
  }
}

struct RunningPeer {
  Peer peer;
  Fd pidfd;
};

// Its record is read again once its pidfd is ours: the pid was its init's, and is.
Result<RunningPeer> find_peer(const Layout& layout, const std::string& id) {
  const auto not_running = [&] {
    return fail(ErrorCode::kConflict, "join container " + short_id(id) + ": it is not running");
  };
  const auto directory = open_file(layout.of(id), O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  if (!directory) return fail(ErrorCode::kNotFound, "join container: no such container: " + id);
  const StateRecord before = SLIP_TRY(read_state(directory->get()));
  if (before.state.pid <= 0 || !is_held(directory->get())) return not_running();
  RunningPeer found;
  auto pidfd = sys::pidfd_open(before.state.pid);
  if (!pidfd) return not_running();
  found.pidfd = *std::move(pidfd);
  if (SLIP_TRY(read_state(directory->get())).state.pid != before.state.pid) return not_running();
  found.peer = {before.state.pid, found.pidfd.get()};
  return found;
}

}  // namespace

bool has_networks(const ContainerConfig& config) {
  return config.network_mode != "none" && config.network_mode != "host" &&
         !config.network_mode.starts_with(kOfContainer);
}

std::string network_peer_of(const ContainerConfig& config) {
  if (!config.network_mode.starts_with(kOfContainer)) return "";
  return config.network_mode.substr(kOfContainer.size());
}

SessionRequest session_request(const Record& record) {
  const ContainerConfig& config = record.config;
  SessionRequest request;
  request.client = {record.id, record.name, record.hostname};
  request.endpoints = config.endpoints;
  const bool named =
      std::any_of(config.endpoints.begin(), config.endpoints.end(),
                  [&](const EndpointConfig& one) { return one.network == config.network_mode; });
  if (!named) {
    EndpointConfig first;
    first.network = config.network_mode;
    request.endpoints.insert(request.endpoints.begin(), first);
  }
  request.ports = config.ports;
  if (config.publish_all) publish_exposed(config, request.ports);
  request.dns = config.dns;
  request.dns_search = config.dns_search;
  request.dns_options = config.dns_options;
  request.extra_hosts = config.extra_hosts;
  return request;
}

void apply_session(NetworkSession& session, ContainerSpec& spec) {
  spec.network = Network::kNone;
  spec.network_setup = [&session](int netns_fd) { return session.attach(netns_fd); };
  // First: a person's own mount at that place covers it.
  spec.mounts.insert(spec.mounts.begin(),
                     FileMount{"/etc/resolv.conf", session.resolv_conf(), 0644});
  spec.extra_hosts = session.hosts();
}

Result<std::vector<Fd>> apply_peers(const Layout& layout, const ContainerConfig& config,
                                    ContainerSpec& spec) {
  std::vector<Fd> held;
  const auto join = [&](const std::string& id, std::optional<Peer>& peer) -> Status {
    if (id.empty()) return {};
    RunningPeer found = SLIP_TRY(find_peer(layout, id));
    peer = found.peer;
    held.push_back(std::move(found.pidfd));
    return {};
  };
  SLIP_TRY(join(network_peer_of(config), spec.network_peer));
  SLIP_TRY(join(config.isolation.pid_of, spec.pid_peer));
  SLIP_TRY(join(config.isolation.ipc_of, spec.ipc_peer));
  if (spec.network_peer) spec.network = Network::kPeer;
  return held;
}

Status add_endpoint(ContainerConfig& config, const EndpointConfig& endpoint) {
  if (!has_networks(config) && config.network_mode != "none")
    return fail(ErrorCode::kConflict,
                "connect container to network " + printable(endpoint.network) +
                    ": it uses the network of " + printable(config.network_mode));
  for (const EndpointConfig& one : config.endpoints) {
    if (one.network == endpoint.network)
      return fail(ErrorCode::kConflict, "connect container to network " +
                                            printable(endpoint.network) + ": it is on it already");
  }
  config.endpoints.push_back(endpoint);
  if (config.network_mode == "none") config.network_mode = endpoint.network;
  return {};
}

Status remove_endpoint(ContainerConfig& config, const std::string& network) {
  const std::size_t removed = std::erase_if(
      config.endpoints, [&](const EndpointConfig& one) { return one.network == network; });
  if (config.network_mode == network) {
    config.network_mode = config.endpoints.empty() ? "none" : config.endpoints.front().network;
    return {};
  }
  if (removed > 0) return {};
  return fail(ErrorCode::kNotFound,
              "disconnect container from network " + printable(network) + ": it is not on it");
}

Json endpoint_body(const EndpointConfig& endpoint) { return fields::encode(endpoint); }

Result<EndpointConfig> endpoint_of(const Json& body) {
  EndpointConfig endpoint;
  std::string wrong;
  fields::Reader reader(body, "", wrong);
  list_members(reader, endpoint);
  if (!wrong.empty())
    return fail(ErrorCode::kInvalid, "connect container: wrong value of " + wrong);
  return endpoint;
}

}  // namespace slipway::sandbox
