#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/cancel.h"
#include "base/digest.h"
#include "base/result.h"
#include "cachestore/reference.h"
#include "cachestore/registry.h"
#include "cachestore/store.h"

namespace slipway::cachestore {

/// Images between this store and registries.

/// "linux/arm64/v8". Spec: OCI image-spec, image-index.md.
struct Platform {
  std::string os = "linux";
  std::string architecture;
  std::string variant;
  static Result<Platform> parse(std::string_view text);  ///< kInvalid names what is wrong.
  static Platform host();
  std::string str() const;
  bool operator==(const Platform&) const = default;
};

/// What happens to one layer; calls come from several threads, at most some ten a second and layer.
struct LayerProgress {
  enum class State {
    kWaiting,
    kDownloading,
    kExtracting,
    kDone,
    kPresent,  ///< Was here (or at the registry) already.
    kMounted,  ///< Push: taken over from another repository.
    kCompressing,
    kUploading,
    kRetrying,  ///< `note` says why.
  };
  Digest layer;  ///< Of the blob; of the plain tar (diff ID) while it is not compressed yet.
  State state = State::kWaiting;
  std::uint64_t done = 0;   ///< Bytes.
  std::uint64_t total = 0;  ///< 0 when not known.
  std::string note;
};
class TransferObserver {
 public:
  virtual ~TransferObserver() = default;
  virtual void layers(std::size_t total,
                      std::size_t present) = 0;  ///< Once, when the manifest is known.
  virtual void layer(const LayerProgress& progress) = 0;
};

struct PullRequest {
  Reference name;
  Platform platform = Platform::host();
  int parallel = 4;  ///< Downloads at a time.
};
struct Pulled {
  Image image;
  Digest digest;  ///< Of what the name pointed to at the registry (the index when there is one).
  bool changed = false;  ///< False: the image was here as it is.
  std::size_t layers = 0;
  std::size_t layers_present = 0;
  std::uint64_t bytes = 0;  ///< Received over the network.
};
/// Layers are verified, decompressed and applied while they arrive; the image appears whole or not at all. What a
/// killed pull had received is kept (<root>/ingest) and continued. `observer` may be null.
Result<Pulled> pull_image(Store& store, Registry& registry, const PullRequest& request,
                          TransferObserver* observer, const CancelToken& cancel);

enum class LayerCompression { kKeep, kGzip, kZstd };
struct PushRequest {
  std::string image;  ///< Name or id in the store.
  Reference name;     ///< Where to.
  LayerCompression compression =
      LayerCompression::kKeep;  ///< kKeep: as pulled; gzip for what has never been packed.
  int parallel = 4;
};
struct Pushed {
  Digest digest;
  std::uint64_t manifest_size = 0;
  std::size_t layers = 0;
  std::size_t layers_present = 0;  ///< Not sent.
  std::uint64_t bytes = 0;         ///< Sent.
};
Result<Pushed> push_image(Store& store, Registry& registry, const PushRequest& request,
                          TransferObserver* observer, const CancelToken& cancel);

/// Files as an OCI artifact, with ORAS's media types and title annotations. Spec: OCI image-spec, manifest.md
/// "Guidelines for Artifact Usage".
struct ArtifactPush {
  Reference name;
  std::string artifact_type = "application/vnd.slipway.artifact.v1";
  int dir_fd = -1;
  std::vector<std::string>
      paths;  ///< Relative files, or directories (packed as one tar+gzip each, unpacked on pull).
  std::vector<std::pair<std::string, std::string>> annotations;
};
Result<Pushed> push_artifact(Registry& registry, const ArtifactPush& request,
                             TransferObserver* observer, const CancelToken& cancel);
struct ArtifactPulled {
  Digest digest;
  std::vector<std::string> paths;
  std::uint64_t bytes = 0;
};
/// Into the directory `to_fd`, by UnpackPolicy::kArtifact's rules: no name leaves it.
Result<ArtifactPulled> pull_artifact(Registry& registry, const Reference& name, int to_fd,
                                     TransferObserver* observer, const CancelToken& cancel);

}  // namespace slipway::cachestore
