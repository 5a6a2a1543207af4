#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/digest.h"
#include "base/fd.h"
#include "base/result.h"
#include "base/units.h"

namespace slipway::cachestore {

/// <root>/blobs/sha256: files named by what they contain. Knows nothing of the index: whoever calls
/// place() also records the blob, in the same transaction. Spec: OCI image-spec, image-layout.md.
class BlobStore {
 public:
  static Result<BlobStore> open(const std::string& root, int root_fd);

  /// Renames a finished file (same file system) to its digest's name. A blob that exists already
  /// stays.
  Status place(int from_dir, const std::string& from_name, const Digest& digest) const;
  /// Makes earlier renames survive a power cut.
  Status sync_names() const;
  /// The whole blob, verified. kNotFound, kCorrupt, or kExhausted beyond `limit`.
  Result<std::string> read(const Digest& digest, ByteCount limit) const;
  bool has(const Digest& digest) const;
  void remove(const Digest& digest) const;

  int fd() const { return fd_.get(); }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
  Fd fd_;
};

}  // namespace slipway::cachestore
