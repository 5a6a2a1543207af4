#pragma once

#include <string>

#include "cachestore/transfer/manifest.h"

namespace slipway::cachestore {

/// The image manifest that a name means for one platform, as received.
struct ChosenManifest {
  ImageManifest manifest;
  Digest digest;
  std::string bytes;
};

/// Fetches `digest` of `from`'s repository and, when it is an index, the manifest in it that suits `platform`. Every
/// document is checked against digest, size and media type of what pointed to it. kNotFound lists the platforms there
/// are.
Result<ChosenManifest> resolve_manifest(Registry& registry, const Reference& from,
                                        const Digest& digest, const Platform& platform,
                                        const CancelToken& cancel);

/// A small blob, verified.
Result<std::string> fetch_small_blob(Registry& registry, const Reference& from,
                                     const RemoteDescriptor& blob, ByteCount limit,
                                     const CancelToken& cancel);

}  // namespace slipway::cachestore
