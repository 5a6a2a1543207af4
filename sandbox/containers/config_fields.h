#pragma once

#include "sandbox/container_config.h"
#include "sandbox/containers/json_fields.h"

namespace slipway::sandbox {

/// The members of a container's config and of what it is made of, as json_fields.h wants them.

constexpr auto words(Protocol) { return std::array<std::string_view, 3>{"tcp", "udp", "sctp"}; }
constexpr auto words(Access) { return std::array<std::string_view, 2>{"ro", "rw"}; }
constexpr auto words(MountConfig::Type) {
  return std::array<std::string_view, 4>{"bind", "volume", "tmpfs", "snapshot"};
}
constexpr auto words(MountConfig::Propagation) {
  return std::array<std::string_view, 6>{"private", "rprivate", "slave",
                                         "rslave",  "shared",   "rshared"};
}
constexpr auto words(RestartPolicy::Kind) {
  return std::array<std::string_view, 4>{"no", "on-failure", "always", "unless-stopped"};
}
constexpr auto words(LogConfig::Driver) { return std::array<std::string_view, 2>{"local", "none"}; }

using fields::Like;

template <typename Fields, Like<PublishedPort> T>
void list_members(Fields& fields, T& port) {
  fields.member("host_ip", port.host_ip);
  fields.member("host_port", port.host_port);
  fields.member("container_port", port.container_port);
  fields.member("protocol", port.protocol);
}

template <typename Fields, Like<EndpointConfig> T>
void list_members(Fields& fields, T& endpoint) {
  fields.member("network", endpoint.network);
  fields.member("aliases", endpoint.aliases);
  fields.member("ipv4", endpoint.ipv4);
  fields.member("ipv6", endpoint.ipv6);
  fields.member("mac", endpoint.mac);
}

template <typename Fields, Like<MountConfig> T>
void list_members(Fields& fields, T& mount) {
  fields.member("type", mount.type);
  fields.member("source", mount.source);
  fields.member("target", mount.target);
  fields.member("access", mount.access);
  fields.member("propagation", mount.propagation);
  fields.member("create_source", mount.create_source);
  fields.member("no_copy", mount.no_copy);
  fields.member("subpath", mount.subpath);
  fields.member("volume_labels", mount.volume_labels);
  fields.member("volume_driver", mount.volume_driver);
  fields.member("tmpfs_size", mount.tmpfs_size);
  fields.member("tmpfs_mode", mount.tmpfs_mode);
  fields.member("tmpfs_options", mount.tmpfs_options);
}

template <typename Fields, Like<HealthCheck> T>
void list_members(Fields& fields, T& health) {
  fields.member("test", health.test);
  fields.member("interval_ms", health.interval);
  fields.member("timeout_ms", health.timeout);
  fields.member("start_period_ms", health.start_period);
  fields.member("start_interval_ms", health.start_interval);
  fields.member("retries", health.retries);
}

template <typename Fields, Like<RestartPolicy> T>
void list_members(Fields& fields, T& restart) {
  fields.member("kind", restart.kind);
  fields.member("maximum_retries", restart.maximum_retries);
}

template <typename Fields, Like<LogConfig> T>
void list_members(Fields& fields, T& log) {
  fields.member("driver", log.driver);
  fields.member("max_size", log.max_size);
  fields.member("max_files", log.max_files);
}

template <typename Fields, Like<Limits::DeviceRate> T>
void list_members(Fields& fields, T& rate) {
  fields.member("device", rate.device);
  fields.member("rate", rate.rate);
}

template <typename Fields, Like<Limits> T>
void list_members(Fields& fields, T& limits) {
  fields.member("cpus", limits.cpus);
  fields.member("cpu_shares", limits.cpu_shares);
  fields.member("cpuset_cpus", limits.cpuset_cpus);
  fields.member("cpuset_mems", limits.cpuset_mems);
  fields.member("memory", limits.memory);
  fields.member("memory_swap", limits.memory_swap);
  fields.member("memory_reservation", limits.memory_reservation);
  fields.member("pids", limits.pids);
  fields.member("blkio_weight", limits.blkio_weight);
  fields.member("read_bps", limits.read_bps);
  fields.member("write_bps", limits.write_bps);
  fields.member("read_iops", limits.read_iops);
  fields.member("write_iops", limits.write_iops);
  fields.member("oom_score_adj", limits.oom_score_adj);
}

template <typename Fields, Like<Isolation::Ulimit> T>
void list_members(Fields& fields, T& ulimit) {
  fields.member("name", ulimit.name);
  fields.member("soft", ulimit.soft);
  fields.member("hard", ulimit.hard);
}

namespace fields {
/// A power as an object whose "power" says which.
void list_members(Writer& fields, const Power& power);
void list_members(Reader& fields, Power& power);
}  // namespace fields

template <typename Fields, Like<Isolation> T>
void list_members(Fields& fields, T& isolation) {
  fields.member("powers", isolation.powers);
  fields.member("no_new_privileges", isolation.no_new_privileges);
  fields.member("drop_capabilities", isolation.drop_capabilities);
  fields.member("apparmor_profile", isolation.apparmor_profile);
  fields.member("pid_of", isolation.pid_of);
  fields.member("ipc_of", isolation.ipc_of);
  fields.member("ipc_none", isolation.ipc_none);
  fields.member("sysctls", isolation.sysctls);
  fields.member("ulimits", isolation.ulimits);
  fields.member("group_add", isolation.group_add);
  fields.member("init", isolation.init);
  fields.member("shm_size", isolation.shm_size);
}

}  // namespace slipway::sandbox
