#pragma once

#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "cachestore/registry.h"
#include "cachestore/transfer.h"

namespace slipway::cachestore {

// Spec: Docker image manifest version 2, schema 2; OCI image-spec, media-types.md.
constexpr std::string_view kDockerManifestType =
    "application/vnd.docker.distribution.manifest.v2+json";
constexpr std::string_view kDockerListType =
    "application/vnd.docker.distribution.manifest.list.v2+json";
constexpr std::string_view kDockerConfigType = "application/vnd.docker.container.image.v1+json";
constexpr std::string_view kEmptyType = "application/vnd.oci.empty.v1+json";
constexpr std::string_view kTitle = "org.opencontainers.image.title";

// Bounds against hostile indexes (CVE-2021-41190 and endless recursion).
constexpr std::size_t kMaxIndexDepth = 2;
constexpr std::size_t kMaxDocuments = 64;
constexpr std::size_t kMaxIndexEntries = 1'000;

struct ImageManifest {
  std::string media_type;
  std::string artifact_type;  ///< Empty for images.
  RemoteDescriptor config;
  std::vector<RemoteDescriptor> layers;
  Json annotations;
};
struct IndexEntry {
  RemoteDescriptor manifest;
  Platform platform;
  bool has_platform = false;
};
struct ImageIndex {
  std::string media_type;
  std::vector<IndexEntry> entries;  ///< Without attestations and what is no manifest.
};
using ManifestDocument = std::variant<ImageManifest, ImageIndex>;

/// Reads an image manifest or an index of either family. `content_type` is what the registry called it (empty or a
/// general JSON type: the document speaks for itself); the document must agree, and be one thing only. kInvalid, or
/// kUnsupported for schema 1. `what` names the document in errors.
Result<ManifestDocument> parse_manifest(std::string_view bytes, const std::string& content_type,
                                        const std::string& what);

bool is_index_type(std::string_view media_type);

/// What a layer's media type promises. Foreign layers and unknown types are kUnsupported.
enum class LayerForm {
  kTar,
  kTarGzip,
  kTarZstd,
  kAnyTar,  ///< Docker's one name for layers, which some tools give to every compression.
};
Result<LayerForm> layer_form(const RemoteDescriptor& layer);

/// How well `offered` suits `wanted`: nothing when it cannot run there, else smaller is better. Variants of one
/// architecture run what was made for an older variant (arm/v7 runs v6); a missing variant is the usual one (arm64: v8,
/// arm: v7, amd64: v1).
std::optional<int> platform_distance(const Platform& wanted, const Platform& offered);
/// The same platform written one way: "linux/arm64/v8" and "linux/arm64" are one.
Platform normalized(Platform platform);

/// Entries that suit, best first; those that do not say what they are for come last.
std::vector<const IndexEntry*> choose(const ImageIndex& index, const Platform& wanted);

}  // namespace slipway::cachestore
