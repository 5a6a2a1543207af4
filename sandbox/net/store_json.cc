// Networks, endpoints and published ports as JSON.
#include <algorithm>

#include "sandbox/net/store.h"

namespace slipway::sandbox::net {
namespace {

constexpr std::pair<NetworkDriver, std::string_view> kDrivers[] = {
    {NetworkDriver::kBridge, "bridge"}, {NetworkDriver::kHost, "host"},
    {NetworkDriver::kNone, "null"},     {NetworkDriver::kMacvlan, "macvlan"},
    {NetworkDriver::kIpvlan, "ipvlan"}, {NetworkDriver::kOverlay, "overlay"},
};

using Pairs = std::vector<std::pair<std::string, std::string>>;

Json pairs_to_json(const Pairs& pairs) {
  Json::Array items;
  for (const auto& [name, value] : pairs) items.push_back(Json::array({name, value}));
  return Json(std::move(items));
}
Pairs pairs_from_json(const Json& json) {
  Pairs pairs;
  for (const Json& item : json.items()) {
    if (item.items().size() != 2) continue;
    pairs.emplace_back(item.items()[0].string_or(""), item.items()[1].string_or(""));
  }
  return pairs;
}
Json texts_to_json(const std::vector<std::string>& texts) {
  return Json(Json::Array(texts.begin(), texts.end()));
}
std::vector<std::string> texts_from_json(const Json& json) {
  std::vector<std::string> texts;
  for (const Json& item : json.items()) texts.emplace_back(item.string_or(""));
  return texts;
}
std::string text_of(const Json& json, std::string_view name) {
  return std::string(json[name].string_or(""));
}

}  // namespace

std::string_view driver_name(NetworkDriver driver) {
  for (const auto& [value, name] : kDrivers) {
    if (value == driver) return name;
  }
  return "";
}

std::string option_of(const NetworkConfig& config, std::string_view name) {
  for (const auto& [key, value] : config.options) {
    if (key == name) return value;
  }
  return "";
}

Json network_to_json(const NetworkInfo& network) {
  const NetworkConfig& config = network.config;
  Json::Array subnets, peers;
  for (const SubnetConfig& subnet : config.subnets) {
    subnets.push_back(Json::object(
        {{"subnet", subnet.subnet}, {"gateway", subnet.gateway}, {"ip_range", subnet.ip_range}}));
  }
  for (const OverlayPeer& peer : config.peers) peers.emplace_back(peer.address);
  return Json::object({{"id", network.id},
                       {"name", config.name},
                       {"driver", driver_name(config.driver)},
                       {"created_us", std::chrono::duration_cast<std::chrono::microseconds>(
                                          network.created.time_since_epoch())
                                          .count()},
                       {"bridge", network.bridge},
                       {"subnets", Json(std::move(subnets))},
                       {"internal", config.internal},
                       {"ipv6", config.ipv6},
                       {"attachable", config.attachable},
                       {"labels", pairs_to_json(config.labels)},
                       {"options", pairs_to_json(config.options)},
                       {"peers", Json(std::move(peers))},
                       {"vni", config.vni}});
}

Result<NetworkInfo> network_from_json(const Json& json) {
  NetworkInfo network;
  NetworkConfig& config = network.config;
  network.id = text_of(json, "id");
  config.name = text_of(json, "name");
  const std::string_view driver = json["driver"].string_or("");
  const auto* known = std::find_if(std::begin(kDrivers), std::end(kDrivers),
                                   [&](const auto& row) { return row.second == driver; });
  if (network.id.empty() || config.name.empty() || known == std::end(kDrivers))
    return fail(ErrorCode::kCorrupt, "read network: id, name or driver is missing");
  config.driver = known->first;
  network.created = WallTime(std::chrono::microseconds(json["created_us"].int_or(0)));
  network.bridge = text_of(json, "bridge");
  for (const Json& subnet : json["subnets"].items()) {
    config.subnets.push_back(
        {text_of(subnet, "subnet"), text_of(subnet, "gateway"), text_of(subnet, "ip_range")});
  }
  config.internal = json["internal"].bool_or(false);
  config.ipv6 = json["ipv6"].bool_or(false);
  config.attachable = json["attachable"].bool_or(true);
  config.labels = pairs_from_json(json["labels"]);
  config.options = pairs_from_json(json["options"]);
  for (const std::string& peer : texts_from_json(json["peers"])) config.peers.push_back({peer});
  config.vni = static_cast<std::uint32_t>(json["vni"].int_or(0));
  return network;
}

Json endpoint_to_json(const EndpointRecord& endpoint) {
  const EndpointInfo& info = endpoint.info;
  return Json::object({{"network", info.network},
                       {"network_id", info.network_id},
                       {"endpoint_id", info.endpoint_id},
                       {"interface", info.interface},
                       {"mac", info.mac},
                       {"ipv4", info.ipv4},
                       {"ipv4_prefix", info.ipv4_prefix},
                       {"gateway", info.gateway},
                       {"ipv6", info.ipv6},
                       {"ipv6_prefix", info.ipv6_prefix},
                       {"ipv6_gateway", info.ipv6_gateway},
                       {"aliases", texts_to_json(info.aliases)},
                       {"container_id", endpoint.client.container_id},
                       {"container_name", endpoint.client.container_name},
                       {"hostname", endpoint.client.hostname},
                       {"link", endpoint.link}});
}

EndpointRecord endpoint_from_json(const Json& json) {
  EndpointRecord endpoint;
  EndpointInfo& info = endpoint.info;
  info.network = text_of(json, "network");
  info.network_id = text_of(json, "network_id");
  info.endpoint_id = text_of(json, "endpoint_id");
  info.interface = text_of(json, "interface");
  info.mac = text_of(json, "mac");
  info.ipv4 = text_of(json, "ipv4");
  info.ipv4_prefix = static_cast<int>(json["ipv4_prefix"].int_or(0));
  info.gateway = text_of(json, "gateway");
  info.ipv6 = text_of(json, "ipv6");
  info.ipv6_prefix = static_cast<int>(json["ipv6_prefix"].int_or(0));
  info.ipv6_gateway = text_of(json, "ipv6_gateway");
  info.aliases = texts_from_json(json["aliases"]);
  endpoint.client = {text_of(json, "container_id"), text_of(json, "container_name"),
                     text_of(json, "hostname")};
  endpoint.link = text_of(json, "link");
  return endpoint;
}

}  // namespace slipway::sandbox::net
