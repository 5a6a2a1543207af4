#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/digest.h"
#include "base/json.h"
#include "base/units.h"
#include "cachestore/store.h"

namespace slipway::cachestore {

// Spec: OCI image-spec, media-types.md.
constexpr std::string_view kIndexType = "application/vnd.oci.image.index.v1+json";
constexpr std::string_view kManifestType = "application/vnd.oci.image.manifest.v1+json";
constexpr std::string_view kConfigType = "application/vnd.oci.image.config.v1+json";
constexpr std::string_view kLayerType = "application/vnd.oci.image.layer.v1.tar";

// Larger documents are refused (SECURITY: manifests 4 MiB, configs 8 MiB, 500 layers).
constexpr ByteCount kMaxManifest = 4_MiB;
constexpr ByteCount kMaxConfig = 8_MiB;
constexpr std::size_t kMaxLayers = 500;

struct ParsedConfig {
  ImageConfig config;
  std::vector<Digest> diff_ids;
};
/// Spec: OCI image-spec, config.md. `what` names the document in errors.
Result<ParsedConfig> parse_config(std::string_view text, const std::string& what);

/// The config document of a new image.
std::string make_config(const ImageConfig& config, const std::vector<Digest>& diff_ids);

struct Descriptor {
  std::string_view media_type;
  Digest digest;
  std::uint64_t size = 0;
};
/// A layer's descriptor of any manifest, with the media type OCI has for it.
Descriptor oci_descriptor(const Json& descriptor);
std::string make_manifest(const Descriptor& config, const std::vector<Descriptor>& layers);

/// The `config` member in Docker's spelling (User, Env, Cmd, …).
Json runtime_json(const ImageConfig& config);
/// The config's history as docker spells it.
Json history_json(const std::vector<HistoryEntry>& history);
/// This machine's architecture in Go's spelling ("amd64").
std::string machine_architecture();
/// RFC 3339 with any offset and fraction; nothing when it is not one.
std::optional<WallTime> parse_rfc3339(std::string_view text);
/// RFC 3339 in UTC with as many decimals as there are, up to nine.
std::string format_nanos(WallTime time);

}  // namespace slipway::cachestore
