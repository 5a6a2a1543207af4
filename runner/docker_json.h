#pragma once

#include <optional>
#include <string>
#include <utility>

#include "base/clock.h"
#include "base/json.h"
#include "base/units.h"
#include "sandbox/container_state.h"
#include "sandbox/networks.h"
#include "sandbox/volumes.h"

/// Our records as docker's JSON: what `inspect` prints and the API answers. Docker API v1.47; names of members are
/// docker's, empty lists are [] or null as docker has them.
namespace slipway::runner {

/// SizeRw and SizeRootFs.
using ContainerSizes = std::pair<ByteCount, ByteCount>;

/// GET /containers/{id}/json
Json container_inspect_json(const sandbox::ContainerInfo& container,
                            const std::optional<ContainerSizes>& sizes);
/// Its HostConfig, as it was asked for.
Json host_config_json(const sandbox::ContainerConfig& config);
/// Its Mounts, of inspect and of lists.
Json mounts_json(const sandbox::ContainerInfo& container);
/// NetworkSettings.Ports of inspect: "80/tcp" -> [{HostIp, HostPort}] or null.
Json port_map_json(const sandbox::ContainerInfo& container);
/// One item of GET /containers/json
Json container_summary_json(const sandbox::ContainerInfo& container, WallTime now,
                            const std::optional<ContainerSizes>& sizes);
/// GET /networks/{id}; `endpoints` are those of containers on it, with their names.
struct NetworkMember {
  std::string container_id;
  std::string container_name;
  sandbox::EndpointInfo endpoint;
};
Json network_json(const sandbox::NetworkInfo& network, const std::vector<NetworkMember>& members);
/// GET /volumes/{name}
Json volume_docker_json(const sandbox::VolumeInfo& volume);
/// One line of GET /events
Json event_json(const sandbox::ContainerEvent& event);
/// GET /containers/{id}/stats; `before` is the sample a second ago, or empty.
Json stats_json(const sandbox::ContainerInfo& container, const sandbox::ContainerStats& now,
                const sandbox::ContainerStats& before);

/// docker ps's STATUS: "Up 3 minutes (healthy)", "Exited (0) 2 hours ago".
std::string status_text(const sandbox::ContainerInfo& container, WallTime now);
/// docker ps's PORTS: "0.0.0.0:8080->80/tcp, 443/tcp"
std::string ports_text(const sandbox::ContainerInfo& container);
/// "bridge", "overlay", …
std::string_view driver_name(sandbox::NetworkDriver driver);
/// Docker's words of `RestartPolicy.Name`, mount types, protocols.
std::string_view protocol_name(sandbox::Protocol protocol);

/// RFC 3339 with nanoseconds, trailing zeros cut, as Go prints it; "0001-01-01T00:00:00Z" for no time.
std::string docker_time(WallTime time);
/// {"a": "1"} of pairs.
Json map_json(const std::vector<std::pair<std::string, std::string>>& pairs);
/// ["a"], or null when empty.
Json list_or_null(const std::vector<std::string>& items);
Json list_json(const std::vector<std::string>& items);

}  // namespace slipway::runner
