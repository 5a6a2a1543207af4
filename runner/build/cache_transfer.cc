// Cache records to and from other machines. The format has docs/decisions/030-cache-manifest.md: an OCI manifest whose
// config is the list of records and whose layers are the steps' layers. Nothing of it is believed but what the records
// say about keys: layers are checked against the manifest's digests and the records' diff IDs.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <map>

#include "base/files.h"
#include "base/text.h"
#include "cachestore/archive.h"
#include "runner/build/export.h"
#include "runner/build/oci_layout.h"

namespace slipway::runner {
namespace {

constexpr const char* kCacheConfig = "application/vnd.slipway.build.cache.config.v1+json";
constexpr std::int64_t kVersion = 1;
constexpr ByteCount kMaxDocument = 8_MiB;
constexpr std::size_t kMaxRecords = 20'000;

std::string attribute(const CacheEndpoint& endpoint, std::string_view name) {
  for (const auto& [key, value] : endpoint.attributes) {
    if (key == name) return value;
  }
  return "";
}

Result<cachestore::BlobForm> form_of(const CacheEndpoint& to) {
  const std::string text = attribute(to, "compression");
  if (text.empty() || text == "zstd") return cachestore::BlobForm::kZstd;  // quicker both ways
  if (text == "gzip") return cachestore::BlobForm::kGzip;
  if (text == "uncompressed") return cachestore::BlobForm::kTar;
  return fail(ErrorCode::kInvalid,
              "compression=" + printable(text) + " is none of zstd, gzip, uncompressed");
}

Json record_json(const CacheRecord& record) {
  return Json::object(
      {{"key", record.key}, {"diffID", record.diff_id.str()}, {"metadata", record.metadata}});
}

Result<OciDescriptor> add_cache(const BuildPlace& place, cachestore::BlobForm form,
                                const std::vector<CacheRecord>& records, OciLayout& layout,
                                const CancelToken& cancel) {
  std::map<std::string, CacheRecord> sorted;  // the same records give the same manifest
  for (const CacheRecord& record : records) sorted.emplace(record.key, record);
  std::map<Digest, OciDescriptor> layers;
  Json list = Json::array();
  for (const auto& [key, record] : sorted) {
    list.push(record_json(record));
    if (layers.contains(record.diff_id)) continue;
    const cachestore::Snapshot snapshot = SLIP_TRY(place.store.get(record.snapshot));
    const cachestore::Lease lease = SLIP_TRY(place.store.lease({snapshot.id}));
    const Fd dir = SLIP_TRY(open_file(snapshot.path, O_RDONLY | O_DIRECTORY));
    OciDescriptor layer = SLIP_TRY(layout.add_blob(
        [&](int fd) { return cachestore::write_directory_blob(dir.get(), form, fd, cancel); }));
    layer.annotations = Json::object({{"dev.slipway.diff-id", record.diff_id.str()}});
    layers.emplace(record.diff_id, std::move(layer));
  }
  Json blobs = Json::array();
  for (const auto& [diff_id, layer] : layers) blobs.push(layer.json());
  const Json config = Json::object({{"version", kVersion}, {"records", std::move(list)}});
  const OciDescriptor described = SLIP_TRY(layout.add_text(kCacheConfig, config.dump()));
  const Json manifest = Json::object({{"schemaVersion", 2},
                                      {"mediaType", kOciManifest},
                                      {"artifactType", kCacheConfig},
                                      {"config", described.json()},
                                      {"layers", std::move(blobs)}});
  OciDescriptor top = SLIP_TRY(layout.add_text(kOciManifest, manifest.dump()));
  top.artifact_type = kCacheConfig;
  return top;
}

Status do_export(const BuildPlace& place, const CacheEndpoint& to,
                 const std::vector<CacheRecord>& records, const CancelToken& cancel) {
  const cachestore::BlobForm form = SLIP_TRY(form_of(to));
  OciLayout layout = SLIP_TRY(OciLayout::make(place.store));
  const OciDescriptor top = SLIP_TRY(add_cache(place, form, records, layout, cancel));
  if (to.type == "local") {
    const std::string dest = attribute(to, "dest");
    if (dest.empty()) return fail(ErrorCode::kInvalid, "it needs a directory: dest=…");
    OciDescriptor named = top;
    const std::string tag = attribute(to, "tag");
    named.annotations =
        Json::object({{"org.opencontainers.image.ref.name", tag.empty() ? "latest" : tag}});
    SLIP_TRY(layout.finish({named}, ""));
    return layout.write_directory(dest, cancel);
  }
  const std::string ref = attribute(to, "ref");
  if (ref.empty()) return fail(ErrorCode::kInvalid, "it needs a name: ref=…");
  const cachestore::Reference name = SLIP_TRY(cachestore::Reference::parse(ref));
  const std::shared_ptr<cachestore::Registry> registry = SLIP_TRY(place.images.access().get());
  return layout.push(*registry, top, {name}, cancel);
}

/// Where an imported cache's blobs are.
struct Source {
  std::string directory;  ///< Of a layout; empty: the registry.
  cachestore::Reference name;
  std::map<Digest, cachestore::RemoteDescriptor> layers;  ///< By diff ID.
};

class TextSink : public cachestore::BlobSink {
 public:
  Status write(std::string_view data) override {
    if (text.size() + data.size() > kMaxDocument.value) {
      return fail(ErrorCode::kExhausted, "the document is larger than 8 MiB");
    }
    text += data;
    return {};
  }
  std::string text;
};

class FileSink : public cachestore::BlobSink {
 public:
  explicit FileSink(int fd) : fd_(fd) {}
  Status write(std::string_view data) override {
    sha_.update(data);
    return write_all(fd_, data, "layer");
  }
  Digest digest() { return sha_.finish(); }

