#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/cancel.h"
#include "base/digest.h"
#include "base/json.h"
#include "base/result.h"
#include "cachestore/layer_blob.h"
#include "cachestore/registry.h"
#include "cachestore/store.h"

namespace slipway::runner {

constexpr const char* kOciManifest = "application/vnd.oci.image.manifest.v1+json";
constexpr const char* kOciIndex = "application/vnd.oci.image.index.v1+json";
constexpr const char* kOciConfig = "application/vnd.oci.image.config.v1+json";

/// Spec: OCI image-spec, descriptor.md.
struct OciDescriptor {
  std::string media_type;
  Digest digest;
  std::uint64_t size = 0;
  Json platform;     ///< Null or an object.
  Json annotations;  ///< Likewise.
  std::string artifact_type;
  Json json() const;
};

/// An OCI image layout being put together in the store's temporary files, and its ways out: a tar, a directory, a
/// registry. Spec: OCI image-spec, image-layout.md.
class OciLayout {
 public:
  static Result<OciLayout> make(cachestore::Store& store);

  Result<OciDescriptor> add_text(const std::string& media_type, std::string_view text);
  /// `write` fills a new file. Nothing is kept twice.
  using Writer = std::function<Result<cachestore::LayerBlob>(int fd)>;
  Result<OciDescriptor> add_blob(const Writer& write);
  Result<std::string> read(const Digest& digest) const;  ///< A document.

  /// What index.json names. `docker` is manifest.json, if wanted.
  Status finish(const std::vector<OciDescriptor>& entries, const std::string& docker);
  /// The same content gives the same bytes: sorted names, no times.
  Status write_tar(int fd, const CancelToken& cancel) const;
  /// Into a directory that need not exist; blobs that it holds already stay, index.json is replaced.
  Status write_directory(const std::string& path, const CancelToken& cancel) const;
  /// `manifest` with everything that it needs, under each of `names`.
  Status push(cachestore::Registry& registry, const OciDescriptor& manifest,
              const std::vector<cachestore::Reference>& names, const CancelToken& cancel) const;

 private:
  explicit OciLayout(cachestore::Draft draft) : draft_(std::move(draft)) {}
  std::string blobs() const { return draft_.upper() + "/blobs/sha256/"; }
  Status push_blob(cachestore::Registry& registry, const cachestore::Reference& to,
                   const Digest& digest, std::uint64_t size, const CancelToken& cancel) const;
  Status push_tree(cachestore::Registry& registry, const cachestore::Reference& to,
                   const Digest& digest, const CancelToken& cancel) const;
  Status put(cachestore::Registry& registry, const cachestore::Reference& to,
             const std::string& media_type, const Digest& digest, const CancelToken& cancel) const;

  cachestore::Draft draft_;
};

}  // namespace slipway::runner
