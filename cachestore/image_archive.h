#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "base/cancel.h"
#include "base/digest.h"
#include "base/result.h"
#include "cachestore/reference.h"
#include "cachestore/store.h"

namespace slipway::cachestore {

/// Images as archives: what `docker save` and OCI image layouts hold. To pack a container's files (`export`), see
/// pack_layer() in cachestore/archive.h: a merged view is packed by it just as well.

enum class ArchiveFormat {
  kDocker,  ///< An OCI layout with docker's manifest.json, as docker 25 and later write: every reader takes it.
  kOci,  ///< An OCI layout only.
};

struct SaveRequest {
  std::vector<std::string> images;  ///< Names, ids, or a repository without a tag: all of its tags.
  ArchiveFormat format = ArchiveFormat::kDocker;
  int fd = -1;                                        ///< Borrowed; may be a pipe.
  std::string target;                                 ///< For messages.
  std::function<void(std::uint64_t bytes)> progress;  ///< After every piece.
};
struct Saved {
  std::vector<Digest> images;
  std::uint64_t bytes = 0;
};
/// Writes the images as one tar. The same images give the same bytes. Documents come first, then layers as they are
/// stored (compressed or not), each checked against its digest on the way; kCorrupt names one that is damaged. After an
/// error what was written is no archive.
Result<Saved> save_images(Store& store, const SaveRequest& request, const CancelToken& cancel);

struct LoadRequest {
  int fd = -1;         ///< Borrowed; tar, gzip, zstd by content. May be a pipe.
  std::string source;  ///< For messages: the file's name.
  std::function<void(const ImportProgress&)> progress;
};
struct LoadedImage {
  Digest id;
  std::vector<Reference> names;
  /// Names that meant other images before, with the ids of those.
  std::vector<std::pair<Reference, Digest>> replaced;
  bool changed = false;  ///< False: it was here with these names.
};
/// All images of a docker archive (of docker 1.10 and later, podman, skopeo) or of an OCI layout, or none. Every
/// digest, size and diff ID is checked. Of an index that offers several platforms the one for this machine is taken.
/// Memory does not grow with the archive. kInvalid or kCorrupt name the archive and what is wrong in it.
Result<std::vector<LoadedImage>> load_images(Store& store, const LoadRequest& request,
                                             const CancelToken& cancel);

}  // namespace slipway::cachestore
