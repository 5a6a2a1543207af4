// docker inspect of a container: state, config, mounts, network settings. HostConfig has a file of its own.
#include <algorithm>
#include <array>
#include <ctime>
#include <set>

#include "base/text.h"
#include "runner/docker_json.h"

namespace slipway::runner {
namespace {

using sandbox::ContainerInfo;
using sandbox::ContainerStatus;
using sandbox::HealthState;
using sandbox::MountConfig;

std::int64_t nanoseconds(Millis duration) {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(duration).count();
}

std::string_view health_word(HealthState::Status status) {
  constexpr std::array<std::string_view, 4> kWords{"none", "starting", "healthy", "unhealthy"};
  return kWords.at(static_cast<std::size_t>(status));
}

Json health_json(const HealthState& health) {
  Json::Array log;
  for (const HealthState::Probe& probe : health.log) {
    log.push_back(Json::object({{"Start", docker_time(probe.start)},
                                {"End", docker_time(probe.end)},
                                {"ExitCode", probe.exit_code},
                                {"Output", probe.output}}));
  }
  return Json::object({{"Status", health_word(health.status)},
                       {"FailingStreak", health.failing_streak},
                       {"Log", Json(std::move(log))}});
}

Json state_json(const sandbox::ContainerState& state) {
  const ContainerStatus status = state.status;
  Json json = Json::object(
      {{"Status", sandbox::status_name(status)},
       {"Running", status == ContainerStatus::kRunning || status == ContainerStatus::kPaused ||
                       status == ContainerStatus::kRestarting},
       {"Paused", status == ContainerStatus::kPaused},
       {"Restarting", status == ContainerStatus::kRestarting},
       {"OOMKilled", state.out_of_memory},
       {"Dead", status == ContainerStatus::kDead},
       {"Pid", state.pid},
       {"ExitCode", state.exit_code},
       {"Error", state.error},
       {"StartedAt", docker_time(state.started)},
       {"FinishedAt", docker_time(state.finished)}});
  if (state.health.status != HealthState::Status::kNone)
    json.set("Health", health_json(state.health));
  return json;
}

Json healthcheck_json(const sandbox::HealthCheck& check) {
  return Json::object({{"Test", list_json(check.test)},
                       {"Interval", nanoseconds(check.interval)},
                       {"Timeout", nanoseconds(check.timeout)},
                       {"StartPeriod", nanoseconds(check.start_period)},
                       {"StartInterval", nanoseconds(check.start_interval)},
                       {"Retries", check.retries}});
}

/// {"80/tcp": {}} of a list.
Json set_json(const std::vector<std::string>& items) {
  Json json = Json::object();
  for (const std::string& item : items) json.set(item, Json::object());
  return json;
}

Json config_json(const ContainerInfo& container) {
  const sandbox::ContainerConfig& config = container.config;
  const bool attached = !config.open_stdin || config.stdin_once;
  Json json =
      Json::object({{"Hostname", container.hostname},
                    {"Domainname", config.domainname},
                    {"User", container.user},
                    {"AttachStdin", config.stdin_once},
                    {"AttachStdout", attached},
                    {"AttachStderr", attached},
                    {"Tty", config.tty},
                    {"OpenStdin", config.open_stdin},
                    {"StdinOnce", config.stdin_once},
                    {"Env", list_json(container.env)},
                    {"Cmd", list_or_null(config.command)},
                    {"Image", config.image},
                    {"Volumes", Json()},
                    {"WorkingDir", container.working_dir},
                    {"Entrypoint", config.entrypoint ? list_json(*config.entrypoint) : Json()},
                    {"Labels", map_json(config.labels)}});
  if (!config.exposed_ports.empty()) json.set("ExposedPorts", set_json(config.exposed_ports));
  if (container.health) json.set("Healthcheck", healthcheck_json(*container.health));
  if (!container.stop_signal.empty()) json.set("StopSignal", container.stop_signal);
  if (config.stop_timeout)
    json.set("StopTimeout",
             std::chrono::duration_cast<std::chrono::seconds>(*config.stop_timeout).count());
  return json;
}

Json endpoint_json(const sandbox::EndpointInfo& endpoint, const std::string& short_id) {
  std::vector<std::string> names = endpoint.aliases;
  if (endpoint.network != "bridge" &&
      std::find(names.begin(), names.end(), short_id) == names.end())
    names.push_back(short_id);
  return Json::object({{"IPAMConfig", Json()},
                       {"Links", Json()},
                       {"Aliases", list_or_null(endpoint.aliases)},
                       {"MacAddress", endpoint.mac},
                       {"DriverOpts", Json()},
                       {"NetworkID", endpoint.network_id},
                       {"EndpointID", endpoint.endpoint_id},
                       {"Gateway", endpoint.gateway},
                       {"IPAddress", endpoint.ipv4},
                       {"IPPrefixLen", endpoint.ipv4_prefix},
                       {"IPv6Gateway", endpoint.ipv6_gateway},
                       {"GlobalIPv6Address", endpoint.ipv6},
                       {"GlobalIPv6PrefixLen", endpoint.ipv6_prefix},
                       {"DNSNames", endpoint.network == "bridge" ? Json() : list_or_null(names)}});
}

Json network_settings_json(const ContainerInfo& container) {
  Json networks = Json::object();
  // A stopped container has no addresses, but docker still says where it belongs.
  if (container.endpoints.empty()) {
    for (const sandbox::EndpointConfig& wanted : container.config.endpoints) {
      sandbox::EndpointInfo endpoint;
      endpoint.network = wanted.network;
      endpoint.aliases = wanted.aliases;
      networks.set(wanted.network, endpoint_json(endpoint, container.id.substr(0, 12)));
    }
    const std::string& mode = container.config.network_mode;
    if (container.config.endpoints.empty() && !mode.starts_with("container:")) {
      sandbox::EndpointInfo endpoint;
      endpoint.network = mode;
      networks.set(mode, endpoint_json(endpoint, container.id.substr(0, 12)));
    }
  }
  for (const sandbox::EndpointInfo& endpoint : container.endpoints)
    networks.set(endpoint.network, endpoint_json(endpoint, container.id.substr(0, 12)));
  sandbox::EndpointInfo first;  // the default bridge also shows at the top, docker's oldest form
  for (const sandbox::EndpointInfo& endpoint : container.endpoints) {
    if (endpoint.network == "bridge") first = endpoint;
  }
  return Json::object({{"Bridge", ""},
                       {"SandboxID", ""},
                       {"SandboxKey", ""},
                       {"Ports", port_map_json(container)},
                       {"HairpinMode", false},
                       {"LinkLocalIPv6Address", ""},
                       {"LinkLocalIPv6PrefixLen", 0},
                       {"SecondaryIPAddresses", Json()},
                       {"SecondaryIPv6Addresses", Json()},
                       {"EndpointID", first.endpoint_id},
                       {"Gateway", first.gateway},
                       {"GlobalIPv6Address", first.ipv6},
                       {"GlobalIPv6PrefixLen", first.ipv6_prefix},
                       {"IPAddress", first.ipv4},
                       {"IPPrefixLen", first.ipv4_prefix},
                       {"IPv6Gateway", first.ipv6_gateway},
                       {"MacAddress", first.mac},
                       {"Networks", std::move(networks)}});
}

std::string_view mount_type_word(MountConfig::Type type) {
  constexpr std::array<std::string_view, 4> kWords{"bind", "volume", "tmpfs", "volume"};
  return kWords.at(static_cast<std::size_t>(type));
}

std::string_view propagation_word(MountConfig::Propagation propagation) {
  constexpr std::array<std::string_view, 6> kWords{"private", "rprivate", "slave",
                                                   "rslave",  "shared",   "rshared"};
  return kWords.at(static_cast<std::size_t>(propagation));
}

}  // namespace

std::string docker_time(WallTime time) {
  if (time == WallTime{}) return "0001-01-01T00:00:00Z";
  const auto total =
      std::chrono::duration_cast<std::chrono::nanoseconds>(time.time_since_epoch()).count();
  constexpr std::int64_t kBillion = 1'000'000'000;
  std::int64_t part = total % kBillion;
  auto seconds = static_cast<std::time_t>(total / kBillion);
  if (part < 0) {
    part += kBillion;
    --seconds;
  }
  std::tm broken{};
  ::gmtime_r(&seconds, &broken);
  std::array<char, 32> text{};
  std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S", &broken);
  std::string out = text.data();
  if (part != 0) {
    std::string digits = std::to_string(kBillion + part).substr(1);
    while (digits.back() == '0') digits.pop_back();
    out += "." + digits;
  }
  return out + "Z";
}

Json map_json(const std::vector<std::pair<std::string, std::string>>& pairs) {
  Json json = Json::object();
  for (const auto& [name, value] : pairs) json.set(name, value);
  return json;
}
Json list_json(const std::vector<std::string>& items) {
  return Json(Json::Array(items.begin(), items.end()));
}
Json list_or_null(const std::vector<std::string>& items) {
  return items.empty() ? Json() : list_json(items);
}

std::string_view protocol_name(sandbox::Protocol protocol) {
  constexpr std::array<std::string_view, 3> kWords{"tcp", "udp", "sctp"};
  return kWords.at(static_cast<std::size_t>(protocol));
}

Json mounts_json(const ContainerInfo& container) {
  Json::Array mounts;
  for (const sandbox::MountInfo& mount : container.mounts) {
    const MountConfig& config = mount.config;
    Json json = Json::object({{"Type", mount_type_word(config.type)}});
    if (!mount.volume.empty()) json.set("Name", mount.volume);
    json.set("Source", mount.source);
    json.set("Destination", config.target);
    if (!mount.volume.empty()) json.set("Driver", "local");
    json.set("Mode", config.access == sandbox::Access::kReadOnly ? "ro" : "");
    json.set("RW", config.access == sandbox::Access::kReadWrite);
    json.set("Propagation", config.type == MountConfig::Type::kBind
                                ? propagation_word(config.propagation)
                                : std::string_view());
    mounts.push_back(std::move(json));
  }
  return Json(std::move(mounts));
}

Json port_map_json(const ContainerInfo& container) {
  Json ports = Json::object();
  for (const std::string& exposed : container.config.exposed_ports) ports.set(exposed, Json());
  for (const sandbox::PublishedPort& port : container.ports) {
    const std::string name =
        std::to_string(port.container_port) + "/" + std::string(protocol_name(port.protocol));
    Json bindings = ports[name];
    for (const char* any : {"0.0.0.0", "::"}) {
      const bool all = port.host_ip.empty();
      bindings.push(Json::object({{"HostIp", all ? std::string(any) : port.host_ip},
                                  {"HostPort", std::to_string(port.host_port)}}));
      if (!all) break;
    }
    ports.set(name, std::move(bindings));
  }
  return ports;
}

Json container_inspect_json(const ContainerInfo& container,
                            const std::optional<ContainerSizes>& sizes) {
  std::vector<std::string> arguments(container.argv.begin() + (container.argv.empty() ? 0 : 1),
                                     container.argv.end());
  const std::string directory = container.log_path.substr(0, container.log_path.rfind('/'));
  Json json =
      Json::object({{"Id", container.id},
                    {"Created", docker_time(container.created)},
                    {"Path", container.argv.empty() ? std::string() : container.argv.front()},
                    {"Args", list_json(arguments)},
                    {"State", state_json(container.state)},
                    {"Image", container.config.image_id},
                    {"ResolvConfPath", ""},
                    {"HostnamePath", ""},
                    {"HostsPath", ""},
                    {"LogPath", container.log_path},
                    {"Name", "/" + container.name},
                    {"RestartCount", container.state.restart_count},
                    {"Driver", "overlay2"},
                    {"Platform", "linux"},
                    {"MountLabel", ""},
                    {"ProcessLabel", ""},
                    {"AppArmorProfile", container.config.isolation.apparmor_profile},
                    {"ExecIDs", Json()},
                    {"HostConfig", host_config_json(container.config)},
                    {"GraphDriver", Json::object({{"Data", Json()}, {"Name", "overlay2"}})}});
  if (sizes) {
    json.set("SizeRw", sizes->first.value);
    json.set("SizeRootFs", sizes->second.value);
  }
  json.set("Mounts", mounts_json(container));
  json.set("Config", config_json(container));
  json.set("NetworkSettings", network_settings_json(container));
  return json;
}

}  // namespace slipway::runner
