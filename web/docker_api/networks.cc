// Networks. Docker API v1.47, "Networks".
#include <algorithm>

#include "base/text.h"
#include "runner/docker_json.h"
#include "runner/network_members.h"
#include "runner/object_filters.h"
#include "web/docker_api/api.h"
#include "web/docker_api/container_config.h"

namespace slipway::web::docker_api {
namespace {

using sandbox::NetworkConfig;
using sandbox::NetworkInfo;

Json network_json(Call& call, const NetworkInfo& network) {
  return runner::network_json(network, runner::network_members(network, call.containers()));
}

// GET /networks: members are not told here; clients inspect for them.
Status list(Call& call) {
  const runner::Filters filters = SLIP_TRY(call.filters());
  SLIP_TRY(runner::check_network_filters(filters));
  Json::Array items;
  for (const NetworkInfo& network : SLIP_TRY(call.networks().list())) {
    if (runner::network_fits(network, filters)) items.push_back(runner::network_json(network, {}));
  }
  return call.json(200, Json(std::move(items)));
}

Error no_such_network(Error error, const std::string& name) {
  if (error.code() != ErrorCode::kNotFound) return error;
  return Error(ErrorCode::kNotFound, "network " + printable(name) + " not found");
}

// GET /networks/{id}
Status inspect(Call& call) {
  const auto network = call.networks().inspect(call.name());
  if (!network) return fail(no_such_network(network.error().clone(), call.name()));
  return call.json(200, network_json(call, *network));
}

Result<NetworkConfig> read_network(const Json& body) {
  NetworkConfig config;
  config.name = body["Name"].string_or("");
  const std::string driver(body["Driver"].string_or("bridge"));
  bool known = driver.empty();
  for (const auto one : {sandbox::NetworkDriver::kBridge, sandbox::NetworkDriver::kMacvlan,
                         sandbox::NetworkDriver::kIpvlan, sandbox::NetworkDriver::kOverlay}) {
    if (runner::driver_name(one) != driver) continue;
    config.driver = one;
    known = true;
  }
  if (!known)
    return fail(ErrorCode::kNotFound,
                "plugin \"" + printable(driver) +
                    "\" not found: bridge, macvlan, ipvlan and overlay are known");
  for (const Json& json : body["IPAM"]["Config"].items()) {
    config.subnets.push_back({std::string(json["Subnet"].string_or("")),
                              std::string(json["Gateway"].string_or("")),
                              std::string(json["IPRange"].string_or(""))});
  }
  config.internal = body["Internal"].bool_or(false);
  config.ipv6 = body["EnableIPv6"].bool_or(false);
  config.attachable = body["Attachable"].bool_or(false) || config.attachable;
  config.labels = string_pairs(body["Labels"]);
  for (auto& option : string_pairs(body["Options"])) {
    // Ours are said by options, too, because docker's body has no place for them.
    if (option.first == "slipway.peers") {
      for (const std::string_view peer : split(option.second, ','))
        config.peers.push_back({std::string(trim(peer))});
    } else {
      config.options.push_back(std::move(option));
    }
  }
  return config;
}

// POST /networks/create
Status create(Call& call) {
  const Json body = SLIP_TRY(call.body());
  const NetworkConfig config = SLIP_TRY(read_network(body));
  const NetworkInfo made = SLIP_TRY(call.networks().create(config));
  return call.json(201, Json::object({{"Id", made.id}, {"Warning", ""}}));
}

// DELETE /networks/{id}
Status remove(Call& call) {
  Status removed = call.networks().remove(call.name());
  if (!removed) return fail(no_such_network(std::move(removed).error(), call.name()));
  return call.empty(204);
}

// POST /networks/{id}/connect
Status connect(Call& call) {
  const Json body = SLIP_TRY(call.body());
  const NetworkInfo network = SLIP_TRY(call.networks().inspect(call.name()));
  const sandbox::EndpointConfig endpoint =
      SLIP_TRY(read_endpoint(network.config.name, body["EndpointConfig"]));
  SLIP_TRY(call.containers().connect(std::string(body["Container"].string_or("")), endpoint));
  return call.empty(200);
}

// POST /networks/{id}/disconnect
Status disconnect(Call& call) {
  const Json body = SLIP_TRY(call.body());
  const NetworkInfo network = SLIP_TRY(call.networks().inspect(call.name()));
  SLIP_TRY(call.containers().disconnect(std::string(body["Container"].string_or("")),
                                        network.config.name, body["Force"].bool_or(false)));
  return call.empty(200);
}

// POST /networks/prune
Status prune(Call& call) {
  const runner::Filters filters = SLIP_TRY(call.filters());
  const runner::PruneFilter filter = SLIP_TRY(runner::prune_filter(filters, real_clock().wall()));
  Json::Array deleted;
  for (const NetworkInfo& network : SLIP_TRY(call.networks().list())) {
    if (runner::is_builtin(network) || !network.containers.empty()) continue;
    if (!filter.fits(network.config.labels, network.created)) continue;
    if (call.networks().remove(network.id)) deleted.emplace_back(network.config.name);
  }
  return call.json(200, Json::object({{"NetworksDeleted", null_if_empty(std::move(deleted))}}));
}

}  // namespace

const std::vector<Route>& network_routes() {
  static const std::vector<Route> kRoutes{
      {"GET", "/networks", list},
      {"POST", "/networks/create", create},
      {"POST", "/networks/prune", prune, 25},
      {"GET", "/networks/{}", inspect},
      {"DELETE", "/networks/{}", remove},
      {"POST", "/networks/{}/connect", connect},
      {"POST", "/networks/{}/disconnect", disconnect},
  };
  return kRoutes;
}

}  // namespace slipway::web::docker_api
