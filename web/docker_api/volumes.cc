// Volumes. Docker API v1.47, "Volumes".
#include "base/text.h"
#include "runner/docker_json.h"
#include "runner/object_filters.h"
#include "web/docker_api/api.h"
#include "web/docker_api/container_config.h"

namespace slipway::web::docker_api {
namespace {

using sandbox::VolumeInfo;

// GET /volumes
Status list(Call& call) {
  const runner::Filters filters = SLIP_TRY(call.filters());
  SLIP_TRY(runner::check_volume_filters(filters));
  Json::Array items;
  for (const VolumeInfo& volume : SLIP_TRY(call.volumes().list())) {
    if (runner::volume_fits(volume, filters)) items.push_back(runner::volume_docker_json(volume));
  }
  return call.json(200, Json::object({{"Volumes", Json(std::move(items))}, {"Warnings", Json()}}));
}

Error no_such_volume(Error error, const std::string& name) {
  if (error.code() != ErrorCode::kNotFound) return error;
  return Error(ErrorCode::kNotFound, "get " + printable(name) + ": no such volume");
}

// GET /volumes/{name}
Status inspect(Call& call) {
  const auto volume = call.volumes().inspect(call.name());
  if (!volume) return fail(no_such_volume(volume.error().clone(), call.name()));
  return call.json(200, runner::volume_docker_json(*volume));
}

// POST /volumes/create
Status create(Call& call) {
  const Json body = SLIP_TRY(call.body());
  const std::string driver(body["Driver"].string_or("local"));
  if (!driver.empty() && driver != "local")
    return fail(ErrorCode::kNotFound,
                "volume driver \"" + printable(driver) + "\" not found: only local is known");
  const VolumeInfo made = SLIP_TRY(
      call.volumes().create({std::string(body["Name"].string_or("")), string_pairs(body["Labels"]),
                             string_pairs(body["DriverOpts"])}));
  return call.json(201, runner::volume_docker_json(made));
}

// DELETE /volumes/{name}
Status remove(Call& call) {
  Status removed = call.volumes().remove(call.name(), call.flag("force"));
  if (!removed && call.flag("force") && removed.error().code() == ErrorCode::kNotFound)
    return call.empty(204);
  if (!removed) return fail(no_such_volume(std::move(removed).error(), call.name()));
  return call.empty(204);
}

// POST /volumes/prune: since 1.42 only anonymous ones, unless the filter all=true.
Status prune(Call& call) {
  runner::Filters filters = SLIP_TRY(call.filters());
  bool all = call.minor() < 42;
  if (const auto found = filters.find("all"); found != filters.end()) {
    const std::string value = found->second.empty() ? "" : found->second.back();
    all = value == "true" || value == "1";
    filters.erase(found);
  }
  const runner::PruneFilter filter = SLIP_TRY(runner::prune_filter(filters, real_clock().wall()));
  const auto pruned = SLIP_TRY(call.volumes().prune([&](const VolumeInfo& volume) {
    return (all || volume.anonymous) && filter.fits(volume.labels, volume.created);
  }));
  return call.json(200, Json::object({{"VolumesDeleted", runner::list_or_null(pruned.names)},
                                      {"SpaceReclaimed", pruned.freed.value}}));
}

}  // namespace

const std::vector<Route>& volume_routes() {
  static const std::vector<Route> kRoutes{
      {"GET", "/volumes", list},
      {"POST", "/volumes/create", create},
      {"POST", "/volumes/prune", prune, 25},
      {"GET", "/volumes/{}", inspect},
      {"DELETE", "/volumes/{}", remove},
  };
  return kRoutes;
}

}  // namespace slipway::web::docker_api
