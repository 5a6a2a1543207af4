#pragma once

#include <string>

#include "cachestore/index/image_rows.h"
#include "cachestore/snapshot/store_core.h"

namespace slipway::cachestore {

/// What a user called an image: a name, a full id, an id prefix, or name@digest. (resolve.cc)
struct ImageMatch {
  ImageRow row;
  std::optional<std::string> name;  ///< Canonical, when it was found by name.
};
/// `doing` begins the error ("find image", "remove image").
Result<ImageMatch> resolve_image(StoreCore& core, Database& database, const std::string& doing,
                                 const std::string& name_or_id);
/// Row -> image: reads and verifies the config, finds every layer.
Result<Image> load_image(StoreCore& core, Database& database, const ImageRow& row);

/// An error within `doing`; a full disk is told with the directory where room is needed, whoever ran into it.
Error explain_failure(const StoreCore& core, Error error, const std::string& doing);

/// Unlinks the files of blobs whose rows were removed, unless they came back. (remove.cc)
Status drop_blob_files(StoreCore& core, const std::vector<Digest>& blobs);

/// A blob written to the yard under a fresh name, not yet placed. Unlinked unless placed.
/// (put_blob.cc)
class StagedBlob {
 public:
  static Result<StagedBlob> write(const StoreCore& core, std::string_view data);
  StagedBlob(StagedBlob&& other) noexcept;
  StagedBlob& operator=(StagedBlob&&) = delete;
  ~StagedBlob();
  /// Inside a transaction: renames into the blob store and records it.
  Status place(Database& database, std::int64_t now);
  const Digest& digest() const { return digest_; }
  std::uint64_t size() const { return size_; }

 private:
  explicit StagedBlob(const StoreCore& core) : core_(&core) {}
  const StoreCore* core_;
  std::string name_;
  Digest digest_;
  std::uint64_t size_ = 0;
};

}  // namespace slipway::cachestore
