// `image inspect` in Docker's shape. Spec: Docker API v1.43: GET /images/{name}/json.
#include "cachestore/image/config_json.h"
#include "cachestore/image/image_access.h"

namespace slipway::cachestore {
namespace {

Json digests_json(const std::vector<Digest>& digests) {
  Json list = Json::array();
  for (const Digest& digest : digests) list.push(digest.str());
  return list;
}

Json familiar_list(const std::vector<Reference>& names) {
  Json list = Json::array();
  for (const Reference& name : names) list.push(name.familiar());
  return list;
}

Json rootfs_json(const Image& image) {
  return Json::object({{"Type", "layers"}, {"Layers", digests_json(image.diff_ids)}});
}

// Docker shows the last step's remark when the document has none.
std::string comment_of(const ImageConfig& config) {
  if (!config.comment.empty() || config.history.empty()) return config.comment;
  return config.history.back().comment;
}

// What docker always has, null when the image does not say it, in front of the rest.
Json docker_config(const ImageConfig& config) {
  const Json set = runtime_json(config);
  Json json = Json::object();
  json.set("User", config.user);
  for (const char* name : {"Env", "Cmd", "Volumes"}) json.set(name, set[name]);
  json.set("WorkingDir", config.working_dir);
  for (const char* name : {"Entrypoint", "OnBuild", "Labels"}) json.set(name, set[name]);
  for (const auto& [name, value] : set.members()) json.set(name, value);
  return json;
}

}  // namespace

Result<Json> Store::inspect_image(const std::string& name_or_id) {
  const Image image = SLIP_TRY(this->image(name_or_id));
  const ImageConfig& config = image.config;
  Json json = Json::object();
  json.set("Id", image.id.str());
  json.set("RepoTags", familiar_list(image.names));
  json.set("RepoDigests", familiar_list(image.digests));
  json.set("Parent", image.parent ? image.parent->str() : "");
  json.set("Comment", comment_of(config));
  json.set("Created", format_nanos(config.created));
  json.set("DockerVersion", config.extra["docker_version"].string_or(""));
  json.set("Author", config.author);
  json.set("Architecture", config.architecture);
  if (!config.variant.empty()) json.set("Variant", config.variant);
  json.set("Os", config.os);
  if (!config.os_version.empty()) json.set("OsVersion", config.os_version);
  json.set("Size", image.size.value);
  json.set("Config", docker_config(config));
  json.set("RootFS", rootfs_json(image));
  json.set("Metadata", Json::object({{"LastTagTime", format_nanos(image.imported)}}));
  return json;
}

}  // namespace slipway::cachestore
