// Which images an archive holds: docker's manifest.json if there is one, for it has every name in docker's spelling;
// else the index of an OCI layout.
// Spec: Docker image-spec v1.2; OCI image-spec, image-layout.md.
#include "cachestore/image/archived_images.h"

#include <algorithm>
#include <map>

#include "base/text.h"
#include "cachestore/transfer/manifest.h"

namespace slipway::cachestore {
namespace {

constexpr const char* kManifestFile = "manifest.json";
constexpr const char* kIndexFile = "index.json";
constexpr std::size_t kMaxImages = 1'000;
constexpr std::size_t kMaxNames = 1'000;
// Configs and manifests of all images are in memory until they are recorded: room for a thousand real ones.
constexpr std::size_t kMaxDocumentBytes = std::size_t{64} << 20;

// Media types by Compression. Spec: OCI image-spec, media-types.md.
constexpr std::string_view kTypes[] = {
    kLayerType,
    "application/vnd.oci.image.layer.v1.tar+gzip",
    "application/vnd.oci.image.layer.v1.tar+zstd",
};

std::string blob_name(const Digest& digest) { return "blobs/sha256/" + digest.hex(); }

Error bad(const std::string& document, const std::string& cause) {
  return Error(ErrorCode::kInvalid, "read " + document + ": " + cause);
}

Result<Reference> read_name(std::string_view text, const std::string& document) {
  Reference name = SLIP_TRY_WITHIN("read " + document, Reference::parse(text));
  if (name.digest || name.tag.empty()) {
    return fail(bad(document, "\"" + printable(text) + "\" is no name with a tag"));
  }
  return name;
}

Error too_much(const std::string& document) {
  return Error(ErrorCode::kExhausted,
               "read " + document + ": the documents of its images are larger than 64 MiB");
}

bool same_layers(const ArchivedImage& a, const ArchivedImage& b) {
  return std::equal(
      a.layers.begin(), a.layers.end(), b.layers.begin(), b.layers.end(),
      [](const StagedEntry* x, const StagedEntry* y) { return x->digest == y->digest; });
}

Status check_layer_count(const ArchivedImage& image, const std::string& document) {
  if (image.layers.size() == image.diff_ids.size()) return {};
  return fail(bad(document, std::to_string(image.layers.size()) + " layers, but config " +
                                image.id.str() + " has " + std::to_string(image.diff_ids.size())));
}

Status read_config(const StagedArchive& archive, const StagedEntry& entry, ArchivedImage& image) {
  image.id = entry.digest;
  image.config = SLIP_TRY(archive.text(entry, kMaxConfig));
  image.diff_ids =
      SLIP_TRY(parse_config(image.config, "\"" + printable(entry.name) + "\"")).diff_ids;
  return {};
}

// The same image under another name.
void merge(std::vector<ArchivedImage>& images, ArchivedImage image) {
  for (ArchivedImage& known : images) {
    if (known.id != image.id || !same_layers(known, image)) continue;
    known.names.insert(known.names.end(), image.names.begin(), image.names.end());
    return;
  }
  images.push_back(std::move(image));
}

/// The OCI half: documents by digest.
class Layout {
 public:
  explicit Layout(const StagedArchive& archive) : archive_(archive) {}

  Result<std::vector<ArchivedImage>> read() {
    const StagedEntry* file = archive_.find(kIndexFile);
    const std::string text = SLIP_TRY(archive_.text(*file, kMaxManifest));
    auto document = SLIP_TRY(parse_manifest(text, "", kIndexFile));
    const auto* index = std::get_if<ImageIndex>(&document);
    if (index == nullptr) return fail(bad(kIndexFile, "it is no index"));
    std::vector<ArchivedImage> images;
    for (auto& [name, entries] : by_name(*index)) {
      ArchivedImage image = SLIP_TRY(choose_image(entries, kIndexFile, 0));
      if (!name.empty()) image.names.push_back(SLIP_TRY(read_name(name, kIndexFile)));
      merge(images, std::move(image));
    }
    if (images.empty()) return fail(bad(kIndexFile, "it holds no image"));
    return images;
  }

  /// Reads the manifests that stand directly in the index, as far as they are any good.
  void read_manifests() {
    const StagedEntry* file = archive_.find(kIndexFile);
    if (file == nullptr) return;
    const auto text = archive_.text(*file, kMaxManifest);
    if (!text) return;
    const auto document = parse_manifest(*text, "", kIndexFile);
    const auto* index = document ? std::get_if<ImageIndex>(&*document) : nullptr;
    if (index == nullptr) return;
    for (const IndexEntry& entry : index->entries) {
      if (!is_index_type(entry.manifest.media_type)) (void)read_image(entry.manifest, kIndexFile);
    }
  }

