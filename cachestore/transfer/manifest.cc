// Manifests and indexes as registries send them. Everything here is a stranger's text.
// Spec: OCI image-spec, manifest.md and image-index.md; Docker image manifest version 2, schema 2.
#include "cachestore/transfer/manifest.h"

#include <algorithm>
#include <array>

#include "base/text.h"
#include "cachestore/image/config_json.h"

namespace slipway::cachestore {
namespace {

constexpr std::size_t kMaxText = 1'024;
constexpr std::string_view kSchema1 = "application/vnd.docker.distribution.manifest.v1+";

struct KnownType {
  std::string_view name;
  bool index;
};
constexpr std::array kTypes = {
    KnownType{kManifestType, false},
    KnownType{kDockerManifestType, false},
    KnownType{kIndexType, true},
    KnownType{kDockerListType, true},
};

const KnownType* find_type(std::string_view name) {
  for (const KnownType& type : kTypes) {
    if (type.name == name) return &type;
  }
  return nullptr;
}

// "type/sub; charset=utf-8" -> "type/sub"
std::string bare_type(std::string_view text) {
  return to_lower(trim(text.substr(0, text.find(';'))));
}

// Servers that do not know the type say one of these.
bool says_nothing(std::string_view type) {
  return type.empty() || type == "application/json" || type == "application/octet-stream" ||
         type == "text/plain" || type == "binary/octet-stream";
}

class Reader {
 public:
  explicit Reader(const std::string& what) : doing_("read manifest " + what) {}

  tl::unexpected<Error> bad(std::string_view cause) const {
    return fail(ErrorCode::kInvalid, doing_ + ": " + std::string(cause));
  }

  Result<std::string> text(const Json& parent, std::string_view key) const {
    const Json& value = parent[key];
    if (value.is_null()) return std::string();
    const std::string_view read = value.string_or("");
    if (!value.is_string() || read.size() > kMaxText || read.find('\0') != std::string_view::npos) {
      return bad(std::string(key) + " must be a short string");
    }
    return std::string(read);
  }

  Result<RemoteDescriptor> descriptor(const Json& json, std::string_view name) const {
    const std::string place(name);
    if (!json.is_object()) return bad(place + " must be a descriptor");
    RemoteDescriptor descriptor;
    descriptor.media_type = SLIP_TRY(text(json, "mediaType"));
    descriptor.digest =
        SLIP_TRY_WITHIN(doing_ + ": " + place, Digest::parse(json["digest"].string_or("")));
    const std::int64_t size = json["size"].int_or(-1);
    if (size < 0) return bad(place + " has no size");
    descriptor.size = static_cast<std::uint64_t>(size);
    descriptor.annotations = json["annotations"];
    if (!descriptor.annotations.is_null() && !descriptor.annotations.is_object()) {
      return bad(place + ": annotations must be an object");
    }
    return descriptor;
  }

  Result<ImageManifest> manifest(const Json& root, std::string media_type) const {
    ImageManifest manifest;
    manifest.media_type = std::move(media_type);
    manifest.artifact_type = SLIP_TRY(text(root, "artifactType"));
    manifest.config = SLIP_TRY(descriptor(root["config"], "config"));
    manifest.annotations = root["annotations"];
    if (!root["layers"].is_array()) return bad("layers must be a list");
    const Json::Array& layers = root["layers"].items();
    if (layers.size() > kMaxLayers) {
      return bad("more than " + std::to_string(kMaxLayers) + " layers");
    }
    for (const Json& layer : layers) {
      manifest.layers.push_back(
          SLIP_TRY(descriptor(layer, "layer " + std::to_string(manifest.layers.size() + 1))));
    }
    return manifest;
  }

  Result<ImageIndex> index(const Json& root, std::string media_type) const {
    ImageIndex index;
    index.media_type = std::move(media_type);
    if (!root["manifests"].is_array()) return bad("manifests must be a list");
    const Json::Array& items = root["manifests"].items();
    if (items.size() > kMaxIndexEntries) {
      return bad("more than " + std::to_string(kMaxIndexEntries) + " entries");
    }
    std::size_t position = 0;
    for (const Json& item : items) {
      const std::string name = "entry " + std::to_string(++position);
      IndexEntry entry;
      entry.manifest = SLIP_TRY(descriptor(item, name));
      SLIP_TRY(platform(item["platform"], name, entry));
      const bool attestation =
          (entry.platform.os == "unknown" && entry.platform.architecture == "unknown") ||
          entry.manifest.annotations["vnd.docker.reference.type"].string_or("") ==
              "attestation-manifest";
      if (attestation || find_type(entry.manifest.media_type) == nullptr) continue;
      index.entries.push_back(std::move(entry));
    }
    return index;
  }

