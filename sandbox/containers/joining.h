#pragma once

#include <string>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "sandbox/containers/layout.h"
#include "sandbox/containers/record.h"
#include "sandbox/networks.h"
#include "sandbox/spec.h"

namespace slipway::sandbox {

/// What a container is to have of networks and of other containers' namespaces.

/// True when it needs a session: it is on networks of ours.
bool has_networks(const ContainerConfig& config);
/// The container whose network it shares ("container:ID"), or "".
std::string network_peer_of(const ContainerConfig& config);
SessionRequest session_request(const Record& record);

/// Puts the session's part into a spec: set-up, resolver, hosts.
void apply_session(NetworkSession& session, ContainerSpec& spec);

/// Fills in the peers of a spec. Their pidfds must live until the container has been started. kConflict names a
/// container that does not run.
Result<std::vector<Fd>> apply_peers(const Layout& layout, const ContainerConfig& config,
                                    ContainerSpec& spec);

/// "connect" and "disconnect" of a config, for what is to hold at the next start. kConflict when it is there already,
/// kNotFound when it is not.
Status add_endpoint(ContainerConfig& config, const EndpointConfig& endpoint);
Status remove_endpoint(ContainerConfig& config, const std::string& network);

Json endpoint_body(const EndpointConfig& endpoint);
Result<EndpointConfig> endpoint_of(const Json& body);

}  // namespace slipway::sandbox