  /// Of those the one of `image`, if it has exactly these layers.
  std::optional<std::string> manifest_of(const ArchivedImage& image) const {
    for (const auto& [digest, found] : read_) {
      if (found.id == image.id && same_layers(found, image)) return found.manifest;
    }
    return std::nullopt;
  }

 private:
  using Entries = std::vector<IndexEntry>;

  // Several entries of one name are its platforms; each entry without a name stands for itself.
  static std::vector<std::pair<std::string, Entries>> by_name(const ImageIndex& index) {
    std::vector<std::pair<std::string, Entries>> groups;
    for (const IndexEntry& entry : index.entries) {
      const std::string name = name_of(entry.manifest.annotations);
      const auto same = std::find_if(groups.begin(), groups.end(), [&](const auto& group) {
        return !name.empty() && group.first == name;
      });
      if (same != groups.end()) {
        same->second.push_back(entry);
      } else {
        groups.emplace_back(name, Entries{entry});
      }
    }
    return groups;
  }

  // OCI's annotation is only a tag in most layouts, and a whole name in podman's.
  static std::string name_of(const Json& annotations) {
    const std::string_view whole = annotations["io.containerd.image.name"].string_or("");
    if (!whole.empty()) return std::string(whole);
    const std::string_view name = annotations["org.opencontainers.image.ref.name"].string_or("");
    return name.find_first_of("/:") == std::string_view::npos ? std::string() : std::string(name);
  }

  // One entry is taken whatever it is for; of several the one that suits this machine best.
  Result<ArchivedImage> choose_image(const Entries& entries, const std::string& who,
                                     std::size_t depth) {
    ImageIndex index;
    index.entries = entries;
    const auto suitable = choose(index, Platform::host());
    const IndexEntry* entry = entries.size() == 1 ? &entries.front()
                              : suitable.empty()  ? nullptr
                                                  : suitable.front();
    if (entry == nullptr) {
      std::vector<std::string> offered;
      for (const IndexEntry& other : entries) offered.push_back(printable(other.platform.str()));
      return fail(ErrorCode::kNotFound, "read " + who + ": no image for " + Platform::host().str() +
                                            "; there is " + join(offered, ", "));
    }
    if (!is_index_type(entry->manifest.media_type)) return read_image(entry->manifest, who);
    if (depth >= kMaxIndexDepth || ++documents_ > kMaxDocuments) {
      return fail(bad(who, "indexes nested too deep"));
    }
    const std::string name = blob_name(entry->manifest.digest);
    const std::string text = SLIP_TRY(read_document(entry->manifest, who));
    auto document = SLIP_TRY(parse_manifest(text, entry->manifest.media_type, name));
    const auto* nested = std::get_if<ImageIndex>(&document);
    if (nested == nullptr || nested->entries.empty()) return fail(bad(name, "it holds no image"));
    return choose_image(nested->entries, name, depth + 1);
  }

  Result<const StagedEntry*> need(const RemoteDescriptor& blob, const std::string& who) {
    const StagedEntry* entry = SLIP_TRY(archive_.need(blob_name(blob.digest), who));
    if (entry->size == blob.size && entry->digest == blob.digest) return entry;
    return fail(ErrorCode::kCorrupt,
                "\"" + entry->name + "\" has not the size or digest that " + who + " says");
  }

  Result<std::string> read_document(const RemoteDescriptor& blob, const std::string& who) {
    const StagedEntry* entry = SLIP_TRY(need(blob, who));
    return archive_.text(*entry, kMaxManifest);
  }

  // Each manifest once, however often it is named.
  Result<ArchivedImage> read_image(const RemoteDescriptor& descriptor, const std::string& who) {
    SLIP_TRY(need(descriptor, who));
    const auto known = read_.find(descriptor.digest);
    if (known != read_.end()) return known->second;
    ArchivedImage image = SLIP_TRY(read_new_image(descriptor, who));
    bytes_ += image.manifest.size() + image.config.size();
    if (bytes_ > kMaxDocumentBytes) return fail(too_much(kIndexFile));
    return read_.emplace(descriptor.digest, std::move(image)).first->second;
  }

  Result<ArchivedImage> read_new_image(const RemoteDescriptor& descriptor, const std::string& who) {
    ArchivedImage image;
    const std::string name = blob_name(descriptor.digest);
    image.manifest = SLIP_TRY(read_document(descriptor, who));
    auto document = SLIP_TRY(parse_manifest(image.manifest, descriptor.media_type, name));
    const auto* manifest = std::get_if<ImageManifest>(&document);
    if (manifest == nullptr) return fail(bad(name, "it is an index and no image"));
    if (manifest->config.media_type != kConfigType &&
        manifest->config.media_type != kDockerConfigType) {
      return fail(ErrorCode::kUnsupported, "read " + name + ": its config is \"" +
                                               printable(manifest->config.media_type) +
                                               "\", so it is an artifact and no image");
    }
    const StagedEntry* config = SLIP_TRY(need(manifest->config, name));
    SLIP_TRY(read_config(archive_, *config, image));
    for (const RemoteDescriptor& layer : manifest->layers) {
      SLIP_TRY(layer_form(layer));
      image.layers.push_back(SLIP_TRY(need(layer, name)));
    }
    SLIP_TRY(check_layer_count(image, name));
    return image;
  }

