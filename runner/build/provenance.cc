// The SLSA predicate of a build.
#include "runner/build/provenance.h"

namespace slipway::runner {
namespace {

constexpr const char* kBuildType = "https://mobyproject.org/buildkit@v1";  // What scanners know.

void add_material(Json& materials, const std::string& uri, const Digest& digest) {
  for (const Json& known : materials.items()) {
    if (known["uri"].string_or("") == uri) return;
  }
  materials.push(
      Json::object({{"uri", uri}, {"digest", Json::object({{"sha256", digest.hex()}})}}));
}

Json materials_of(const std::vector<std::unique_ptr<PlatformBuild>>& builds) {
  Json materials{Json::Array{}};
  for (const auto& build : builds) {
    for (const auto& [stage, image] : build->base_images()) {
      const GraphStage& written = build->graph().stage(stage);
      add_material(materials,
                   "pkg:docker/" + written.base_name + "?platform=" + written.platform.str(),
                   image.manifest);
    }
  }
  return materials;
}

}  // namespace

Json make_provenance(const BuildState& state,
                     const std::vector<std::unique_ptr<PlatformBuild>>& builds) {
  const bool max = state.request.provenance.find("max") != std::string::npos;
  Json parameters = Json::object({{"frontend", "dockerfile.v0"}});
  Json args = Json::object();
  if (!state.request.target.empty()) args.set("target", state.request.target);
  if (max) {
    for (const auto& [name, value] : state.request.args)
      args.set("build-arg:" + name, state.mask.mask(value));
    for (const auto& [name, value] : state.request.labels) args.set("label:" + name, value);
  }
  parameters.set("args", args);
  const std::string finished = format_rfc3339(state.epoch.value_or(real_clock().wall()));
  const std::string started = format_rfc3339(state.epoch.value_or(state.started));
  Json json = Json::object();
  json.set("buildType", kBuildType);
  json.set("builder", Json::object({{"id", ""}}));
  json.set(
      "invocation",
      Json::object(
          {{"configSource", Json::object({{"entryPoint", state.context.dockerfile.path}})},
           {"parameters", parameters},
           {"environment", Json::object({{"platform", cachestore::Platform::host().str()}})}}));
  json.set("materials", materials_of(builds));
  // With a fixed epoch two builds are to give the same bytes.
  json.set("metadata",
           Json::object(
               {{"buildInvocationID", state.epoch ? "" : state.id},
                {"buildStartedOn", started},
                {"buildFinishedOn", finished},
                {"completeness",
                 Json::object({{"parameters", max}, {"environment", true}, {"materials", false}})},
                {"reproducible", state.epoch.has_value()}}));
  return json;
}

}  // namespace slipway::runner
