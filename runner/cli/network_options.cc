// A container's networks, ports and names on the command line.
#include "runner/cli/network_options.h"

#include <algorithm>

#include "base/text.h"
#include "runner/cli/create_request.h"
#include "runner/option_values.h"

namespace slipway::runner {
namespace {

using sandbox::ContainerConfig;
using sandbox::EndpointConfig;

constexpr const char* kDefaultNetwork = "bridge";

/// What is no network of its own: nothing can be connected to it.
bool is_special(const std::string& mode) {
  return mode == "none" || mode == "host" || mode.starts_with("container:");
}

/// "web" or "name=web,alias=a,ip=10.0.0.2" (docker's advanced form).
Result<EndpointConfig> parse_network(const std::string& text) {
  EndpointConfig endpoint;
  if (text.find('=') == std::string::npos) {
    endpoint.network = text == "default" ? "bridge" : text;
    if (text.empty()) return bad_option("network", text, "the name is empty");
    return endpoint;
  }
  for (const std::string_view field : split(text, ',')) {
    const auto [key, value] = parse_pair(std::string(field));
    if (key == "name")
      endpoint.network = value;
    else if (key == "alias")
      endpoint.aliases.push_back(value);
    else if (key == "ip")
      endpoint.ipv4 = value;
    else if (key == "ip6")
      endpoint.ipv6 = value;
    else if (key == "mac-address")
      endpoint.mac = value;
    else
      return bad_option("network", text, "\"" + printable(key) + "\" is not possible here",
                        key == "driver-opt" || key == "gw-priority" || key == "link-local-ip"
                            ? ErrorCode::kUnsupported
                            : ErrorCode::kInvalid);
  }
  if (endpoint.network.empty()) return bad_option("network", text, "the name is missing");
  return endpoint;
}

Status check_endpoint(const EndpointConfig& endpoint) {
  if (!endpoint.ipv4.empty() && !is_ipv4(endpoint.ipv4))
    return bad_option("ip", endpoint.ipv4, "not an IPv4 address");
  if (!endpoint.ipv6.empty() && !is_ipv6(endpoint.ipv6))
    return bad_option("ip6", endpoint.ipv6, "not an IPv6 address");
  if (!endpoint.mac.empty() && !is_mac(endpoint.mac))
    return bad_option("mac-address", endpoint.mac, "expected six pairs of hex digits");
  const bool fixed = !endpoint.aliases.empty() || !endpoint.ipv4.empty() || !endpoint.ipv6.empty();
  if (is_special(endpoint.network) && (fixed || !endpoint.mac.empty()))
    return bad_option("network", endpoint.network, "has no addresses and aliases of its own");
  if (endpoint.network == "bridge" && fixed)
    return bad_option(
        "network", endpoint.network,
        "addresses and aliases are for networks of your own (`runner network create`)");
  return {};
}

Status read_endpoints(const Invocation& invocation, ContainerConfig& config) {
  std::vector<EndpointConfig> endpoints;
  for (const std::string& text : invocation.list("network"))
    endpoints.push_back(SLIP_TRY(parse_network(text)));
  if (endpoints.empty()) endpoints.emplace_back().network = kDefaultNetwork;
  EndpointConfig& first = endpoints.front();
  for (const std::string& alias : invocation.list("network-alias")) first.aliases.push_back(alias);
  if (invocation.given("ip")) first.ipv4 = invocation.value("ip");
  if (invocation.given("ip6")) first.ipv6 = invocation.value("ip6");
  if (invocation.given("mac-address")) first.mac = invocation.value("mac-address");
  config.network_mode = first.network;
  for (const EndpointConfig& endpoint : endpoints) {
    SLIP_TRY(check_endpoint(endpoint));
    if (is_special(endpoint.network) && endpoints.size() > 1)
      return bad_option("network", endpoint.network, "goes not with other networks");
    const auto same = std::count_if(
        endpoints.begin(), endpoints.end(),
        [&](const EndpointConfig& other) { return other.network == endpoint.network; });
    if (same > 1) return bad_option("network", endpoint.network, "given twice");
  }
  const bool plain_bridge = endpoints.size() == 1 && first.network == "bridge" && first.mac.empty();
  if (!is_special(first.network) && !plain_bridge) config.endpoints = std::move(endpoints);
  return {};
}

Status read_ports(const Invocation& invocation, ContainerConfig& config) {
  for (const std::string& text : invocation.list("publish")) {
    for (const sandbox::PublishedPort& port :
         SLIP_TRY_WITHIN("option --publish", parse_published_ports(text))) {
      if (std::find(config.ports.begin(), config.ports.end(), port) == config.ports.end())
        config.ports.push_back(port);
    }
  }
  for (const std::string& text : invocation.list("expose")) {
    for (std::string& port : SLIP_TRY_WITHIN("option --expose", parse_exposed_ports(text)))
      config.exposed_ports.push_back(std::move(port));
  }
  config.publish_all = invocation.flag("publish-all");
  const bool joined = config.network_mode.starts_with("container:");
  if (joined && (!config.ports.empty() || config.publish_all || !config.exposed_ports.empty()))
    return bad_option("network", config.network_mode, "ports are published by that container");
  if (joined && invocation.given("hostname"))
    return bad_option("network", config.network_mode, "the host name is that container's");
  return {};
}

}  // namespace

Status read_networking(const Invocation& invocation, ContainerConfig& config) {
  SLIP_TRY(read_endpoints(invocation, config));
  SLIP_TRY(read_ports(invocation, config));
  for (const std::string& text : invocation.list("add-host"))
    config.extra_hosts.push_back(SLIP_TRY_WITHIN("option --add-host", parse_extra_host(text)));
  for (const std::string& text : invocation.list("dns")) {
    if (!is_ipv4(text) && !is_ipv6(text)) return bad_option("dns", text, "not an address");
    config.dns.push_back(text);
  }
  config.dns_search = invocation.list("dns-search");
  config.dns_options = invocation.list("dns-option");
  for (const std::string_view option : {"dns-search", "dns-option"}) {
    for (const std::string& text : invocation.list(option)) {
      if (text.empty() || text.find_first_of(" \t\r\n") != std::string::npos)
        return bad_option(option, text, "expected one word");
    }
  }
  return {};
}

}  // namespace slipway::runner
