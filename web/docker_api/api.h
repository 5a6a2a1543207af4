#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "runner/docker_filters.h"
#include "runner/engine_world.h"
#include "web/http/exchange.h"

/// The Docker Engine API. Each handler names the page of the reference that it serves.
namespace slipway::web::docker_api {

// What docker's clients negotiate: the newest version whose fields are all told truthfully, and the oldest that paths
// may name. Docker API, "Versioned API".
inline constexpr int kNewestMinor = 47;
inline constexpr int kOldestMinor = 24;

/// What handlers work on; lives as long as the server.
struct Engine {
  runner::EngineWorld world;
  std::string host_name;
  bool rootless = false;
};

/// One call: the request, what its path names, and the answer.
class Call {
 public:
  Call(Engine& engine, Exchange& exchange, std::vector<std::string> names, int minor)
      : engine_(engine), exchange_(exchange), names_(std::move(names)), minor_(minor) {}

  sandbox::Containers& containers() const { return *engine_.world.containers; }
  sandbox::Networks& networks() const { return *engine_.world.networks; }
  sandbox::Volumes& volumes() const { return *engine_.world.volumes; }
  cachestore::Store& store() const { return *engine_.world.store; }
  Engine& engine() const { return engine_; }
  Exchange& exchange() const { return exchange_; }
  const Request& request() const { return exchange_.request(); }
  const CancelToken& gone() const { return exchange_.gone(); }
  /// What stands in the path for the pattern's n-th `{}`; decoded.
  const std::string& name(std::size_t index = 0) const { return names_.at(index); }
  int minor() const { return minor_; }  ///< 1.47: 47

  std::string param(std::string_view key) const { return request().param(key); }
  bool flag(std::string_view key, bool fallback = false) const {
    return request().flag(key, fallback);
  }
  /// kInvalid for what is no number.
  Result<std::optional<std::int64_t>> number(std::string_view key) const;
  /// Both shapes of `filters`: {"name": {"value": true}} and {"name": ["value"]}.
  Result<runner::Filters> filters() const;
  Result<Json> body() const;

  Status json(int status, const Json& body) const { return exchange_.answer_json(status, body); }
  Status empty(int status) const { return exchange_.answer_empty(status); }

 private:
  Engine& engine_;
  Exchange& exchange_;
  std::vector<std::string> names_;
  int minor_;
};

using Handler = Status (*)(Call& call);
struct Route {
  std::string_view method;
  std::string_view
      pattern;  ///< "/containers/{}/json"; `{...}` also takes slashes, for names of images.
  Handler handler;
  int since = kOldestMinor;  ///< Minor version of the API that brought it.
};

// One table a resource.
const std::vector<Route>& container_routes();
const std::vector<Route>& stream_routes();
const std::vector<Route>& file_routes();
const std::vector<Route>& exec_routes();
const std::vector<Route>& image_routes();
const std::vector<Route>& image_transfer_routes();
const std::vector<Route>& build_routes();
const std::vector<Route>& network_routes();
const std::vector<Route>& volume_routes();
const std::vector<Route>& system_routes();

/// Where docker says null rather than [].
inline Json null_if_empty(Json::Array items) {
  Json json;
  if (!items.empty()) json = Json(std::move(items));
  return json;
}

/// Finds the route and runs it; errors become docker's body and status.
void serve_call(Engine& engine, Exchange& exchange);
/// Docker's status of an error: some of ours mean something else there.
int status_of(const Error& error);
/// Docker's texts begin with a capital letter and know "No such container".
std::string message_of(const Error& error);

}  // namespace slipway::web::docker_api
