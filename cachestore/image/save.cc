// Images -> one archive: an OCI layout, with docker's manifest.json unless OCI only is wanted.
//   oci-layout  index.json  [manifest.json]  blobs/sha256/<documents>  blobs/sha256/<layers>
// Documents first, so that a reader of a stream knows what the layers are for when they come.
// Spec: OCI image-spec, image-layout.md; Docker image-spec v1.2, "Combined Image JSON + Filesystem Changeset Format".
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <set>

#include "base/files.h"
#include "base/text.h"
#include "cachestore/image/config_json.h"
#include "cachestore/image/image_access.h"
#include "cachestore/image_archive.h"
#include "cachestore/layer/pack_layer.h"
#include "cachestore/layer/tar_writer.h"
#include "cachestore/transfer/store_access.h"

namespace slipway::cachestore {
namespace {

constexpr std::size_t kChunk = std::size_t{256} << 10;
constexpr std::string_view kBlobs = "blobs/sha256/";
// The annotation of containerd and docker for the whole name; OCI's own is for the tag.
constexpr const char* kNameAnnotation = "io.containerd.image.name";
constexpr const char* kTagAnnotation = "org.opencontainers.image.ref.name";

/// An image of the archive and the names it gets there.
struct Chosen {
  ImageRow row;
  std::string config;
  std::string manifest;
  std::string manifest_type;
  std::vector<std::pair<Digest, std::uint64_t>> layers;  ///< Blobs and their sizes.
  std::set<std::string> names;                           ///< Canonical.
};

/// Counts, tells and writes.
class ArchiveSink : public ByteSink {
 public:
  ArchiveSink(const SaveRequest& request, const CancelToken& cancel)
      : request_(request), cancel_(cancel), out_(request.fd, request.target) {}
  Status write(std::string_view data) override {
    if (cancel_.cancelled()) return fail(ErrorCode::kCancelled, "cancelled");
    SLIP_TRY(out_.write(data));
    bytes_ += data.size();
    if (request_.progress) request_.progress(bytes_);
    return {};
  }
  std::uint64_t bytes() const { return bytes_; }

 private:
  const SaveRequest& request_;
  const CancelToken& cancel_;
  FdSink out_;
  std::uint64_t bytes_ = 0;
};

// "busybox" is all of its tags, as docker save means it; anything that has a tag or digest, or is an id, is one image.
bool names_repository(const std::string& text) {
  const std::size_t slash = text.rfind('/');
  return text.find_first_of(":@", slash == std::string::npos ? 0 : slash) == std::string::npos;
}

class Save {
 public:
  Save(StoreCore& core, const SaveRequest& request, const CancelToken& cancel)
      : core_(core), request_(request), cancel_(cancel), out_(request, cancel) {}

  Status choose_all() {
    for (const std::string& text : request_.images) SLIP_TRY(choose(text));
    return {};
  }

  Result<Saved> write() {
    for (Chosen& image : images_) SLIP_TRY(read_documents(image));
    SLIP_TRY(add_document("oci-layout", R"({"imageLayoutVersion":"1.0.0"})"));
    SLIP_TRY(add_document("index.json", index_json()));
    if (request_.format == ArchiveFormat::kDocker) {
      SLIP_TRY(add_document("manifest.json", manifest_json()));
    }
    SLIP_TRY(add_directory("blobs/"));
    SLIP_TRY(add_directory(std::string(kBlobs)));
    for (const Chosen& image : images_) {
      SLIP_TRY(add_blob_text(image.row.id, image.config));
      SLIP_TRY(add_blob_text(image.row.manifest, image.manifest));
    }
    for (const Chosen& image : images_) {
      for (const auto& [digest, size] : image.layers) SLIP_TRY(add_layer(digest, size));
    }
    SLIP_TRY(out_.write(tar_trailer()));
    Saved saved;
    for (const Chosen& image : images_) {
      saved.images.push_back(SLIP_TRY(Digest::parse(image.row.id)));
    }
    saved.bytes = out_.bytes();
    return saved;
  }

 private:
  Status choose(const std::string& text) {
    return core_.index.with([&](Database& database) -> Status {
      const auto reference = Reference::parse(text);
      if (reference && names_repository(text)) {
        if (SLIP_TRY(choose_repository(database, *reference))) return {};
      }
      const ImageMatch match = SLIP_TRY(resolve_image(core_, database, "save image", text));
      Chosen& image = chosen(match.row);
      if (match.name) image.names.insert(*match.name);
      return {};
    });
  }

  Result<bool> choose_repository(Database& database, const Reference& wanted) {
    bool any = false;
    for (const std::string& name : SLIP_TRY(image_rows::all_names(database))) {
      const auto reference = Reference::parse(name);
      if (!reference || reference->registry != wanted.registry ||
          reference->repository != wanted.repository) {
        continue;
      }
      const auto id = SLIP_TRY(image_rows::id_of_name(database, name));
      const auto row = id ? SLIP_TRY(image_rows::by_id(database, *id)) : std::nullopt;
      if (!row) continue;
      chosen(*row).names.insert(name);
      any = true;
    }
    return any;
  }

  Chosen& chosen(const ImageRow& row) {
    const auto same = [&](const Chosen& image) { return image.row.id == row.id; };
    const auto known = std::find_if(images_.begin(), images_.end(), same);
    if (known != images_.end()) return *known;
    images_.emplace_back().row = row;
    return images_.back();
  }

