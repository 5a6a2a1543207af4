// Containers: create, list, inspect and their life. Docker API v1.47, "Containers".
#include <set>

#include "base/text.h"
#include "runner/container_powers.h"
#include "runner/docker_json.h"
#include "runner/option_values.h"
#include "sandbox/volumes.h"
#include "web/docker_api/api.h"
#include "web/docker_api/container_config.h"

namespace slipway::web::docker_api {
namespace {

using sandbox::ContainerInfo;
using sandbox::ContainerStatus;

bool runs(const ContainerInfo& container) {
  const ContainerStatus status = container.state.status;
  return status == ContainerStatus::kRunning || status == ContainerStatus::kPaused ||
         status == ContainerStatus::kRestarting;
}

/// Clients look for exactly this text to pull and try again. Source: docker CLI, cli/command/container/create.go.
Error without_image(Error error, const std::string& image) {
  if (error.code() != ErrorCode::kNotFound || error.text().starts_with("no such container") ||
      error.text().find("image") == std::string::npos)
    return error;
  const auto name = cachestore::Reference::parse(image);
  return Error(ErrorCode::kNotFound, "no such image: " + (name ? name->familiar() : image));
}

// POST /containers/create
Status create(Call& call) {
  const Json body = SLIP_TRY(call.body());
  sandbox::ContainerConfig config = SLIP_TRY(read_container_config(body));
  sandbox::CreateOptions options{call.param("name")};
  if (!options.name.empty() && options.name.front() == '/') options.name.erase(0, 1);
  if (!options.name.empty() && !sandbox::valid_object_name(options.name))
    return fail(ErrorCode::kInvalid, "invalid container name (" + printable(options.name) +
                                         "), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed");
  runner::complete_powers(config);
  SLIP_TRY(runner::resolve_joined(config, call.containers()));
  const std::string image = config.image;
  auto id = call.containers().create(std::move(config), options);
  if (!id) return fail(without_image(std::move(id).error(), image));
  return call.json(201, Json::object({{"Id", *id}, {"Warnings", Json::array()}}));
}

std::optional<runner::ContainerSizes> sizes_of(Call& call, const std::string& id) {
  if (!call.flag("size")) return std::nullopt;
  const auto sizes = call.containers().sizes(id);
  return sizes ? std::optional(*sizes) : std::nullopt;
}

// GET /containers/json
Status list(Call& call) {
  const runner::Filters filters = SLIP_TRY(call.filters());
  const std::optional<std::int64_t> limit = SLIP_TRY(call.number("limit"));
  const bool all =
      call.flag("all") || (limit && *limit > 0) || runner::filters_ask_for_stopped(filters);
  const std::vector<ContainerInfo> known = SLIP_TRY(call.containers().list());
  const std::vector<ContainerInfo> found = SLIP_TRY(runner::filter_containers(known, filters));
  const WallTime now = real_clock().wall();
  Json::Array items;
  for (const ContainerInfo& container : found) {
    if (!all && !runs(container)) continue;
    if (limit && *limit > 0 && items.size() >= static_cast<std::size_t>(*limit)) break;
    items.push_back(runner::container_summary_json(container, now, sizes_of(call, container.id)));
  }
  return call.json(200, Json(std::move(items)));
}

// GET /containers/{id}/json
Status inspect(Call& call) {
  const ContainerInfo container = SLIP_TRY(call.containers().inspect(call.name()));
  return call.json(200, runner::container_inspect_json(container, sizes_of(call, container.id)));
}

std::optional<Millis> grace(const std::optional<std::int64_t>& seconds) {
  if (!seconds) return std::nullopt;
  // -1: for ever. A year is more than any machine stays up for one stop.
  constexpr std::int64_t kForEver = std::int64_t{365} * 86'400;
  return std::chrono::seconds(*seconds < 0 ? kForEver : std::min(*seconds, kForEver));
}

/// The command line makes exit codes 127 and 126 of these words. Source: docker CLI, cli/command/container/run.go.
Error without_command(Error error) {
  // Where in our plan it was is of no use to anybody there.
  const std::string plain = error.text().substr(0, error.text().rfind(" (step "));
  constexpr std::string_view kExec = "exec ";
  if (!plain.starts_with(kExec)) return error;
  const std::size_t colon = plain.find(": ");
  const std::string command = plain.substr(kExec.size(), colon - kExec.size());
  std::string cause = colon == std::string::npos ? "" : plain.substr(colon + 2);
  if (cause.starts_with("no such file") && command.find('/') == std::string::npos)
    cause = "executable file not found in $PATH";
  return Error(ErrorCode::kInvalid,
               "failed to create task for container: exec: \"" + command + "\": " + cause);
}

// POST /containers/{id}/start
Status start(Call& call) {
  Status started = call.containers().start(call.name());
  if (!started && started.error().code() == ErrorCode::kConflict) {
    const auto info = call.containers().inspect(call.name());
    if (info && info->state.status == ContainerStatus::kRunning) return call.empty(304);
  }
  if (!started && started.error().code() == ErrorCode::kInvalid)
    return fail(without_command(std::move(started).error()));
  SLIP_TRY(std::move(started));
  return call.empty(204);
}

// POST /containers/{id}/stop
Status stop(Call& call) {
  const auto seconds = SLIP_TRY(call.number("t"));
  const ContainerInfo container = SLIP_TRY(call.containers().inspect(call.name()));
  if (!runs(container)) return call.empty(304);
  if (const std::string signal = call.param("signal"); !signal.empty()) {
    const int number = SLIP_TRY(runner::parse_signal(signal));
    (void)call.containers().kill(container.id, number);
  }
  SLIP_TRY(call.containers().stop(container.id, grace(seconds)));
  return call.empty(204);
}

// POST /containers/{id}/restart
Status restart(Call& call) {
  const auto seconds = SLIP_TRY(call.number("t"));
  SLIP_TRY(call.containers().restart(call.name(), grace(seconds)));
  return call.empty(204);
}

// POST /containers/{id}/kill
Status kill(Call& call) {
  const std::string signal = call.param("signal");
  const int number = SLIP_TRY(runner::parse_signal(signal.empty() ? "KILL" : signal));
  SLIP_TRY(call.containers().kill(call.name(), number));
  return call.empty(204);
}

// POST /containers/{id}/pause, /unpause
Status pause(Call& call) {
  SLIP_TRY(call.containers().pause(call.name()));
  return call.empty(204);
}
Status unpause(Call& call) {
  SLIP_TRY(call.containers().unpause(call.name()));
  return call.empty(204);
}

// POST /containers/{id}/rename
Status rename(Call& call) {
  std::string name = call.param("name");
  if (!name.empty() && name.front() == '/') name.erase(0, 1);
  if (!sandbox::valid_object_name(name))
    return fail(ErrorCode::kInvalid, "invalid container name (" + printable(name) +
                                         "), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed");
  SLIP_TRY(call.containers().rename(call.name(), name));
  return call.empty(204);
}

// POST /containers/{id}/update
Status update(Call& call) {
  const Json body = SLIP_TRY(call.body());
  const ContainerInfo container = SLIP_TRY(call.containers().inspect(call.name()));
  const sandbox::Limits limits = SLIP_TRY(read_resources(body, container.config.limits));
  std::optional<sandbox::RestartPolicy> policy;
  if (!body["RestartPolicy"]["Name"].string_or("").empty())
    policy = SLIP_TRY(read_restart_policy(body["RestartPolicy"]));
  SLIP_TRY(call.containers().update(container.id, limits, policy));
  return call.json(200, Json::object({{"Warnings", Json()}}));
}

// DELETE /containers/{id}
Status remove(Call& call) {
  if (call.flag("link")) return fail(ErrorCode::kUnsupported, "remove link: there are no links");
  SLIP_TRY(call.containers().remove(call.name(), {call.flag("force"), call.flag("v")}));
  return call.empty(204);
}

// POST /containers/prune
Status prune(Call& call) {
  const runner::Filters filters = SLIP_TRY(call.filters());
  const runner::PruneFilter filter = SLIP_TRY(runner::prune_filter(filters, real_clock().wall()));
  Json::Array deleted;
  std::uint64_t freed = 0;
  for (const ContainerInfo& container : SLIP_TRY(call.containers().list())) {
    if (runs(container) || !filter.fits(container.config.labels, container.created)) continue;
    const auto sizes = call.containers().sizes(container.id);
    if (!call.containers().remove(container.id, {})) continue;  // it runs again, or is gone
    deleted.emplace_back(container.id);
    if (sizes) freed += sizes->first.value;
  }
  return call.json(200, Json::object({{"ContainersDeleted", null_if_empty(std::move(deleted))},
                                      {"SpaceReclaimed", freed}}));
}

}  // namespace

const std::vector<Route>& container_routes() {
  static const std::vector<Route> kRoutes{
      {"POST", "/containers/create", create},      {"GET", "/containers/json", list},
      {"POST", "/containers/prune", prune, 25},    {"GET", "/containers/{}/json", inspect},
      {"POST", "/containers/{}/start", start},     {"POST", "/containers/{}/stop", stop},
      {"POST", "/containers/{}/restart", restart}, {"POST", "/containers/{}/kill", kill},
      {"POST", "/containers/{}/pause", pause},     {"POST", "/containers/{}/unpause", unpause},
      {"POST", "/containers/{}/rename", rename},   {"POST", "/containers/{}/update", update},
      {"DELETE", "/containers/{}", remove},
  };
  return kRoutes;
}

}  // namespace slipway::web::docker_api
