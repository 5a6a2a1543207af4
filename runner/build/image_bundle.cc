// Built images as manifests and indexes: layers in the wanted form, annotations, attestations as BuildKit has them.
// Spec: OCI image-spec, manifest.md and image-index.md; BuildKit, docs/attestations/attestation-storage.md; in-toto
// attestation framework, Statement v0.1.
#include "runner/build/image_bundle.h"

#include <algorithm>

#include "base/text.h"

namespace slipway::runner {
namespace {

constexpr const char* kInToto = "application/vnd.in-toto+json";
constexpr const char* kSlsa = "https://slsa.dev/provenance/v0.2";
constexpr const char* kSpdx = "https://spdx.dev/Document";
constexpr ByteCount kMaxConfig = 8_MiB;

using Pairs = std::vector<std::pair<std::string, std::string>>;

Json platform_json(const cachestore::Platform& platform) {
  Json json = Json::object({{"architecture", platform.architecture}, {"os", platform.os}});
  if (!platform.variant.empty()) json.set("variant", platform.variant);
  return json;
}

/// `key`, `manifest:key`, `index:key`, `manifest[linux/arm64]:key`, and several joined by commas, as --annotation has
/// them; `annotation.key`, `annotation-index.key`, … as outputs have them.
class Annotations {
 public:
  Annotations(const ExportRequest& request, const BuildOutput& output) {
    for (const auto& [name, value] : request.request.annotations) {
      const std::size_t colon = name.find(':');
      const std::string where = colon == std::string::npos ? "manifest" : name.substr(0, colon);
      const bool typed = where.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789/[],-_.") ==
                             std::string::npos &&
                         known(where);
      if (!typed || colon == std::string::npos) {
        add("manifest", name, value);
        continue;
      }
      for (const std::string_view part : split(where, ',')) {
        add(std::string(part), name.substr(colon + 1), value);
      }
    }
    for (const auto& [name, value] : output.attributes) {
      if (!name.starts_with("annotation")) continue;
      const std::size_t dot = name.find('.');
      if (dot == std::string::npos) continue;
      std::string where = name.substr(0, dot);
      where = where == "annotation" ? "manifest" : where.substr(std::string("annotation-").size());
      add(where, name.substr(dot + 1), value);
    }
  }

  bool empty() const { return all_.empty(); }
  bool of_index() const {
    return std::any_of(all_.begin(), all_.end(), [](const One& one) {
      return one.where == "index" || one.where == "index-descriptor";
    });
  }
  Json of(const std::string& where, const std::string& platform = "") const {
    Json json;
    for (const One& one : all_) {
      const bool here =
          one.where == where || (!platform.empty() && one.where == where + "[" + platform + "]");
      if (here) json.set(one.key, one.value);
    }
    return json;
  }

 private:
  struct One {
    std::string where, key, value;
  };
  static bool known(const std::string& where) {
    for (const std::string_view part : split(where, ',')) {
      const std::string_view kind = part.substr(0, part.find('['));
      if (kind != "manifest" && kind != "index" && kind != "manifest-descriptor" &&
          kind != "index-descriptor") {
        return false;
      }
    }
    return true;
  }
  void add(std::string where, std::string key, std::string value) {
    all_.push_back({std::move(where), std::move(key), std::move(value)});
  }
  std::vector<One> all_;
};

class Bundle {
 public:
  Bundle(cachestore::Store& store, const ExportRequest& request, const BuildOutput& output,
         const BundleOptions& options, OciLayout& layout, const CancelToken& cancel)
      : store_(store),
        request_(request),
        options_(options),
        layout_(layout),
        cancel_(cancel),
        annotations_(request, output) {}

  Result<OciDescriptor> add() {
    std::vector<OciDescriptor> manifests;
    for (const BuiltImage& image : request_.images) {
      manifests.push_back(SLIP_TRY(add_image(image)));
    }
    if (manifests.empty()) return fail(ErrorCode::kInternal, "export image: nothing was built");
    const std::size_t images = manifests.size();
    for (std::size_t i = 0; i < images; ++i) {
      std::optional<OciDescriptor> attestation =
          SLIP_TRY(add_attestations(request_.images[i], manifests[i]));
      if (attestation) manifests.push_back(*std::move(attestation));
    }
    if (manifests.size() == 1 && !annotations_.of_index()) return manifests.front();
    Json list = Json::array();
    for (const OciDescriptor& manifest : manifests) list.push(manifest.json());
    Json index = Json::object(
        {{"schemaVersion", 2}, {"mediaType", kOciIndex}, {"manifests", std::move(list)}});
    const Json annotations = annotations_.of("index");
    if (!annotations.is_null()) index.set("annotations", annotations);
    OciDescriptor top = SLIP_TRY(layout_.add_text(kOciIndex, index.dump()));
    top.annotations = annotations_.of("index-descriptor");
    return top;
  }

 private:
  Result<OciDescriptor> add_image(const BuiltImage& built) {
    const cachestore::Image& image = built.image;
    const std::string config = SLIP_TRY(store_.read_blob(image.id, kMaxConfig));
    const OciDescriptor described = SLIP_TRY(layout_.add_text(kOciConfig, config));
    Json layers = Json::array();
    for (std::size_t i = 0; i < image.layers.size(); ++i) {
      layers.push(SLIP_TRY(add_layer(image, i)).json());
    }
    Json manifest = Json::object({{"schemaVersion", 2},
                                  {"mediaType", kOciManifest},
                                  {"config", described.json()},
                                  {"layers", std::move(layers)}});
    Json annotations = annotations_.of("manifest", built.platform.str());
    if (!request_.inline_cache.empty()) {
      annotations.set(kInlineCache, inline_cache_json(request_.inline_cache).dump());
    }
    if (!annotations.is_null()) manifest.set("annotations", annotations);
    OciDescriptor descriptor = SLIP_TRY(layout_.add_text(kOciManifest, manifest.dump()));
    descriptor.platform = platform_json(built.platform);
    descriptor.annotations = annotations_.of("manifest-descriptor", built.platform.str());
    return descriptor;
  }