  Status read_documents(Chosen& image) {
    const Digest config = SLIP_TRY(Digest::parse(image.row.id));
    const Digest manifest = SLIP_TRY(Digest::parse(image.row.manifest));
    image.config = SLIP_TRY(core_.blobs.read(config, kMaxConfig));
    image.manifest = SLIP_TRY(core_.blobs.read(manifest, kMaxManifest));
    const std::string what = "read manifest " + image.row.manifest;
    const Json json = SLIP_TRY_WITHIN(what, parse_json(image.manifest));
    image.manifest_type = json["mediaType"].string_or(kManifestType);
    for (const Json& layer : json["layers"].items()) {
      const Digest digest = SLIP_TRY_WITHIN(what, Digest::parse(layer["digest"].string_or("")));
      image.layers.emplace_back(digest, static_cast<std::uint64_t>(layer["size"].int_or(0)));
    }
    if (image.layers.size() == image.row.diff_ids.size()) return {};
    return fail(ErrorCode::kCorrupt, what + ": it has another number of layers than its config");
  }

  std::string index_json() const {
    Json manifests = Json::array();
    for (const Chosen& image : images_) {
      const Json plain = Json::object({{"mediaType", image.manifest_type},
                                       {"digest", image.row.manifest},
                                       {"size", image.manifest.size()}});
      if (image.names.empty()) manifests.push(plain);
      for (const std::string& name : image.names) {
        Json named = plain;
        named.set("annotations",
                  Json::object({{kNameAnnotation, name},
                                {kTagAnnotation, name.substr(name.rfind(':') + 1)}}));
        manifests.push(std::move(named));
      }
    }
    return Json::object({{"schemaVersion", 2},
                         {"mediaType", kIndexType},
                         {"manifests", std::move(manifests)}})
        .dump();
  }

  std::string manifest_json() const {
    Json list = Json::array();
    for (const Chosen& image : images_) {
      // Whole names: docker writes "app:1", which podman then takes for localhost/app:1.
      Json names;
      for (const std::string& name : image.names) names.push(name);
      Json layers = Json::array();
      for (const auto& [digest, size] : image.layers) {
        layers.push(std::string(kBlobs) + digest.hex());
      }
      list.push(Json::object({{"Config", std::string(kBlobs) + image.row.id.substr(7)},
                              {"RepoTags", std::move(names)},
                              {"Layers", std::move(layers)}}));
    }
    return list.dump();
  }

  Status add_header(const std::string& name, std::uint64_t size) {
    TarItem item;
    item.name = name;
    item.type = name.ends_with('/') ? '5' : '0';
    item.mode = name.ends_with('/') ? 0755 : 0644;
    item.size = size;
    return out_.write(tar_header(item));
  }
  Status add_directory(const std::string& name) { return add_header(name, 0); }
  Status add_document(const std::string& name, const std::string& text) {
    SLIP_TRY(add_header(name, text.size()));
    SLIP_TRY(out_.write(text));
    return out_.write(tar_padding(text.size()));
  }
  Status add_blob_text(const std::string& digest, const std::string& text) {
    if (!added_.insert(digest).second) return {};
    return add_document(std::string(kBlobs) + digest.substr(7), text);
  }

  Status add_layer(const Digest& digest, std::uint64_t size) {
    if (!added_.insert(digest.str()).second) return {};
    SLIP_TRY(add_header(std::string(kBlobs) + digest.hex(), size));
    HashSink hash(&out_);
    SLIP_TRY_WITHIN("layer " + digest.str(), copy_layer(digest, hash));
    if (hash.size() != size || hash.digest() != digest) {
      return fail(ErrorCode::kCorrupt,
                  "layer " + digest.str() + ": its content does not match its digest");
    }
    return out_.write(tar_padding(size));
  }

  // As it is stored, or packed now.
  Status copy_layer(const Digest& digest, ByteSink& out) {
    const std::string name = digest.hex();
    const Fd blob(::openat(core_.blobs.fd(), name.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
    if (blob.valid()) return copy_file(blob.get(), out);
    if (errno != ENOENT) return fail_errno("open blob " + core_.blobs.path() + "/" + name);
    const auto snapshot = SLIP_TRY(core_.index.with(
        [&](Database& database) { return snapshot_rows::packs_to(database, digest.str()); }));
    if (!snapshot) return fail(ErrorCode::kCorrupt, "it is missing from the store");
    const Fd dir =
        SLIP_TRY(open_at(core_.snapshots_fd.get(), snapshot->id, O_RDONLY | O_DIRECTORY));
    if (::flock(dir.get(), LOCK_SH) != 0) return fail_errno("lease snapshot " + snapshot->id);
    const Fd fs = SLIP_TRY(open_at(dir.get(), "fs", O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
    return pack_layer_to(fs.get(), out, cancel_);
  }

  Status copy_file(int fd, ByteSink& out) {
    buffer_.resize(kChunk);
    for (;;) {
      const ssize_t n = ::read(fd, buffer_.data(), buffer_.size());
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return fail_errno("read");
      if (n == 0) return {};
      SLIP_TRY(out.write({buffer_.data(), static_cast<std::size_t>(n)}));
    }
  }

  StoreCore& core_;
  const SaveRequest& request_;
  const CancelToken& cancel_;
  ArchiveSink out_;
  std::vector<Chosen> images_;
  std::set<std::string> added_;
  std::vector<char> buffer_;
};

}  // namespace

Result<Saved> save_images(Store& store, const SaveRequest& request, const CancelToken& cancel) {
  Save save(StoreAccess::core(store), request, cancel);
  SLIP_TRY(save.choose_all());
  auto saved = save.write();
  if (!saved) {
    return fail(std::move(saved).error().within("save " + (request.images.size() == 1
                                                               ? printable(request.images.front())
                                                               : std::string("images"))));
  }
  return saved;
}

}  // namespace slipway::cachestore
