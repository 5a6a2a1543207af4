#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/cancel.h"
#include "base/digest.h"
#include "cachestore/image_archive.h"
#include "cachestore/layer/decode.h"
#include "cachestore/snapshot/store_core.h"

namespace slipway::cachestore {

/// A regular file of an image archive, put aside in a draft.
struct StagedEntry {
  std::string name;  ///< In the archive, cleaned.
  std::string file;  ///< Below the draft yard.
  Digest digest;
  std::uint64_t size = 0;
  Compression compression = Compression::kNone;  ///< By its first bytes.
};

/// An image archive taken apart: every file hashed and in a draft of its own name, links by name. Nothing of it is
/// believed yet, but that what lies below blobs/sha256/ has the digest it claims.
class StagedArchive {
 public:
  /// Reads all of it. kInvalid, kCorrupt or kExhausted name the archive and the entry.
  static Result<StagedArchive> read(StoreCore& core, const LoadRequest& request,
                                    const CancelToken& cancel);

  /// Through links; nullptr when there is no such file.
  const StagedEntry* find(std::string_view name) const;
  /// kInvalid: `X: there is no "blobs/…", which manifest.json names`.
  Result<const StagedEntry*> need(std::string_view name, std::string_view who) const;
  /// A document. kExhausted beyond `limit`.
  Result<std::string> text(const StagedEntry& entry, ByteCount limit) const;
  Result<Fd> open(const StagedEntry& entry) const;
  bool empty() const { return entries_.empty(); }

 private:
  class Reader;
  explicit StagedArchive(StoreCore& core) : core_(&core) {}

  StoreCore* core_;
  std::unique_ptr<DraftHandle> draft_;
  std::map<std::string, StagedEntry, std::less<>> entries_;
  std::map<std::string, std::string, std::less<>> links_;  ///< Name -> name, not yet checked.
};

}  // namespace slipway::cachestore
