#pragma once

#include <cstdint>
#include <string>

#include "base/cancel.h"
#include "base/digest.h"
#include "base/result.h"
#include "cachestore/store.h"

namespace slipway::cachestore {

/// Layers as blobs in files, for those who put manifests together themselves (cachestore/transfer.h pushes images, and
/// cachestore/image_archive.h saves them, without that).

enum class BlobForm {
  kKeep,  ///< As it was pulled or imported; gzip for what was made here.
  kTar,
  kGzip,
  kZstd,
};
struct LayerBlob {
  std::string media_type;  ///< OCI's.
  Digest digest;
  std::uint64_t size = 0;
  Digest diff_id;  ///< Of the plain tar.
};
/// Layer `index` (bottom is 0) of an image of the store. The same layer gives the same bytes everywhere. kCorrupt: it
/// does not give its diff ID any more.
Result<LayerBlob> write_layer_blob(Store& store, const Image& image, std::size_t index,
                                   BlobForm form, int out_fd, const CancelToken& cancel);
/// What a directory (a snapshot's `fs`) holds; kKeep is gzip.
Result<LayerBlob> write_directory_blob(int dir_fd, BlobForm form, int out_fd,
                                       const CancelToken& cancel);

}  // namespace slipway::cachestore