 private:
  int fd_;
  Sha256 sha_;
};

class Import {
 public:
  Import(const BuildPlace& place, const CacheEndpoint& from, const CancelToken& cancel)
      : place_(place), from_(from), cancel_(cancel), source_(std::make_shared<Source>()) {}

  Result<ImportedCache> run() {
    const std::string text =
        from_.type == "local" ? SLIP_TRY(open_layout()) : SLIP_TRY(open_registry());
    SLIP_TRY(read_manifest(text, 0));
    ImportedCache cache;
    cache.from = from_;
    cache.records = std::move(records_);
    cache.source = source_;
    return cache;
  }

 private:
  Result<std::string> open_layout() {
    source_->directory = attribute(from_, "src");
    if (source_->directory.empty()) {
      return fail(ErrorCode::kInvalid, "it needs a directory: src=…");
    }
    const std::string text = SLIP_TRY(read_file(source_->directory + "/index.json", kMaxDocument));
    const Json index = SLIP_TRY(parse_json(text));
    const std::string wanted = attribute(from_, "digest");
    const std::string tag = attribute(from_, "tag");
    for (const Json& entry : index["manifests"].items()) {
      const std::string_view name =
          entry["annotations"]["org.opencontainers.image.ref.name"].string_or("latest");
      if (!wanted.empty() && entry["digest"].string_or("") != wanted) continue;
      if (wanted.empty() && name != (tag.empty() ? "latest" : tag)) continue;
      const Digest digest = SLIP_TRY(Digest::parse(entry["digest"].string_or("")));
      return document(digest);
    }
    return fail(ErrorCode::kNotFound, "no such cache in " + printable(source_->directory));
  }

  Result<std::string> open_registry() {
    const std::string ref = attribute(from_, "ref");
    if (ref.empty()) return fail(ErrorCode::kInvalid, "it needs a name: ref=…");
    source_->name = SLIP_TRY(cachestore::Reference::parse(ref));
    registry_ = SLIP_TRY(place_.images.access().get());
    return SLIP_TRY(registry_->manifest(source_->name, cancel_)).bytes;
  }

  /// A blob or manifest of at most 8 MiB, checked.
  Result<std::string> document(const Digest& digest, std::int64_t size = -1) {
    std::string text;
    if (!source_->directory.empty()) {
      text =
          SLIP_TRY(read_file(source_->directory + "/blobs/sha256/" + digest.hex(), kMaxDocument));
    } else if (size < 0) {
      cachestore::Reference by_digest = source_->name;
      by_digest.tag.clear();
      by_digest.digest = digest;
      text = SLIP_TRY(registry_->manifest(by_digest, cancel_)).bytes;
    } else {
      TextSink sink;
      SLIP_TRY(registry_->fetch_blob(
          source_->name, {"", digest, static_cast<std::uint64_t>(size), {}}, 0, sink, cancel_));
      text = std::move(sink.text);
    }
    if (Digest::of(text) == digest) return text;
    return fail(ErrorCode::kCorrupt, "document " + digest.str() + " does not match its digest");
  }

