// Writes the manifest of an image that was made here.
#include "cachestore/image/config_json.h"

namespace slipway::cachestore {
namespace {

Json descriptor_json(const Descriptor& descriptor) {
  return Json::object({{"mediaType", descriptor.media_type},
                       {"digest", descriptor.digest.str()},
                       {"size", descriptor.size}});
}

}  // namespace

std::string make_manifest(const Descriptor& config, const std::vector<Descriptor>& layers) {
  Json list = Json::array();
  for (const Descriptor& layer : layers) list.push(descriptor_json(layer));
  return Json::object({{"schemaVersion", 2},
                       {"mediaType", kManifestType},
                       {"config", descriptor_json(config)},
                       {"layers", std::move(list)}})
      .dump();
}

}  // namespace slipway::cachestore
