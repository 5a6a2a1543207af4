// Lists and small documents of docker's API: container summaries, networks, volumes, events, stats.
#include <algorithm>
#include <array>
#include <tuple>

#include "base/text.h"
#include "runner/cli/relative_time.h"
#include "runner/docker_json.h"

namespace slipway::runner {
namespace {

using sandbox::ContainerInfo;
using sandbox::ContainerStatus;
using sandbox::HealthState;

std::int64_t unix_seconds(WallTime time) {
  return std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count();
}

/// "3 minutes" of "3 minutes ago".
std::string duration_words(WallTime then, WallTime now) {
  std::string words = relative_time(then, now);
  if (words.ends_with(" ago")) words.resize(words.size() - 4);
  return words;
}

std::string running_text(const ContainerInfo& container, WallTime now) {
  std::string text = "Up " + duration_words(container.state.started, now);
  if (container.state.status == ContainerStatus::kPaused) return text + " (Paused)";
  switch (container.state.health.status) {
    case HealthState::Status::kStarting:
      return text + " (health: starting)";
    case HealthState::Status::kHealthy:
      return text + " (healthy)";
    case HealthState::Status::kUnhealthy:
      return text + " (unhealthy)";
    case HealthState::Status::kNone:
      break;
  }
  return text;
}

/// One published or exposed port, for sorting and joining.
struct PortLine {
  std::string protocol;
  std::string host;  ///< "0.0.0.0", "" for one that is only exposed.
  unsigned host_port = 0;
  unsigned container_port = 0;
  auto key() const { return std::tie(protocol, host, container_port, host_port); }
};

std::vector<PortLine> port_lines(const ContainerInfo& container) {
  std::vector<PortLine> lines;
  for (const sandbox::PublishedPort& port : container.ports) {
    const std::vector<std::string> hosts = port.host_ip.empty()
                                               ? std::vector<std::string>{"0.0.0.0", "::"}
                                               : std::vector<std::string>{port.host_ip};
    for (const std::string& host : hosts)
      lines.push_back(
          {std::string(protocol_name(port.protocol)), host, port.host_port, port.container_port});
  }
  for (const std::string& exposed : container.config.exposed_ports) {
    const auto parts = split(exposed, '/');
    const auto number = parse_int(parts[0]);
    const std::string protocol(parts.size() > 1 ? parts[1] : "tcp");
    if (!number) continue;
    const bool published = std::any_of(lines.begin(), lines.end(), [&](const PortLine& line) {
      return line.container_port == *number && line.protocol == protocol;
    });
    if (!published) lines.push_back({protocol, "", 0, static_cast<unsigned>(*number)});
  }
  std::sort(lines.begin(), lines.end(),
            [](const PortLine& a, const PortLine& b) { return a.key() < b.key(); });
  return lines;
}

std::string range_text(unsigned first, unsigned count) {
  const std::string text = std::to_string(first);
  return count == 1 ? text : text + "-" + std::to_string(first + count - 1);
}

std::string port_group_text(const PortLine& first, unsigned count) {
  const std::string inside = range_text(first.container_port, count) + "/" + first.protocol;
  if (first.host.empty()) return inside;
  const bool ipv6 = first.host.find(':') != std::string::npos;
  const std::string host = ipv6 ? "[" + first.host + "]" : first.host;
  return host + ":" + range_text(first.host_port, count) + "->" + inside;
}

Json cpu_stats_json(const sandbox::ContainerStats& stats) {
  return Json::object(
      {{"cpu_usage", Json::object({{"total_usage", stats.cpu_total_ns},
                                   {"usage_in_kernelmode", stats.cpu_system_ns},
                                   {"usage_in_usermode", stats.cpu_user_ns}})},
       {"system_cpu_usage", stats.system_ns},
       {"online_cpus", stats.online_cpus},
       {"throttling_data",
        Json::object({{"periods", 0}, {"throttled_periods", 0}, {"throttled_time", 0}})}});
}

}  // namespace

std::string status_text(const ContainerInfo& container, WallTime now) {
  const sandbox::ContainerState& state = container.state;
  const std::string ended =
      "(" + std::to_string(state.exit_code) + ") " + relative_time(state.finished, now);
  switch (state.status) {
    case ContainerStatus::kCreated:
      return "Created";
    case ContainerStatus::kRunning:
    case ContainerStatus::kPaused:
      return running_text(container, now);
    case ContainerStatus::kRestarting:
      return "Restarting " + ended;
    case ContainerStatus::kRemoving:
      return "Removal In Progress";
    case ContainerStatus::kDead:
      return "Dead";
    case ContainerStatus::kExited:
      break;
  }
  return state.finished == WallTime{} ? "Created" : "Exited " + ended;
}

// Docker CLI: formatter.DisplayablePorts joins neighbours to ranges.
std::string ports_text(const ContainerInfo& container) {
  const std::vector<PortLine> lines = port_lines(container);
  std::vector<std::string> texts;
  for (std::size_t i = 0; i < lines.size();) {
    unsigned count = 1;
    while (i + count < lines.size()) {
      const PortLine& next = lines[i + count];
      const bool follows = next.protocol == lines[i].protocol && next.host == lines[i].host &&
                           next.container_port == lines[i].container_port + count &&
                           (next.host.empty() || next.host_port == lines[i].host_port + count);
      if (!follows) break;
      ++count;
    }
    texts.push_back(port_group_text(lines[i], count));
    i += count;
  }
  return join(texts, ", ");
}

Json container_summary_json(const ContainerInfo& container, WallTime now,
                            const std::optional<ContainerSizes>& sizes) {
  Json::Array ports;
  for (const PortLine& line : port_lines(container)) {
    Json port = Json::object();
    if (!line.host.empty()) port.set("IP", line.host);
    port.set("PrivatePort", line.container_port);
    if (line.host_port != 0) port.set("PublicPort", line.host_port);
    port.set("Type", line.protocol);
    ports.push_back(std::move(port));
  }
  Json json = Json::object({{"Id", container.id},
                            {"Names", Json::array({"/" + container.name})},
                            {"Image", container.config.image},
                            {"ImageID", container.config.image_id},
                            {"Command", shell_join(container.argv)},
                            {"Created", unix_seconds(container.created)},
                            {"Ports", Json(std::move(ports))}});
  if (sizes) {
    json.set("SizeRw", sizes->first.value);
    json.set("SizeRootFs", sizes->second.value);
  }
  json.set("Labels", map_json(container.config.labels));
  json.set("State", sandbox::status_name(container.state.status));
  json.set("Status", status_text(container, now));
  json.set("HostConfig", Json::object({{"NetworkMode", container.config.network_mode}}));
  const Json inspect = container_inspect_json(container, {});
  json.set("NetworkSettings", Json::object({{"Networks", inspect["NetworkSettings"]["Networks"]}}));
  json.set("Mounts", mounts_json(container));
  return json;
}

std::string_view driver_name(sandbox::NetworkDriver driver) {
  constexpr std::array<std::string_view, 6> kWords{"bridge",  "host",   "null",
                                                   "macvlan", "ipvlan", "overlay"};
  return kWords.at(static_cast<std::size_t>(driver));
}

Json network_json(const sandbox::NetworkInfo& network, const std::vector<NetworkMember>& members) {
  Json::Array subnets;
  for (const sandbox::SubnetConfig& subnet : network.config.subnets) {
    Json one = Json::object({{"Subnet", subnet.subnet}});
    if (!subnet.ip_range.empty()) one.set("IPRange", subnet.ip_range);
    if (!subnet.gateway.empty()) one.set("Gateway", subnet.gateway);
    subnets.push_back(std::move(one));
  }
  Json containers = Json::object();
  for (const NetworkMember& member : members) {
    const sandbox::EndpointInfo& endpoint = member.endpoint;
    const auto with_prefix = [](const std::string& address, int prefix) {
      return address.empty() ? std::string() : address + "/" + std::to_string(prefix);
    };
    containers.set(
        member.container_id,
        Json::object({{"Name", member.container_name},
                      {"EndpointID", endpoint.endpoint_id},
                      {"MacAddress", endpoint.mac},
                      {"IPv4Address", with_prefix(endpoint.ipv4, endpoint.ipv4_prefix)},
                      {"IPv6Address", with_prefix(endpoint.ipv6, endpoint.ipv6_prefix)}}));
  }
  return Json::object({{"Name", network.config.name},
                       {"Id", network.id},
                       {"Created", docker_time(network.created)},
                       {"Scope", "local"},
                       {"Driver", driver_name(network.config.driver)},
                       {"EnableIPv4", true},
                       {"EnableIPv6", network.config.ipv6},
                       {"IPAM", Json::object({{"Driver", "default"},
                                              {"Options", Json()},
                                              {"Config", Json(std::move(subnets))}})},
                       {"Internal", network.config.internal},
                       {"Attachable", network.config.attachable},
                       {"Ingress", false},
                       {"ConfigFrom", Json::object({{"Network", ""}})},
                       {"ConfigOnly", false},
                       {"Containers", std::move(containers)},
                       {"Options", map_json(network.config.options)},
                       {"Labels", map_json(network.config.labels)}});
}

Json volume_docker_json(const sandbox::VolumeInfo& volume) {
  std::vector<std::pair<std::string, std::string>> labels = volume.labels;
  // Docker marks them so, and prune filters look for it.
  if (volume.anonymous) labels.emplace_back("com.docker.volume.anonymous", "");
  return Json::object({{"CreatedAt", docker_time(volume.created)},
                       {"Driver", "local"},
                       {"Labels", labels.empty() ? Json() : map_json(labels)},
                       {"Mountpoint", volume.path},
                       {"Name", volume.name},
                       {"Options", volume.options.empty() ? Json() : map_json(volume.options)},
                       {"Scope", "local"}});
}

Json event_json(const sandbox::ContainerEvent& event) {
  const auto nanos =
      std::chrono::duration_cast<std::chrono::nanoseconds>(event.time.time_since_epoch()).count();
  Json json = Json::object(
      {{"Type", event.type},
       {"Action", event.action},
       {"Actor", Json::object({{"ID", event.id}, {"Attributes", map_json(event.attributes)}})},
       {"scope", "local"},
       {"time", unix_seconds(event.time)},
       {"timeNano", static_cast<std::int64_t>(nanos)}});
  if (event.type == "container") {  // docker's older form, which some clients still read
    json.set("status", event.action);
    json.set("id", event.id);
    for (const auto& [name, value] : event.attributes) {
      if (name == "image") json.set("from", value);
    }
  }
  return json;
}

Json stats_json(const ContainerInfo& container, const sandbox::ContainerStats& now,
                const sandbox::ContainerStats& before) {
  Json networks = Json::object();
  for (const auto& network : now.networks) {
    networks.set(network.interface, Json::object({{"rx_bytes", network.rx_bytes},
                                                  {"rx_packets", network.rx_packets},
                                                  {"rx_errors", 0},
                                                  {"rx_dropped", network.rx_dropped},
                                                  {"tx_bytes", network.tx_bytes},
                                                  {"tx_packets", network.tx_packets},
                                                  {"tx_errors", 0},
                                                  {"tx_dropped", network.tx_dropped}}));
  }
  const Json io = Json::array(
      {Json::object({{"major", 0}, {"minor", 0}, {"op", "read"}, {"value", now.blkio_read}}),
       Json::object({{"major", 0}, {"minor", 0}, {"op", "write"}, {"value", now.blkio_written}})});
  return Json::object(
      {{"name", "/" + container.name},
       {"id", container.id},
       {"read", docker_time(now.read)},
       {"preread", docker_time(before.read)},
       {"num_procs", 0},
       {"pids_stats", Json::object({{"current", now.pids}, {"limit", now.pids_limit}})},
       {"blkio_stats", Json::object({{"io_service_bytes_recursive", io}})},
       {"storage_stats", Json::object()},
       {"cpu_stats", cpu_stats_json(now)},
       {"precpu_stats", cpu_stats_json(before)},
       {"memory_stats",
        Json::object({{"usage", now.memory.value},
                      {"max_usage", now.memory_peak.value},
                      {"stats", Json::object({{"inactive_file", now.memory_cache.value},
                                              {"cache", now.memory_cache.value}})},
                      {"limit", now.memory_limit.value}})},
       {"networks", std::move(networks)}});
}

}  // namespace slipway::runner