  Status read_manifest(const std::string& text, int depth) {
    const Json manifest = SLIP_TRY(parse_json(text));
    // An index: inline caches of several platforms.
    if (!manifest["manifests"].is_null()) {
      if (depth > 0) return {};
      for (const Json& child : manifest["manifests"].items()) {
        if (child["platform"]["os"].string_or("") == "unknown") continue;
        const Digest digest = SLIP_TRY(Digest::parse(child["digest"].string_or("")));
        const std::string below = SLIP_TRY(document(digest));
        SLIP_TRY(read_manifest(below, depth + 1));
      }
      return {};
    }
    const Json& config = manifest["config"];
    const Digest digest = SLIP_TRY(Digest::parse(config["digest"].string_or("")));
    const bool own = config["mediaType"].string_or("") == kCacheConfig;
    const std::string_view inlined = manifest["annotations"][kInlineCache].string_or("");
    if (!own && inlined.empty()) return {};
    const std::string config_text = SLIP_TRY(document(digest, config["size"].int_or(0)));
    const Json document_json = SLIP_TRY(parse_json(config_text));
    if (own && document_json["version"].int_or(0) != kVersion) {
      return fail(ErrorCode::kUnsupported, "a cache of another version");
    }
    SLIP_TRY(read_layers(manifest["layers"], document_json, own));
    if (own) return read_records(document_json["records"]);
    const Json records = SLIP_TRY(parse_json(inlined));
    return read_records(records);
  }

  /// Diff IDs: our manifests say them with each layer, an image's config in their order.
  Status read_layers(const Json& layers, const Json& config, bool own) {
    const Json::Array& diff_ids = config["rootfs"]["diff_ids"].items();
    for (std::size_t i = 0; i < layers.items().size(); ++i) {
      const Json& layer = layers.items()[i];
      const std::string_view diff_id =
          own                   ? layer["annotations"]["dev.slipway.diff-id"].string_or("")
          : i < diff_ids.size() ? diff_ids[i].string_or("")
                                : std::string_view();
      const auto key = Digest::parse(diff_id);
      if (!key || layer["size"].int_or(-1) < 0) continue;
      cachestore::RemoteDescriptor blob;
      blob.media_type = layer["mediaType"].string_or("");
      blob.digest = SLIP_TRY(Digest::parse(layer["digest"].string_or("")));
      blob.size = static_cast<std::uint64_t>(layer["size"].int_or(0));
      source_->layers.emplace(*key, std::move(blob));
    }
    return {};
  }

  Status read_records(const Json& records) {
    for (const Json& json : records.items()) {
      const auto key = Digest::parse(json["key"].string_or(""));
      const auto diff_id = Digest::parse(json["diffID"].string_or(""));
      if (!key || !diff_id || !source_->layers.contains(*diff_id)) continue;
      if (records_.size() >= kMaxRecords) return fail(ErrorCode::kExhausted, "too many records");
      records_.push_back({key->str(), "", *diff_id, json["metadata"]});
    }
    return {};
  }

