// Building. Docker API v1.47, "Image": POST /build and POST /build/prune. What a session (buildx) needs is not served:
// the docker command without that plugin sends its context here.
#include "base/text.h"
#include "base/units.h"
#include "runner/image_build.h"
#include "runner/option_values.h"
#include "web/docker_api/api.h"
#include "web/docker_api/container_config.h"
#include "web/docker_api/progress.h"
#include "web/docker_api/registry_auth.h"
#include "web/docker_api/streams.h"

namespace slipway::web::docker_api {
namespace {

constexpr JsonLimits kParameter{1 << 20, 8};

/// A query parameter that holds JSON; null when it is not given.
Result<Json> json_param(const Call& call, const std::string& name) {
  const std::string text = call.param(name);
  if (text.empty()) return Json();
  return SLIP_TRY_WITHIN("parameter " + name, parse_json(text, kParameter));
}

Result<std::vector<std::pair<std::string, std::string>>> pairs_param(const Call& call,
                                                                     const std::string& name) {
  const Json json = SLIP_TRY(json_param(call, name));
  std::vector<std::pair<std::string, std::string>> pairs;
  for (const auto& [key, value] : json.members()) {
    if (!value.is_null()) pairs.emplace_back(key, value.string_or(""));
  }
  return pairs;
}

Status refuse_what_is_not_served(const Call& call) {
  if (call.param("version") == "2" || !call.param("session").empty())
    return fail(ErrorCode::kUnsupported,
                "build with a BuildKit session: use the docker command without buildx "
                "(DOCKER_BUILDKIT=0), or "
                "`runner build`");
  if (call.flag("squash")) return fail(ErrorCode::kUnsupported, "build: squash is not supported");
  if (!call.param("outputs").empty())
    return fail(ErrorCode::kUnsupported,
                "build: outputs are not supported; use `runner build --output`");
  return {};
}

Result<runner::ImageBuild> read_build(const Call& call) {
  SLIP_TRY(refuse_what_is_not_served(call));
  runner::ImageBuild build;
  build.remote = call.param("remote");
  build.dockerfile = call.param("dockerfile");
  for (const std::string& tag : call.request().params("t")) {
    if (!tag.empty()) build.tags.push_back(tag);
  }
  build.args = SLIP_TRY(pairs_param(call, "buildargs"));
  build.labels = SLIP_TRY(pairs_param(call, "labels"));
  for (const std::string& list : call.request().params("extrahosts")) {
    for (const std::string_view text : split(list, ',')) {
      if (!text.empty())
        build.extra_hosts.push_back(SLIP_TRY(runner::parse_extra_host(std::string(text))));
    }
  }
  build.target = call.param("target");
  build.platform = call.param("platform");
  build.network = call.param("networkmode");
  build.no_cache = call.flag("nocache");
  build.pull = call.flag("pull");
  const auto memory = SLIP_TRY(call.number("memory"));
  const auto shm = SLIP_TRY(call.number("shmsize"));
  build.memory = memory && *memory > 0 ? static_cast<std::uint64_t>(*memory) : 0;
  build.shm_size = shm && *shm > 0 ? static_cast<std::uint64_t>(*shm) : 0;
  build.accounts = SLIP_TRY(accounts_of_config(call.request().header("x-registry-config")));
  return build;
}

void tell(JsonStream& out, const runner::ImageBuilt& built, const std::vector<std::string>& tags,
          bool quiet) {
  if (built.id.empty()) {
    const std::string text(trim(built.error));
    out.send(
        Json::object({{"errorDetail", Json::object({{"code", built.exit_code}, {"message", text}})},
                      {"error", text}}));
    return;
  }
  out.send(Json::object({{"aux", Json::object({{"ID", built.id}})}}));
  if (quiet) return out.send(Json::object({{"stream", built.id + "\n"}}));
  // Scripts and docker-py look for this line.
  out.send(Json::object({{"stream", "Successfully built " + built.id.substr(7, 12) + "\n"}}));
  for (const std::string& tag : tags) {
    const auto name = cachestore::Reference::parse(tag);
    out.send(Json::object(
        {{"stream", "Successfully tagged " + (name ? name->familiar() : tag) + "\n"}}));
  }
}

// POST /build
Status build(Call& call) {
  runner::ImageBuild wanted = SLIP_TRY(read_build(call));
  const bool quiet = call.flag("q");
  JsonStream out(call);
  const auto say = [&](std::string_view text) {
    if (!quiet) out.send(Json::object({{"stream", text}}));
  };
  const auto run = [&](int context) -> Status {
    wanted.context_fd = context;
    const runner::ImageBuilt built =
        SLIP_TRY(runner::build_image(call.engine().world, wanted, say, call.gone()));
    tell(out, built, wanted.tags, quiet);
    return {};
  };
  return out.end(wanted.remote.empty() ? body_to_pipe(call, run) : run(-1));
}

// POST /build/prune
Status prune(Call& call) {
  ByteCount keep;
  for (const char* name : {"keep-storage", "reserved-space"}) {
    if (const auto bytes = SLIP_TRY(call.number(name)); bytes && *bytes > 0)
      keep = ByteCount{static_cast<std::uint64_t>(*bytes)};
  }
  const auto collected = SLIP_TRY(call.store().collect(keep));
  return call.json(
      200, Json::object({{"CachesDeleted", Json()}, {"SpaceReclaimed", collected.freed.value}}));
}

}  // namespace

const std::vector<Route>& build_routes() {
  static const std::vector<Route> kRoutes{
      {"POST", "/build", build},
      {"POST", "/build/prune", prune, 31},
  };
  return kRoutes;
}

}  // namespace slipway::web::docker_api