  const StagedArchive& archive_;
  std::size_t documents_ = 0;
  std::map<Digest, ArchivedImage> read_;  ///< By manifest.
  std::size_t bytes_ = 0;
};

std::string made_manifest(const ArchivedImage& image) {
  std::vector<Descriptor> layers;
  for (const StagedEntry* layer : image.layers) {
    layers.push_back(
        {kTypes[static_cast<std::size_t>(layer->compression)], layer->digest, layer->size});
  }
  return make_manifest({kConfigType, image.id, image.config.size()}, layers);
}

// "<hex>.json" promises a digest, as names below blobs/ do.
Status check_config_name(const StagedEntry& entry) {
  const std::string_view name = std::string_view(entry.name).substr(entry.name.rfind('/') + 1);
  if (!name.ends_with(".json")) return {};
  const auto promised = Digest::parse("sha256:" + std::string(name.substr(0, name.size() - 5)));
  if (!promised || *promised == entry.digest) return {};
  return fail(ErrorCode::kCorrupt, "\"" + entry.name + "\": its content does not match its digest");
}

Result<ArchivedImage> read_docker_image(const StagedArchive& archive, const Layout& layout,
                                        const Json& item) {
  if (!item["Config"].is_string() || !item["Layers"].is_array()) {
    return fail(bad(kManifestFile, "an image without Config or Layers"));
  }
  ArchivedImage image;
  const StagedEntry* config = SLIP_TRY(archive.need(item["Config"].string_or(""), kManifestFile));
  SLIP_TRY(check_config_name(*config));
  SLIP_TRY(read_config(archive, *config, image));
  const Json::Array& layers = item["Layers"].items();
  if (layers.size() > kMaxLayers) {
    return fail(bad(kManifestFile, "more than " + std::to_string(kMaxLayers) + " layers"));
  }
  for (const Json& layer : layers) {
    image.layers.push_back(SLIP_TRY(archive.need(layer.string_or(""), kManifestFile)));
  }
  SLIP_TRY(check_layer_count(image, kManifestFile));
  if (item["RepoTags"].items().size() > kMaxNames)
    return fail(bad(kManifestFile, "too many names"));
  for (const Json& name : item["RepoTags"].items()) {
    image.names.push_back(SLIP_TRY(read_name(name.string_or(""), kManifestFile)));
  }
  const auto kept = layout.manifest_of(image);
  image.manifest = kept ? *kept : made_manifest(image);
  return image;
}

Result<std::vector<ArchivedImage>> read_docker_images(const StagedArchive& archive,
                                                      const StagedEntry& file) {
  const std::string text = SLIP_TRY(archive.text(file, kMaxManifest));
  const Json list = SLIP_TRY_WITHIN(std::string("read ") + kManifestFile, parse_json(text));
  if (!list.is_array() || list.items().empty())
    return fail(bad(kManifestFile, "it lists no image"));
  if (list.items().size() > kMaxImages) {
    return fail(bad(kManifestFile, "more than " + std::to_string(kMaxImages) + " images"));
  }
  Layout layout(archive);
  layout.read_manifests();
  std::vector<ArchivedImage> images;
  std::size_t bytes = 0;
  for (const Json& item : list.items()) {
    ArchivedImage image = SLIP_TRY(read_docker_image(archive, layout, item));
    bytes += image.config.size() + image.manifest.size();
    if (bytes > kMaxDocumentBytes) return fail(too_much(kManifestFile));
    merge(images, std::move(image));
  }
  return images;
}

}  // namespace

Result<std::vector<ArchivedImage>> read_archived_images(const StagedArchive& archive) {
  if (const StagedEntry* manifest = archive.find(kManifestFile)) {
    return read_docker_images(archive, *manifest);
  }
  if (archive.find(kIndexFile) != nullptr) return Layout(archive).read();
  if (archive.find("repositories") != nullptr) {
    return fail(ErrorCode::kUnsupported,
                "it was saved by docker before 1.10; load and save it with a newer docker first");
  }
  return fail(ErrorCode::kInvalid,
              "neither a docker archive nor an OCI layout (no manifest.json, no index.json); root "
              "file systems are for `runner image import`");
}

}  // namespace slipway::cachestore
