// docker inspect's HostConfig: what was asked of the machine, said again in docker's units.
#include <algorithm>

#include "base/text.h"
#include "runner/docker_json.h"

namespace slipway::runner {
namespace {

using sandbox::ContainerConfig;
using sandbox::MountConfig;
namespace power = sandbox::power;

template <typename P>
const P* find_power(const ContainerConfig& config) {
  for (const sandbox::Power& one : config.isolation.powers) {
    if (const P* found = std::get_if<P>(&one)) return found;
  }
  return nullptr;
}

std::string bind_text(const MountConfig& mount) {
  std::string text = mount.source + ":" + mount.target;
  if (mount.access == sandbox::Access::kReadOnly) text += ":ro";
  return text;
}

/// -v of directories and named volumes; --mount shows in Mounts.
Json binds_json(const ContainerConfig& config) {
  Json::Array binds;
  for (const MountConfig& mount : config.mounts) {
    const bool volume = mount.type == MountConfig::Type::kVolume && !mount.source.empty();
    if (volume || (mount.type == MountConfig::Type::kBind && mount.create_source))
      binds.emplace_back(bind_text(mount));
  }
  return binds.empty() ? Json() : Json(std::move(binds));
}

Json tmpfs_json(const ContainerConfig& config) {
  Json json = Json::object();
  for (const MountConfig& mount : config.mounts) {
    if (mount.type != MountConfig::Type::kTmpfs) continue;
    std::vector<std::string> options = mount.tmpfs_options;
    if (mount.tmpfs_size.value > 0)
      options.push_back("size=" + std::to_string(mount.tmpfs_size.value));
    json.set(mount.target, join(options, ","));
  }
  return json;
}

Json port_bindings_json(const ContainerConfig& config) {
  Json json = Json::object();
  for (const sandbox::PublishedPort& port : config.ports) {
    const std::string name =
        std::to_string(port.container_port) + "/" + std::string(protocol_name(port.protocol));
    Json bindings = json[name];
    bindings.push(Json::object(
        {{"HostIp", port.host_ip},
         {"HostPort", port.host_port == 0 ? std::string() : std::to_string(port.host_port)}}));
    json.set(name, std::move(bindings));
  }
  return json;
}

Json devices_json(const ContainerConfig& config) {
  Json::Array devices;
  for (const sandbox::Power& one : config.isolation.powers) {
    const auto* device = std::get_if<power::HostDevice>(&one);
    if (device == nullptr) continue;
    devices.push_back(Json::object({{"PathOnHost", device->path_on_host},
                                    {"PathInContainer", device->path_in_container},
                                    {"CgroupPermissions", device->permissions}}));
  }
  return Json(std::move(devices));
}

std::vector<std::string> device_rules(const ContainerConfig& config) {
  std::vector<std::string> rules;
  for (const sandbox::Power& one : config.isolation.powers) {
    if (const auto* access = std::get_if<power::DeviceAccess>(&one)) rules.push_back(access->rule);
  }
  return rules;
}

std::vector<std::string> added_capabilities(const ContainerConfig& config) {
  std::vector<std::string> names;
  for (const sandbox::Power& one : config.isolation.powers) {
    if (const auto* added = std::get_if<power::AddedCapability>(&one))
      names.push_back(added->name == "ALL" ? "ALL" : "CAP_" + added->name);
  }
  return names;
}

std::vector<std::string> security_options(const ContainerConfig& config) {
  std::vector<std::string> options;
  const sandbox::Isolation& isolation = config.isolation;
  options.push_back(isolation.no_new_privileges ? "no-new-privileges" : "no-new-privileges=false");
  if (find_power<power::UnconfinedSeccomp>(config) != nullptr)
    options.emplace_back("seccomp=unconfined");
  if (const auto* custom = find_power<power::CustomSeccomp>(config))
    options.push_back("seccomp=" + custom->json);
  if (!isolation.apparmor_profile.empty())
    options.push_back("apparmor=" + isolation.apparmor_profile);
  if (find_power<power::UnmaskedPaths>(config) != nullptr)
    options.emplace_back("systempaths=unconfined");
  return options;
}

std::string pid_mode(const ContainerConfig& config) {
  if (!config.isolation.pid_of.empty()) return "container:" + config.isolation.pid_of;
  return find_power<power::HostPid>(config) != nullptr ? "host" : "";
}

std::string ipc_mode(const ContainerConfig& config) {
  if (!config.isolation.ipc_of.empty()) return "container:" + config.isolation.ipc_of;
  if (config.isolation.ipc_none) return "none";
  return find_power<power::HostIpc>(config) != nullptr ? "host" : "private";
}

Json rates_json(const std::vector<sandbox::Limits::DeviceRate>& rates) {
  if (rates.empty()) return {};
  Json::Array out;
  for (const auto& rate : rates)
    out.push_back(Json::object({{"Path", rate.device}, {"Rate", rate.rate}}));
  return Json(std::move(out));
}

void add_resources(Json& json, const sandbox::Limits& limits) {
  constexpr double kNano = 1e9;
  json.set("CpuShares", limits.cpu_shares.value_or(0));
  json.set("Memory", limits.memory.value_or(ByteCount{}).value);
  json.set("NanoCpus", static_cast<std::int64_t>(limits.cpus.value_or(0) * kNano));
  json.set("CgroupParent", "");
  json.set("BlkioWeight", limits.blkio_weight.value_or(0));
  json.set("BlkioWeightDevice", Json::array());
  json.set("BlkioDeviceReadBps", rates_json(limits.read_bps));
  json.set("BlkioDeviceWriteBps", rates_json(limits.write_bps));
  json.set("BlkioDeviceReadIOps", rates_json(limits.read_iops));
  json.set("BlkioDeviceWriteIOps", rates_json(limits.write_iops));
  json.set("CpuPeriod", 0);
  json.set("CpuQuota", 0);
  json.set("CpuRealtimePeriod", 0);
  json.set("CpuRealtimeRuntime", 0);
  json.set("CpusetCpus", limits.cpuset_cpus);
  json.set("CpusetMems", limits.cpuset_mems);
  json.set("MemoryReservation", limits.memory_reservation.value_or(ByteCount{}).value);
  // Beyond any memory is how "no limit" is kept; docker says -1.
  constexpr std::uint64_t kUnlimited = std::uint64_t{1} << 62;
  const std::uint64_t swap = limits.memory_swap.value_or(limits.memory.value_or(ByteCount{})).value;
  json.set("MemorySwap", swap >= kUnlimited ? std::int64_t{-1} : static_cast<std::int64_t>(swap));
  json.set("MemorySwappiness", Json());
  json.set("OomKillDisable", false);
  json.set("PidsLimit", limits.pids);
}

Json ulimits_json(const sandbox::Isolation& isolation) {
  Json::Array out;
  for (const auto& limit : isolation.ulimits)
    out.push_back(Json::object({{"Name", limit.name}, {"Hard", limit.hard}, {"Soft", limit.soft}}));
  return Json(std::move(out));
}

Json restart_json(const sandbox::RestartPolicy& policy) {
  sandbox::RestartPolicy kind = policy;
  kind.maximum_retries = 0;
  return Json::object({{"Name", kind.str()}, {"MaximumRetryCount", policy.maximum_retries}});
}

Json log_config_json(const sandbox::LogConfig& log) {
  if (log.driver == sandbox::LogConfig::Driver::kNone)
    return Json::object({{"Type", "none"}, {"Config", Json::object()}});
  return Json::object({{"Type", "json-file"},
                       {"Config", Json::object({{"max-size", std::to_string(log.max_size.value)},
                                                {"max-file", std::to_string(log.max_files)}})}});
}

std::vector<std::string> extra_hosts(const ContainerConfig& config) {
  std::vector<std::string> lines;
  for (const auto& [name, address] : config.extra_hosts) lines.push_back(name + ":" + address);
  return lines;
}

}  // namespace

// Docker API v1.47: HostConfig
Json host_config_json(const ContainerConfig& config) {
  const sandbox::Isolation& isolation = config.isolation;
  Json json = Json::object(
      {{"Binds", binds_json(config)},
       {"ContainerIDFile", ""},
       {"LogConfig", log_config_json(config.log)},
       {"NetworkMode", config.network_mode},
       {"PortBindings", port_bindings_json(config)},
       {"RestartPolicy", restart_json(config.restart)},
       {"AutoRemove", config.auto_remove},
       {"VolumeDriver", ""},
       {"VolumesFrom", list_or_null(config.volumes_from)},
       {"CapAdd", list_or_null(added_capabilities(config))},
       {"CapDrop", list_or_null(isolation.drop_capabilities)},
       {"CgroupnsMode", find_power<power::HostCgroups>(config) != nullptr ? "host" : "private"},
       {"Dns", list_json(config.dns)},
       {"DnsOptions", list_json(config.dns_options)},
       {"DnsSearch", list_json(config.dns_search)},
       {"ExtraHosts", list_or_null(extra_hosts(config))},
       {"GroupAdd", list_or_null(isolation.group_add)},
       {"IpcMode", ipc_mode(config)},
       {"Cgroup", ""},
       {"Links", Json()},
       {"OomScoreAdj", config.limits.oom_score_adj.value_or(0)},
       {"PidMode", pid_mode(config)},
       {"Privileged", find_power<power::Privileged>(config) != nullptr},
       {"PublishAllPorts", config.publish_all},
       {"ReadonlyRootfs", config.read_only_root},
       {"SecurityOpt", list_json(security_options(config))},
       {"Tmpfs", tmpfs_json(config)},
       {"UTSMode", find_power<power::HostUts>(config) != nullptr ? "host" : ""},
       {"UsernsMode", find_power<power::HostUserNamespace>(config) != nullptr ? "host" : ""},
       {"ShmSize", isolation.shm_size.value},
       {"Sysctls", map_json(isolation.sysctls)},
       {"Runtime", "slipway"},
       {"Init", isolation.init},
       {"Isolation", ""},
       {"Devices", devices_json(config)},
       {"DeviceCgroupRules", list_or_null(device_rules(config))},
       {"DeviceRequests", Json()},
       {"Ulimits", ulimits_json(isolation)}});
  add_resources(json, config.limits);
  return json;
}

}  // namespace slipway::runner
