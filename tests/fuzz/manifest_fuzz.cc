// Any text as a manifest, under any name a registry gives it: never a crash, never more than the bounds, one kind only.
#include <cstdint>
#include <cstdlib>

#include "cachestore/image/config_json.h"
#include "cachestore/transfer/manifest.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace slipway::cachestore;
  if (size == 0) return 0;
  static const std::string kNames[] = {"",
                                       "application/json; charset=utf-8",
                                       std::string(kManifestType),
                                       std::string(kIndexType),
                                       std::string(kDockerManifestType),
                                       std::string(kDockerListType),
                                       "application/vnd.docker.distribution.manifest.v1+json"};
  const std::string& name = kNames[data[0] % std::size(kNames)];
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  const auto document = parse_manifest(text, name, "fuzz");
  if (!document) return 0;
  if (const auto* manifest = std::get_if<ImageManifest>(&*document)) {
    if (manifest->layers.size() > kMaxLayers || is_index_type(manifest->media_type)) std::abort();
    for (const auto& layer : manifest->layers) (void)layer_form(layer);
    return 0;
  }
  const auto& index = std::get<ImageIndex>(*document);
  if (index.entries.size() > kMaxIndexEntries || !is_index_type(index.media_type)) std::abort();
  for (const IndexEntry& entry : index.entries) {
    for (const IndexEntry* one : choose(index, entry.platform)) {
      if (one->has_platform && !platform_distance(entry.platform, one->platform)) std::abort();
    }
    const Platform once = normalized(entry.platform);
    if (normalized(once) != once) std::abort();
  }
  return 0;
}
