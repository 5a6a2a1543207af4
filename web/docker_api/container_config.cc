// What a client asks of a new container, member by member. Mounts, ports and networks; see host_config.cc for the rest.
#include "web/docker_api/container_config.h"

#include "base/text.h"
#include "runner/option_values.h"
#include "web/docker_api/host_config.h"

namespace slipway::web::docker_api {
namespace {

using sandbox::ContainerConfig;
using sandbox::MountConfig;

Millis of_nanoseconds(const Json& json, Millis fallback) {
  const std::int64_t value = json.int_or(0);
  if (value <= 0) return fallback;
  return std::max(Millis(1), std::chrono::duration_cast<Millis>(std::chrono::nanoseconds(value)));
}

// Docker API: HealthConfig. Zero inherits docker's defaults, an empty test the image's.
Result<std::optional<sandbox::HealthCheck>> read_health(const Json& json) {
  if (json.members().empty()) return std::optional<sandbox::HealthCheck>();
  sandbox::HealthCheck check;
  check.test = strings(json["Test"]);
  for (const char* name : {"Interval", "Timeout", "StartPeriod", "StartInterval"}) {
    const std::int64_t value = json[name].int_or(0);
    if (value < 0 || (value > 0 && value < 1'000'000))
      return fail(ErrorCode::kInvalid,
                  std::string(name) + " in Healthcheck cannot be less than one millisecond");
  }
  if (json["Retries"].int_or(0) < 0)
    return fail(ErrorCode::kInvalid, "Retries in Healthcheck cannot be negative");
  check.interval = of_nanoseconds(json["Interval"], check.interval);
  check.timeout = of_nanoseconds(json["Timeout"], check.timeout);
  check.start_period = of_nanoseconds(json["StartPeriod"], check.start_period);
  check.start_interval = of_nanoseconds(json["StartInterval"], check.start_interval);
  if (const std::int64_t retries = json["Retries"].int_or(0); retries > 0)
    check.retries = static_cast<int>(std::min<std::int64_t>(retries, 1'000'000));
  return std::optional(check);
}

Status read_process(const Json& body, ContainerConfig& config) {
  config.image = body["Image"].string_or("");
  if (config.image.empty())
    return fail(ErrorCode::kInvalid, "no image specified: Config.Image is empty");
  config.hostname = body["Hostname"].string_or("");
  config.domainname = body["Domainname"].string_or("");
  config.user = body["User"].string_or("");
  config.tty = body["Tty"].bool_or(false);
  config.open_stdin = body["OpenStdin"].bool_or(false);
  config.stdin_once = body["StdinOnce"].bool_or(false);
  config.env = strings(body["Env"]);
  // "NAME" alone takes a variable away; the client has no environment of ours to read.
  std::erase_if(config.env, [](const std::string& entry) {
    return entry.empty() || entry.find('=') == std::string::npos;
  });
  config.command = strings(body["Cmd"]);
  if (!body["Entrypoint"].is_null()) {
    config.entrypoint = strings(body["Entrypoint"]);
    // The command line's way to say "none". Source: docker run reference, --entrypoint "".
    if (config.entrypoint->size() == 1 && config.entrypoint->front().empty())
      config.entrypoint->clear();
    else if (config.entrypoint->empty())
      config.entrypoint.reset();
  }
  config.working_dir = body["WorkingDir"].string_or("");
  if (!config.working_dir.empty() && !config.working_dir.starts_with('/'))
    return fail(ErrorCode::kInvalid, "the working directory '" + printable(config.working_dir) +
                                         "' is invalid, it needs to be an absolute path");
  config.labels = string_pairs(body["Labels"]);
  config.stop_signal = body["StopSignal"].string_or("");
  if (!config.stop_signal.empty()) SLIP_TRY(runner::parse_signal(config.stop_signal));
  if (const Json& timeout = body["StopTimeout"]; timeout.is_int())
    config.stop_timeout = std::chrono::seconds(timeout.int_or(10));
  for (const auto& [port, unused] : body["ExposedPorts"].members()) {
    for (std::string& one : SLIP_TRY(runner::parse_exposed_ports(port)))
      config.exposed_ports.push_back(std::move(one));
  }
  config.health = SLIP_TRY(read_health(body["Healthcheck"]));
  return {};
}

Result<MountConfig> read_mount(const Json& json) {
  MountConfig mount;
  const std::string type(json["Type"].string_or(""));
  mount.source = json["Source"].string_or("");
  mount.target = json["Target"].string_or("");
  if (!mount.target.starts_with('/'))
    return fail(ErrorCode::kInvalid, "invalid mount target \"" + printable(mount.target) +
                                         "\": must be an absolute path");
  if (json["ReadOnly"].bool_or(false)) mount.access = sandbox::Access::kReadOnly;
  if (type == "bind") {
    mount.type = MountConfig::Type::kBind;
    mount.create_source = json["BindOptions"]["CreateMountpoint"].bool_or(false);
    const std::string propagation(json["BindOptions"]["Propagation"].string_or(""));
    // One grammar for both ways to say it.
    std::string text = "type=bind,source=" + mount.source + ",target=" + mount.target;
    if (!propagation.empty()) text += ",bind-propagation=" + propagation;
    if (mount.source.find_first_of(",\"\n") == std::string::npos &&
        mount.target.find_first_of(",\"\n") == std::string::npos) {
      MountConfig parsed = SLIP_TRY(runner::parse_mount(text));
      parsed.access = mount.access;
      parsed.create_source = mount.create_source;
      return parsed;
    }
    return mount;
  }
  if (type == "tmpfs") {
    mount.type = MountConfig::Type::kTmpfs;
    mount.tmpfs_size = {static_cast<std::uint64_t>(
        std::max<std::int64_t>(0, json["TmpfsOptions"]["SizeBytes"].int_or(0)))};
    if (const Json& mode = json["TmpfsOptions"]["Mode"]; mode.is_int() && mode.int_or(0) != 0)
      mount.tmpfs_mode = static_cast<unsigned>(mode.int_or(01777)) & 07777U;
    return mount;
  }
  if (type != "volume")
    return fail(ErrorCode::kInvalid, "mount type \"" + printable(type) + "\" is not known");
  mount.type = MountConfig::Type::kVolume;
  const Json& options = json["VolumeOptions"];
  mount.no_copy = options["NoCopy"].bool_or(false);
  mount.subpath = options["Subpath"].string_or("");
  mount.volume_labels = string_pairs(options["Labels"]);
  mount.volume_driver = options["DriverConfig"]["Name"].string_or("");
  return mount;
}

/// Binds, Mounts, Tmpfs, and the anonymous volumes of Config.Volumes; the more specific one wins a target.
Status read_mounts(const Json& body, ContainerConfig& config) {
  const Json& host = body["HostConfig"];
  const auto taken = [&](const std::string& target) {
    for (const MountConfig& mount : config.mounts) {
      if (mount.target == target) return true;
    }
    return false;
  };
  for (const std::string& text : strings(host["Binds"]))
    config.mounts.push_back(
        SLIP_TRY_WITHIN("invalid volume specification", runner::parse_volume(text)));
  for (const Json& json : host["Mounts"].items()) {
    MountConfig mount = SLIP_TRY(read_mount(json));
    if (taken(mount.target))
      return fail(ErrorCode::kInvalid, "duplicate mount point: " + printable(mount.target));
    config.mounts.push_back(std::move(mount));
  }
  for (const auto& [target, options] : string_pairs(host["Tmpfs"]))
    config.mounts.push_back(
        SLIP_TRY(runner::parse_tmpfs(options.empty() ? target : target + ":" + options)));
  for (const auto& [target, unused] : body["Volumes"].members()) {
    if (!taken(target)) config.mounts.push_back(SLIP_TRY(runner::parse_volume(target)));
  }
  config.volumes_from = strings(host["VolumesFrom"]);
  return {};
}

Status read_ports(const Json& host, ContainerConfig& config) {
  for (const auto& [port, bindings] : host["PortBindings"].members()) {
    if (bindings.items().empty()) {
      // Docker: published, but to no port in particular.
      for (auto& one : SLIP_TRY(runner::parse_published_ports(port)))
        config.ports.push_back(std::move(one));
    }
    for (const Json& binding : bindings.items()) {
      std::string text(binding["HostIp"].string_or(""));
      if (text.find(':') != std::string::npos) text = "[" + text + "]";
      const std::string host_port(binding["HostPort"].string_or(""));
      if (!text.empty()) text += ":";
      if (!text.empty() || !host_port.empty()) text += host_port + ":";
      for (auto& one : SLIP_TRY(runner::parse_published_ports(text + port)))
        config.ports.push_back(std::move(one));
    }
  }
  config.publish_all = host["PublishAllPorts"].bool_or(false);
  return {};
}

// Docker API: NetworkMode names the first network, EndpointsConfig says how it is there and on others.
Status read_networks(const Json& body, ContainerConfig& config) {
  const Json& host = body["HostConfig"];
  const std::string mode(host["NetworkMode"].string_or(""));
  config.network_mode = mode.empty() || mode == "default" ? "bridge" : mode;
  const bool none = config.network_mode == "host" || config.network_mode == "none" ||
                    config.network_mode.starts_with("container:");
  const Json& endpoints = body["NetworkingConfig"]["EndpointsConfig"];
  std::vector<sandbox::EndpointConfig> others;
  for (const auto& [network, settings] : endpoints.members()) {
    const std::string known = network == "default" ? "bridge" : network;
    sandbox::EndpointConfig endpoint = SLIP_TRY(read_endpoint(known, settings));
    const bool alone =
        endpoints.members().size() == 1 && config.network_mode == "bridge" && known != "bridge";
    if (alone && (mode.empty() || mode == "default")) config.network_mode = known;
    if (none) continue;
    if (known == config.network_mode)
      config.endpoints.insert(config.endpoints.begin(), std::move(endpoint));
    else
      others.push_back(std::move(endpoint));
  }
  if (none) return {};
  const bool has_first = !config.endpoints.empty();
  if (!has_first && (config.network_mode != "bridge" || !others.empty()))
    config.endpoints.push_back({config.network_mode, {}, "", "", ""});
  if (const std::string mac(body["MacAddress"].string_or("")); !mac.empty()) {
    if (!runner::is_mac(mac))
      return fail(ErrorCode::kInvalid, "MacAddress \"" + printable(mac) + "\" is no MAC address");
    if (config.endpoints.empty()) config.endpoints.push_back({config.network_mode, {}, "", "", ""});
    if (config.endpoints.front().mac.empty()) config.endpoints.front().mac = mac;
  }
  for (auto& endpoint : others) config.endpoints.push_back(std::move(endpoint));
  return {};
}

}  // namespace

std::vector<std::string> strings(const Json& json) {
  if (json.is_string()) return {std::string(json.string_or(""))};
  std::vector<std::string> out;
  for (const Json& item : json.items()) out.emplace_back(item.string_or(""));
  return out;
}

std::vector<std::pair<std::string, std::string>> string_pairs(const Json& json) {
  std::vector<std::pair<std::string, std::string>> out;
  for (const auto& [name, value] : json.members()) out.emplace_back(name, value.string_or(""));
  return out;
}

Result<sandbox::EndpointConfig> read_endpoint(const std::string& network, const Json& json) {
  sandbox::EndpointConfig endpoint;
  endpoint.network = network;
  endpoint.aliases = strings(json["Aliases"]);
  endpoint.ipv4 = json["IPAMConfig"]["IPv4Address"].string_or("");
  endpoint.ipv6 = json["IPAMConfig"]["IPv6Address"].string_or("");
  endpoint.mac = json["MacAddress"].string_or("");
  if (!endpoint.ipv4.empty() && !runner::is_ipv4(endpoint.ipv4))
    return fail(ErrorCode::kInvalid, "invalid IPv4 address: " + printable(endpoint.ipv4));
  if (!endpoint.ipv6.empty() && !runner::is_ipv6(endpoint.ipv6))
    return fail(ErrorCode::kInvalid, "invalid IPv6 address: " + printable(endpoint.ipv6));
  if (!endpoint.mac.empty() && !runner::is_mac(endpoint.mac))
    return fail(ErrorCode::kInvalid, "invalid MAC address: " + printable(endpoint.mac));
  return endpoint;
}

Result<ContainerConfig> read_container_config(const Json& body) {
  ContainerConfig config;
  SLIP_TRY(read_process(body, config));
  SLIP_TRY(read_mounts(body, config));
  SLIP_TRY(read_ports(body["HostConfig"], config));
  SLIP_TRY(read_networks(body, config));
  SLIP_TRY(read_host_config(body["HostConfig"], config));
  return config;
}

}  // namespace slipway::web::docker_api
