// Writes the manifest of an image that was made here.
#include <array>

#include "cachestore/image/config_json.h"

namespace slipway::cachestore {
namespace {

Json descriptor_json(const Descriptor& descriptor) {
  return Json::object({{"mediaType", descriptor.media_type},
                       {"digest", descriptor.digest.str()},
                       {"size", descriptor.size}});
}

struct LayerType {
  std::string_view docker;
  std::string_view oci;
};
// Spec: Docker image manifest v2.2, "Media Types"; OCI image-spec, media-types.md "Compatibility Matrix".
constexpr std::array kLayerTypes = {
    LayerType{"application/vnd.docker.image.rootfs.diff.tar.gzip",
              "application/vnd.oci.image.layer.v1.tar+gzip"},
    LayerType{"application/vnd.docker.image.rootfs.diff.tar.zstd",
              "application/vnd.oci.image.layer.v1.tar+zstd"},
    LayerType{"application/vnd.docker.image.rootfs.diff.tar", kLayerType},
};

}  // namespace

Descriptor oci_descriptor(const Json& json) {
  Descriptor descriptor;
  descriptor.media_type = json["mediaType"].string_or(kLayerType);
  for (const LayerType& type : kLayerTypes) {
    if (descriptor.media_type == type.docker) descriptor.media_type = type.oci;
  }
  descriptor.digest = Digest::parse(json["digest"].string_or("")).value_or(Digest());
  descriptor.size = static_cast<std::uint64_t>(json["size"].int_or(0));
  return descriptor;
}

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
