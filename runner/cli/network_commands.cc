// network create, ls, rm, connect, disconnect, prune.
#include <algorithm>

#include "base/text.h"
#include "runner/cli/commands.h"
#include "runner/cli/console.h"
#include "runner/cli/container_world.h"
#include "runner/cli/create_request.h"
#include "runner/cli/image_session.h"
#include "runner/cli/list_output.h"
#include "runner/docker_filters.h"
#include "runner/docker_json.h"
#include "runner/object_filters.h"
#include "runner/option_values.h"
#include "sandbox/engine.h"

namespace slipway::runner {
namespace {

using sandbox::NetworkConfig;
using sandbox::NetworkDriver;
using sandbox::NetworkInfo;

Result<NetworkDriver> read_driver(const std::string& name) {
  for (const NetworkDriver driver : {NetworkDriver::kBridge, NetworkDriver::kMacvlan,
                                     NetworkDriver::kIpvlan, NetworkDriver::kOverlay}) {
    if (driver_name(driver) == name) return driver;
  }
  return bad_option("driver", name, "expected bridge, macvlan, ipvlan or overlay");
}

/// The n-th --gateway and --ip-range belong to the n-th --subnet.
Result<std::vector<sandbox::SubnetConfig>> read_subnets(const Invocation& invocation) {
  std::vector<sandbox::SubnetConfig> subnets;
  for (const std::string& subnet : invocation.list("subnet")) subnets.push_back({subnet, "", ""});
  const auto spread = [&](std::string_view option, auto member) -> Status {
    const std::vector<std::string>& values = invocation.list(option);
    if (values.size() > subnets.size())
      return bad_option(option, values.back(), "there is no --subnet for it");
    for (std::size_t i = 0; i < values.size(); ++i) subnets[i].*member = values[i];
    return {};
  };
  SLIP_TRY(spread("gateway", &sandbox::SubnetConfig::gateway));
  SLIP_TRY(spread("ip-range", &sandbox::SubnetConfig::ip_range));
  return subnets;
}

Result<NetworkConfig> read_network(const Invocation& invocation) {
  NetworkConfig config;
  config.name = invocation.operand(0);
  config.driver = SLIP_TRY(read_driver(invocation.value("driver", "bridge")));
  config.subnets = SLIP_TRY(read_subnets(invocation));
  config.internal = invocation.flag("internal");
  config.ipv6 = invocation.flag("ipv6");
  for (const std::string& text : invocation.list("label"))
    config.labels.push_back(parse_pair(text));
  for (const std::string& text : invocation.list("opt")) config.options.push_back(parse_pair(text));
  for (const std::string& text : invocation.list("peer")) {
    if (!is_ipv4(text) && !is_ipv6(text)) return bad_option("peer", text, "not an address");
    config.peers.push_back({text});
  }
  if (invocation.given("vni"))
    config.vni =
        static_cast<std::uint32_t>(SLIP_TRY(number_option(invocation, "vni", 1, (1 << 24) - 1)));
  if (config.driver != NetworkDriver::kOverlay && (!config.peers.empty() || config.vni != 0))
    return fail(ErrorCode::kInvalid, "options --peer and --vni go only with --driver overlay");
  return config;
}

Result<std::shared_ptr<sandbox::Networks>> open_networks(const Invocation& invocation) {
  const std::string root = state_dir(invocation);
  SLIP_TRY(sandbox::enter_engine_namespaces());
  return sandbox::Networks::open(root);
}

Status create_network(const Invocation& invocation) {
  const NetworkConfig config = SLIP_TRY(read_network(invocation));
  const auto networks = SLIP_TRY(open_networks(invocation));
  const NetworkInfo made = SLIP_TRY(networks->create(config));
  print_data(made.id + "\n");
  return {};
}

Status list_networks(const Invocation& invocation) {
  static const Json kHeadings = Json::object({{"ID", "NETWORK ID"},
                                              {"Name", "NAME"},
                                              {"Driver", "DRIVER"},
                                              {"Scope", "SCOPE"},
                                              {"IPv6", "IPV6"},
                                              {"Internal", "INTERNAL"},
                                              {"Labels", "LABELS"},
                                              {"CreatedAt", "CREATED AT"}});
  const Filters filters =
      SLIP_TRY_WITHIN("option --filter", parse_filters(invocation.list("filter")));
  SLIP_TRY(check_network_filters(filters));
  const auto networks = SLIP_TRY(open_networks(invocation));
  std::vector<NetworkInfo> all = SLIP_TRY(networks->list());
  std::sort(all.begin(), all.end(), [](const NetworkInfo& a, const NetworkInfo& b) {
    return a.config.name < b.config.name;
  });
  const bool whole = invocation.flag("no-trunc") || invocation.flag("json");
  std::vector<Json> entries;
  for (const NetworkInfo& network : all) {
    if (!network_fits(network, filters)) continue;
    entries.push_back(Json::object({{"ID", whole ? network.id : short_id(network.id)},
                                    {"Name", network.config.name},
                                    {"Driver", driver_name(network.config.driver)},
                                    {"Scope", "local"},
                                    {"IPv6", network.config.ipv6 ? "true" : "false"},
                                    {"Internal", network.config.internal ? "true" : "false"},
                                    {"Labels", labels_text(network.config.labels)},
                                    {"CreatedAt", local_time_text(network.created)}}));
  }
  return print_list(invocation, entries,
                    {"ID", "table {{.ID}}\t{{.Name}}\t{{.Driver}}\t{{.Scope}}", kHeadings});
}

int remove_networks(const Invocation& invocation) {
  const auto networks = open_networks(invocation);
  if (!networks) return report_error(networks.error(), invocation);
  int code = 0;
  for (const std::string& name : invocation.operands()) {
    const Status removed = (*networks)->remove(name);
    if (!removed && removed.error().code() == ErrorCode::kNotFound && invocation.flag("force"))
      continue;
    if (!removed)
      code = report_error(removed.error(), invocation);
    else
      print_data(name + "\n");
  }
  return code;
}

Status connect_container(const Invocation& invocation) {
  sandbox::EndpointConfig endpoint;
  endpoint.network = invocation.operand(0);
  endpoint.aliases = invocation.list("alias");
  endpoint.ipv4 = invocation.value("ip");
  endpoint.ipv6 = invocation.value("ip6");
  if (!endpoint.ipv4.empty() && !is_ipv4(endpoint.ipv4))
    return bad_option("ip", endpoint.ipv4, "not an IPv4 address");
  if (!endpoint.ipv6.empty() && !is_ipv6(endpoint.ipv6))
    return bad_option("ip6", endpoint.ipv6, "not an IPv6 address");
  ContainerWorld world = SLIP_TRY(open_world(invocation));
  return world.containers->connect(invocation.operand(1), endpoint);
}

Status disconnect_container(const Invocation& invocation) {
  ContainerWorld world = SLIP_TRY(open_world(invocation));
  return world.containers->disconnect(invocation.operand(1), invocation.operand(0),
                                      invocation.flag("force"));
}

Status prune_networks(const Invocation& invocation) {
  const Filters filters =
      SLIP_TRY_WITHIN("option --filter", parse_filters(invocation.list("filter")));
  const PruneFilter filter = SLIP_TRY(prune_filter(filters, real_clock().wall()));
  if (!invocation.flag("force") &&
      !confirmed("WARNING! This will remove all networks of your own without containers.\n"))
    return {};
  const auto networks = SLIP_TRY(open_networks(invocation));
  std::vector<std::string> removed;
  for (const NetworkInfo& network : SLIP_TRY(networks->list())) {
    if (is_builtin(network) || !network.containers.empty()) continue;
    if (!filter.fits(network.config.labels, network.created)) continue;
    const Status done = networks->remove(network.id);
    if (!done && (done.error().code() == ErrorCode::kConflict ||
                  done.error().code() == ErrorCode::kNotFound))
      continue;  // taken or removed meanwhile
    SLIP_TRY(Status(done));
    removed.push_back(network.config.name);
  }
  if (!removed.empty()) print_data("Deleted Networks:\n" + join(removed, "\n") + "\n");
  return {};
}

}  // namespace

int network_create_command(const Invocation& invocation) {
  return finish(create_network(invocation), invocation);
}
int network_list_command(const Invocation& invocation) {
  return finish(list_networks(invocation), invocation);
}
int network_remove_command(const Invocation& invocation) { return remove_networks(invocation); }
int network_connect_command(const Invocation& invocation) {
  return finish(connect_container(invocation), invocation);
}
int network_disconnect_command(const Invocation& invocation) {
  return finish(disconnect_container(invocation), invocation);
}
int network_prune_command(const Invocation& invocation) {
  return finish(prune_networks(invocation), invocation);
}

}  // namespace slipway::runner