 private:
  Status platform(const Json& json, const std::string& name, IndexEntry& entry) const {
    if (json.is_null()) return {};
    if (!json.is_object()) return bad(name + ": platform must be an object");
    entry.has_platform = true;
    entry.platform.os = SLIP_TRY(text(json, "os"));
    entry.platform.architecture = SLIP_TRY(text(json, "architecture"));
    entry.platform.variant = SLIP_TRY(text(json, "variant"));
    return {};
  }

  std::string doing_;
};

struct Alias {
  std::string_view name, architecture, variant;
};
// What people and uname(1) call architectures. Source: containerd/platforms, "normalizeArch".
constexpr std::array kAliases = {
    Alias{"x86_64", "amd64", ""}, Alias{"x86-64", "amd64", ""}, Alias{"aarch64", "arm64", ""},
    Alias{"armhf", "arm", "v7"},  Alias{"armel", "arm", "v6"},  Alias{"i386", "386", ""},
    Alias{"i686", "386", ""},
};

struct UsualVariant {
  std::string_view architecture;
  int version;
};
constexpr std::array kUsual = {UsualVariant{"arm64", 8}, UsualVariant{"arm", 7},
                               UsualVariant{"amd64", 1}};

// "v7" -> 7; "" -> the usual one; -1 for words we do not know.
int version_of(const Platform& platform) {
  if (platform.variant.empty()) {
    for (const UsualVariant& usual : kUsual) {
      if (usual.architecture == platform.architecture) return usual.version;
    }
    return 0;
  }
  if (platform.variant.front() != 'v') return -1;
  const auto number = parse_int(std::string_view(platform.variant).substr(1));
  return number && *number >= 0 && *number < 100 ? static_cast<int>(*number) : -1;
}

}  // namespace

bool is_index_type(std::string_view media_type) {
  const KnownType* type = find_type(media_type);
  return type != nullptr && type->index;
}

Result<ManifestDocument> parse_manifest(std::string_view bytes, const std::string& content_type,
                                        const std::string& what) {
  const Reader reader(what);
  const std::string header = bare_type(content_type);
  if (bytes.size() > kMaxManifest.value) return reader.bad("larger than 4 MiB");
  JsonLimits limits;
  limits.max_bytes = kMaxManifest.value;
  const Json root = SLIP_TRY_WITHIN("read manifest " + what, parse_json(bytes, limits));
  if (!root.is_object()) return reader.bad("not an object");
  const std::string body = SLIP_TRY(reader.text(root, "mediaType"));
  if (root["schemaVersion"].int_or(0) == 1 || header.starts_with(kSchema1) ||
      body.starts_with(kSchema1)) {
    return fail(ErrorCode::kUnsupported,
                "read manifest " + what +
                    ": it has Docker's schema 1, given up in 2016; push the image again with a "
                    "current tool");
  }
  if (root["schemaVersion"].int_or(0) != 2) return reader.bad("schemaVersion must be 2");
  if (!body.empty() && !says_nothing(header) && body != header) {
    return reader.bad("it calls itself \"" + printable(body) + "\", the registry says \"" +
                      printable(header) + "\"");
  }
  const bool as_manifest = root.find("config") != nullptr || root.find("layers") != nullptr;
  const bool as_index = root.find("manifests") != nullptr;
  if (as_manifest && as_index) return reader.bad("it is both an image and an index");
  std::string type = !body.empty() ? body : says_nothing(header) ? std::string() : header;
  if (type.empty()) type = as_index ? kIndexType : kManifestType;
  const KnownType* known = find_type(type);
  if (known == nullptr) {
    return fail(ErrorCode::kUnsupported,
                "read manifest " + what + ": unknown media type \"" + printable(type) + "\"");
  }
  if (known->index ? as_manifest : as_index) {
    return reader.bad("its content does not fit its media type \"" + type + "\"");
  }
  if (known->index) return ManifestDocument(SLIP_TRY(reader.index(root, type)));
  return ManifestDocument(SLIP_TRY(reader.manifest(root, type)));
}

Result<LayerForm> layer_form(const RemoteDescriptor& layer) {
  struct Row {
    std::string_view type;
    LayerForm form;
  };
  static constexpr std::array kRows = {
      Row{"application/vnd.oci.image.layer.v1.tar", LayerForm::kTar},
      Row{"application/vnd.oci.image.layer.v1.tar+gzip", LayerForm::kTarGzip},
      Row{"application/vnd.oci.image.layer.v1.tar+zstd", LayerForm::kTarZstd},
      Row{"application/vnd.docker.image.rootfs.diff.tar", LayerForm::kTar},
      Row{"application/vnd.docker.image.rootfs.diff.tar.gzip", LayerForm::kAnyTar},
      Row{"application/vnd.docker.image.rootfs.diff.tar.zstd", LayerForm::kTarZstd},
  };
  for (const Row& row : kRows) {
    if (row.type == layer.media_type) return row.form;
  }
  const std::string doing = "read layer " + layer.digest.str() + ": ";
  const std::string_view type = layer.media_type;
  if (type.find(".foreign.") != std::string_view::npos ||
      type.find(".nondistributable.") != std::string_view::npos) {
    return fail(ErrorCode::kUnsupported,
                doing + "foreign layers, which lie outside of the registry, are not fetched");
  }
  return fail(ErrorCode::kUnsupported,
              doing + "media type \"" + printable(type) + "\" is no layer of an image");
}

Platform normalized(Platform platform) {
  platform.os = to_lower(platform.os);
  platform.architecture = to_lower(platform.architecture);
  platform.variant = to_lower(platform.variant);
  for (const Alias& alias : kAliases) {
    if (alias.name != platform.architecture) continue;
    platform.architecture = alias.architecture;
    if (platform.variant.empty()) platform.variant = alias.variant;
    break;
  }
  if (!platform.variant.empty() && platform.variant.front() >= '0' &&
      platform.variant.front() <= '9') {
    platform.variant.insert(0, 1, 'v');
  }
  for (const UsualVariant& usual : kUsual) {
    // "arm" alone stays apart: it is written with its variant everywhere.
    if (usual.architecture != platform.architecture || usual.architecture == "arm") continue;
    if (version_of(platform) == usual.version) platform.variant.clear();
  }
  return platform;
}

std::optional<int> platform_distance(const Platform& wanted, const Platform& offered) {
  const Platform want = normalized(wanted);
  const Platform offer = normalized(offered);
  if (want.os != offer.os || want.architecture != offer.architecture) return std::nullopt;
  if (want.variant == offer.variant) return 0;
  const int have = version_of(want);
  const int need = version_of(offer);
  if (have < 0 || need < 0 || need > have) return std::nullopt;
  return have - need;
}

std::vector<const IndexEntry*> choose(const ImageIndex& index, const Platform& wanted) {
  constexpr int kUnsaid = 1'000;
  std::vector<std::pair<int, const IndexEntry*>> found;
  for (const IndexEntry& entry : index.entries) {
    const auto distance = entry.has_platform ? platform_distance(wanted, entry.platform)
                                             : std::optional<int>(kUnsaid);
    if (distance) found.emplace_back(*distance, &entry);
  }
  std::stable_sort(found.begin(), found.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<const IndexEntry*> entries;
  for (const auto& [distance, entry] : found) entries.push_back(entry);
  return entries;
}

Result<Platform> Platform::parse(std::string_view text) {
  const auto bad = [&](std::string_view cause) {
    return fail(ErrorCode::kInvalid,
                "parse platform \"" + printable(ellipsize(text, 60)) + "\": " + std::string(cause));
  };
  const auto parts = split(text, '/');
  if (parts.size() > 3) return bad("it has the form os/architecture[/variant]");
  for (const std::string_view part : parts) {
    const bool plain = part.find_first_not_of(
                           "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") ==
                       std::string_view::npos;
    if (part.empty() || part.size() > 64 || !plain) {
      return bad("it has the form os/architecture[/variant]");
    }
  }
  Platform platform;
  // One word is an architecture, unless it is the system's name.
  if (parts.size() == 1 && to_lower(parts[0]) == "linux") return Platform::host();
  if (parts.size() > 1) platform.os = parts[0];
  platform.architecture = parts.size() > 1 ? parts[1] : parts[0];
  if (parts.size() > 2) platform.variant = parts[2];
  return normalized(platform);
}

Platform Platform::host() {
  Platform platform;
  platform.architecture = machine_architecture();
  if (platform.architecture.starts_with("armv")) {
    platform.variant = platform.architecture.substr(3, 2);
    platform.architecture = "arm";
  } else if (platform.architecture == "arm") {
    platform.variant = "v7";
  }
  return platform;
}

std::string Platform::str() const {
  return os + "/" + architecture + (variant.empty() ? "" : "/" + variant);
}

}  // namespace slipway::cachestore