  Result<OciDescriptor> add_layer(const cachestore::Image& image, std::size_t index) {
    // Platforms share layers, and an image may hold one twice.
    const Digest diff_id = image.diff_ids.at(index);
    const auto known = layers_.find(diff_id);
    if (known != layers_.end()) return known->second;
    OciDescriptor layer = SLIP_TRY(layout_.add_blob([&](int fd) {
      return cachestore::write_layer_blob(store_, image, index, options_.form, fd, cancel_);
    }));
    layers_.emplace(diff_id, layer);
    return layer;
  }

  Json subject(const BuiltImage& image, const OciDescriptor& manifest) const {
    Json subjects = Json::array();
    const Json digest = Json::object({{"sha256", manifest.digest.hex()}});
    for (const std::string& name : options_.names) {
      const auto reference = cachestore::Reference::parse(name);
      if (!reference) continue;
      std::string url = "pkg:docker/" + reference->familiar();
      const std::size_t colon = url.rfind(':');
      url[colon] = '@';
      url += "?platform=" + percent_encode(image.platform.str());
      subjects.push(Json::object({{"name", url}, {"digest", digest}}));
    }
    if (subjects.items().empty()) {
      subjects.push(Json::object({{"name", "_"}, {"digest", digest}}));
    }
    return subjects;
  }

  Result<OciDescriptor> add_statement(const BuiltImage& image, const OciDescriptor& manifest,
                                      const char* type, const Json& predicate) {
    const Json statement = Json::object({{"_type", "https://in-toto.io/Statement/v0.1"},
                                         {"predicateType", type},
                                         {"subject", subject(image, manifest)},
                                         {"predicate", predicate}});
    OciDescriptor layer = SLIP_TRY(layout_.add_text(kInToto, statement.pretty()));
    layer.annotations = Json::object({{"in-toto.io/predicate-type", type}});
    return layer;
  }

  Result<std::optional<OciDescriptor>> add_attestations(const BuiltImage& image,
                                                        const OciDescriptor& manifest) {
    std::vector<OciDescriptor> statements;
    if (request_.request.sbom) {
      const std::string name = options_.names.empty() ? "image" : options_.names.front();
      const Json sbom = SLIP_TRY(make_sbom(image.image, name, image.image.config.created));
      statements.push_back(SLIP_TRY(add_statement(image, manifest, kSpdx, sbom)));
    }
    if (!request_.provenance.is_null()) {
      statements.push_back(SLIP_TRY(add_statement(image, manifest, kSlsa, request_.provenance)));
    }
    if (statements.empty()) return std::nullopt;
    Json layers = Json::array();
    Json diff_ids = Json::array();
    for (const OciDescriptor& statement : statements) {
      layers.push(statement.json());
      diff_ids.push(statement.digest.str());
    }
    const Json config = Json::object(
        {{"architecture", "unknown"},
         {"os", "unknown"},
         {"config", Json::object()},
         {"rootfs", Json::object({{"type", "layers"}, {"diff_ids", std::move(diff_ids)}})}});
    const OciDescriptor described = SLIP_TRY(layout_.add_text(kOciConfig, config.dump()));
    const Json document = Json::object({{"schemaVersion", 2},
                                        {"mediaType", kOciManifest},
                                        {"config", described.json()},
                                        {"layers", std::move(layers)}});
    OciDescriptor attestation = SLIP_TRY(layout_.add_text(kOciManifest, document.dump()));
    attestation.platform = Json::object({{"architecture", "unknown"}, {"os", "unknown"}});
    attestation.annotations = Json::object({{"vnd.docker.reference.digest", manifest.digest.str()},
                                            {"vnd.docker.reference.type", "attestation-manifest"}});
    return std::optional<OciDescriptor>(std::move(attestation));
  }

  cachestore::Store& store_;
  const ExportRequest& request_;
  const BundleOptions& options_;
  OciLayout& layout_;
  const CancelToken& cancel_;
  Annotations annotations_;
  std::map<Digest, OciDescriptor> layers_;
};

}  // namespace

std::string attribute_of(const BuildOutput& output, std::string_view name) {
  for (const auto& [key, value] : output.attributes) {
    if (key == name) return value;
  }
  return "";
}

Result<cachestore::BlobForm> form_of(const BuildOutput& output) {
  const std::string text = attribute_of(output, "compression");
  if (text.empty()) return cachestore::BlobForm::kKeep;
  if (text == "gzip") return cachestore::BlobForm::kGzip;
  if (text == "zstd") return cachestore::BlobForm::kZstd;
  if (text == "uncompressed") return cachestore::BlobForm::kTar;
  return fail(ErrorCode::kInvalid, "export image: compression=" + printable(text) +
                                       " is none of gzip, zstd, uncompressed");
}

bool needs_bundle(const ExportRequest& request, const BuildOutput& output) {
  return request.images.size() != 1 || request.request.sbom || !request.provenance.is_null() ||
         !request.inline_cache.empty() || !Annotations(request, output).empty() ||
         attribute_of(output, "compression") == "uncompressed";
}

Result<OciDescriptor> add_bundle(cachestore::Store& store, const ExportRequest& request,
                                 const BuildOutput& output, const BundleOptions& options,
                                 OciLayout& layout, const CancelToken& cancel) {
  return Bundle(store, request, output, options, layout, cancel).add();
}

}  // namespace slipway::runner
