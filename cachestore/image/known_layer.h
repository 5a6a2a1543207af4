#pragma once

#include <optional>
#include <string>

#include "base/cancel.h"
#include "cachestore/layer/decode.h"
#include "cachestore/snapshot/store_core.h"

namespace slipway::cachestore {

/// A layer blob whose unpacked snapshot is in the store.
struct KnownLayer {
  Digest blob;
  std::uint64_t blob_size = 0;
  Digest diff_id;
  Compression compression = Compression::kNone;
  Fd lease;  ///< Keeps the snapshot from being pruned.
};

/// Recognises an archive that was imported before: hashes it, but only when some layer has exactly its size. Leaves the
/// descriptor at its beginning when there is none; pipes are never known.
Result<std::optional<KnownLayer>> find_known_layer(StoreCore& core, int fd,
                                                   const std::string& source,
                                                   const CancelToken& cancel);

}  // namespace slipway::cachestore