  const BuildPlace& place_;
  const CacheEndpoint& from_;
  const CancelToken& cancel_;
  std::shared_ptr<Source> source_;
  std::shared_ptr<cachestore::Registry> registry_;
  std::vector<CacheRecord> records_;
};

/// The layer's blob in a file, checked.
Status fetch_blob(const BuildPlace& place, const Source& source,
                  const cachestore::RemoteDescriptor& blob, int to, const CancelToken& cancel) {
  FileSink sink(to);
  if (source.directory.empty()) {
    const std::shared_ptr<cachestore::Registry> registry = SLIP_TRY(place.images.access().get());
    SLIP_TRY(registry->fetch_blob(source.name, blob, 0, sink, cancel));
  } else {
    const std::string path = source.directory + "/blobs/sha256/" + blob.digest.hex();
    const Fd from = SLIP_TRY(open_file(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK));
    std::string buffer(std::size_t{256} << 10, '\0');
    while (!cancel.cancelled()) {
      const ssize_t n = ::read(from.get(), buffer.data(), buffer.size());
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return fail_errno("read " + printable(path));
      if (n == 0) break;
      SLIP_TRY(sink.write(std::string_view(buffer).substr(0, static_cast<std::size_t>(n))));
    }
    if (cancel.cancelled()) return fail(ErrorCode::kCancelled, "cancelled");
  }
  if (sink.digest() == blob.digest) return {};
  return fail(ErrorCode::kCorrupt, "its content does not match its digest");
}

}  // namespace

Json inline_cache_json(const std::vector<CacheRecord>& records) {
  std::map<std::string, const CacheRecord*> sorted;
  for (const CacheRecord& record : records) sorted.emplace(record.key, &record);
  Json list = Json::array();
  for (const auto& [key, record] : sorted) list.push(record_json(*record));
  return list;
}

Status export_cache(const BuildPlace& place, const CacheEndpoint& to,
                    const std::vector<CacheRecord>& records, const CancelToken& cancel) {
  if (to.type == "inline") return {};
  if (to.type != "local" && to.type != "registry") {
    return fail(ErrorCode::kUnsupported, "export cache: no type \"" + printable(to.type) +
                                             "\"; there are registry, local and inline");
  }
  Status done = do_export(place, to, records, cancel);
  if (done) return {};
  if (done.error().code() != ErrorCode::kCancelled && attribute(to, "ignore-error") == "true") {
    return {};
  }
  return fail(std::move(done).error().within("export cache (" + to.type + ")"));
}

Result<ImportedCache> import_cache(const BuildPlace& place, const CacheEndpoint& from,
                                   BuildObserver& observer, const CancelToken& cancel) {
  if (from.type != "local" && from.type != "registry") {
    return fail(ErrorCode::kUnsupported, "import cache: no type \"" + printable(from.type) +
                                             "\"; there are registry and local");
  }
  Result<ImportedCache> imported = Import(place, from, cancel).run();
  if (imported) return imported;
  if (imported.error().code() == ErrorCode::kNotFound) {
    observer.note("import cache (" + from.type + "): " + imported.error().text());
    return ImportedCache{from, {}, nullptr};
  }
  return fail(std::move(imported).error().within("import cache (" + from.type + ")"));
}

Result<cachestore::Snapshot> fetch_cached_layer(const BuildPlace& place, const ImportedCache& cache,
                                                const CacheRecord& record,
                                                const CancelToken& cancel) {
  const std::string doing = "fetch cached layer " + record.diff_id.str();
  const auto source = std::static_pointer_cast<Source>(cache.source);
  if (!source || !source->layers.contains(record.diff_id)) {
    return fail(ErrorCode::kNotFound, doing + ": it is not in the cache");
  }
  cachestore::Draft draft = SLIP_TRY_WITHIN(doing, place.store.begin());
  const Fd file = SLIP_TRY_WITHIN(doing, open_file(draft.work(), O_TMPFILE | O_RDWR, 0600));
  SLIP_TRY_WITHIN(
      doing, fetch_blob(place, *source, source->layers.at(record.diff_id), file.get(), cancel));
  if (::lseek(file.get(), 0, SEEK_SET) != 0) return fail_errno(doing);
  const Fd top = SLIP_TRY_WITHIN(doing, open_file(draft.upper(), O_RDONLY | O_DIRECTORY));
  SLIP_TRY_WITHIN(doing, cachestore::unpack(file.get(), "layer", top.get(),
                                            cachestore::UnpackPolicy::kLayer, {}, cancel));
  // What was packed here packs to the same bytes again: this is the layer that the record means, whole.
  const Digest diff_id = SLIP_TRY_WITHIN(doing, cachestore::layer_diff_id(top.get(), cancel));
  if (diff_id != record.diff_id) {
    return fail(ErrorCode::kCorrupt, doing + ": its files give " + diff_id.str());
  }
  return SLIP_TRY_WITHIN(doing,
                         place.store.commit(std::move(draft), cachestore::SnapshotKind::kStep, "",
                                            Json::object(), cachestore::Durability::kRelaxed));
}

}  // namespace slipway::runner
