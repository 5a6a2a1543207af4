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

}  // namespace

Result<Json> Store::inspect_image(const std::string& name_or_id) {
  const Image image = SLIP_TRY(this->image(name_or_id));
  Json json = Json::object();
  json.set("Id", image.id.str());
  json.set("RepoTags", familiar_list(image.names));
  json.set("RepoDigests", familiar_list(image.digests));
  json.set("Created", format_rfc3339(image.config.created));
  json.set("Architecture", image.config.architecture);
  json.set("Os", image.config.os);
  json.set("Size", image.size.value);
  json.set("Config", runtime_json(image.config));
  json.set("RootFS", rootfs_json(image));
  return json;
}

}  // namespace slipway::cachestore
