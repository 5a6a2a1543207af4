#pragma once

#include <functional>
#include <string>

#include "base/cancel.h"
#include "base/digest.h"
#include "cachestore/archive.h"
#include "cachestore/layer/apply.h"
#include "cachestore/layer/decode.h"
#include "cachestore/layer/overlay_format.h"

namespace slipway::cachestore {

/// One archive, unpacked while it is read, hashed and copied.
struct ApplyRequest {
  int fd = -1;
  std::string source;
  int target_fd = -1;
  UnpackPolicy policy = UnpackPolicy::kLayer;
  OverlayXattrs xattrs = OverlayXattrs::kTrusted;
  LayerLimits limits;
  WriteBack write_back = WriteBack::kLater;
  RareForms rare = RareForms::kNo;
  int tee_fd = -1;  ///< Receives the bytes as they came; -1: none, and no digests.
  std::string tee_name;
  std::function<void(std::uint64_t bytes_read, std::uint64_t entries)> progress;
};
struct Applied {
  UnpackStats stats;
  Compression compression = Compression::kNone;
  Digest blob;  ///< Of the bytes as they came.
  std::uint64_t blob_size = 0;
  Digest diff_id;  ///< Of the plain tar.
};
Result<Applied> apply_archive(const ApplyRequest& request, const CancelToken& cancel);

/// The same from any source, which must obey `stop`: it is fired when the archive ends early. `fd`, the copy, the
/// blob's digest and request.progress are the caller's business. The plain tar is hashed unless the archive is one.
enum class HashPlain { kNo, kYes };
Result<Applied> apply_source(ByteSource& raw, const ApplyRequest& request, HashPlain hash,
                             const std::function<void(const UnpackStats&)>& progress,
                             const CancelToken& stop);

}  // namespace slipway::cachestore
