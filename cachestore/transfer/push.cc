// The door to pushing: which layers a registry lacks, how each gets there (mounted, as it was pulled, or packed on the
// way), and the manifest at the end. An image that came from a registry and was not changed goes back bit by bit.
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <map>

#include "base/files.h"
#include "base/text.h"
#include "cachestore/image/config_json.h"
#include "cachestore/image/image_access.h"
#include "cachestore/index/registry_rows.h"
#include "cachestore/layer/fd_source.h"
#include "cachestore/layer/pack_layer.h"
#include "cachestore/transfer/bodies.h"
#include "cachestore/transfer/crew.h"
#include "cachestore/transfer/layer_pull.h"
#include "cachestore/transfer/store_access.h"

namespace slipway::cachestore {
namespace {

using State = LayerProgress::State;

constexpr std::string_view kGzipLayer = "application/vnd.oci.image.layer.v1.tar+gzip";
constexpr std::string_view kZstdLayer = "application/vnd.oci.image.layer.v1.tar+zstd";

std::string_view type_of(Compression compression) {
  switch (compression) {
    case Compression::kGzip:
      return kGzipLayer;
    case Compression::kZstd:
      return kZstdLayer;
    case Compression::kNone:
      break;
  }
  return kLayerType;
}

/// One distinct layer of the image.
struct PushLayer {
  Snapshot snapshot;
  Digest diff_id;
  std::optional<RemoteDescriptor> blob;   ///< What it is as a blob, if that is known.
  bool blob_here = false;                 ///< And in the store.
  bool keep = false;                      ///< The blob is what the manifest says.
  Compression pack = Compression::kGzip;  ///< What it becomes otherwise.
};

/// Sends blobs of one push; thread-safe.
class BlobSender {
 public:
  BlobSender(StoreCore& core, Registry& registry, const Reference& to)
      : core_(core), registry_(registry), to_(to), repository_(to.registry + "/" + to.repository) {}

  enum class Found { kThere, kMounted, kMissing };
  Result<Found> find(const Digest& digest, const CancelToken& cancel) {
    if (SLIP_TRY(registry_.has_blob(to_, digest, cancel))) return Found::kThere;
    const auto repositories = SLIP_TRY(core_.index.with([&](Database& database) {
      return registry_rows::blob_repositories(database, digest.str(), to_.registry);
    }));
    for (const std::string& repository : repositories) {
      if (repository == repository_) continue;
      const std::string from = repository.substr(to_.registry.size() + 1);
      // That the other repository is gone or closed to us is no reason to fail.
      const auto mounted = registry_.mount_blob(to_, from, digest, cancel);
      if (mounted && *mounted) return Found::kMounted;
    }
    return Found::kMissing;
  }

  Status send(BlobBody& body, const Digest& digest, const CancelToken& cancel) {
    return registry_.upload_blob(
        to_, body, [&]() -> Result<Digest> { return digest; }, cancel);
  }

  Registry& registry() { return registry_; }
  const Reference& to() const { return to_; }
  const std::string& repository() const { return repository_; }

 private:
  StoreCore& core_;
  Registry& registry_;
  const Reference& to_;
  std::string repository_;
};

class Push {
 public:
  Push(StoreCore& core, Registry& registry, const PushRequest& request, TransferObserver* observer)
      : core_(core),
        request_(request),
        observer_(observer),
        sender_(core, registry, request.name) {}

  Result<Pushed> run(const CancelToken& cancel) {
    SLIP_TRY(read_image());
    SLIP_TRY(plan());
    if (observer_ != nullptr) observer_->layers(layers_.size(), 0);
    const CancelToken stop = cancel.child();
    Status done = Crew(layers_.size(), stop).run(request_.parallel, [&](std::size_t i) {
      return send_layer(layers_[i], stop);
    });
    if (done && cancel.cancelled()) done = fail(ErrorCode::kCancelled, "cancelled");
    SLIP_TRY(std::move(done));
    SLIP_TRY(send_config(cancel));
    SLIP_TRY(send_manifest(cancel));
    pushed_.layers = layers_.size();
    pushed_.layers_present = present_;
    pushed_.bytes += sent_;
    SLIP_TRY(remember());
    return pushed_;
  }

 private:
  Status read_image() {
    auto image = core_.index.with([&](Database& database) -> Result<Image> {
      const ImageMatch match =
          SLIP_TRY(resolve_image(core_, database, "find image", request_.image));
      return load_image(core_, database, match.row);
    });
    image_ = SLIP_TRY(std::move(image));
    for (const Snapshot& layer : image_.layers) {
      Fd lease(
          ::openat(core_.snapshots_fd.get(), layer.id.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
      if (!lease.valid() || ::flock(lease.get(), LOCK_SH | LOCK_NB) != 0) {
        return fail(ErrorCode::kConflict, "layer " + layer.key + " is being removed");
      }
      leases_.push_back(std::move(lease));
    }
    config_ = SLIP_TRY(core_.blobs.read(image_.id, kMaxConfig));
    auto manifest = core_.blobs.read(image_.manifest, kMaxManifest);
    if (!manifest) return {};
    auto document = parse_manifest(*manifest, "", image_.manifest.str());
    if (!document || !std::holds_alternative<ImageManifest>(*document)) return {};
    auto& parsed = std::get<ImageManifest>(*document);
    if (parsed.layers.size() != image_.layers.size()) return {};
    stored_ = std::move(parsed);
    stored_bytes_ = *std::move(manifest);
    return {};
  }

  // Which distinct layers there are, and what each is to become.
  Status plan() {
    std::map<Digest, std::size_t> seen;
    for (std::size_t i = 0; i < image_.layers.size(); ++i) {
      const auto [known, fresh] = seen.emplace(image_.diff_ids[i], layers_.size());
      order_.push_back(known->second);
      if (!fresh) continue;
      PushLayer layer;
      layer.snapshot = image_.layers[i];
      layer.diff_id = image_.diff_ids[i];
      if (stored_) SLIP_TRY(consider(stored_->layers[i], layer));
      if (!layer.keep) SLIP_TRY(plan_packing(layer));
      layers_.push_back(std::move(layer));
    }
    return {};
  }

  // A plain tar stays plain only where it is known to lie in a registry so: an import was never packed.
  Status consider(const RemoteDescriptor& blob, PushLayer& layer) {
    const auto form = layer_form(blob);
    if (!form) return {};
    const std::string digest = blob.digest.str();
    return core_.index.with([&](Database& database) -> Status {
      layer.blob_here = SLIP_TRY(pull_rows::blob_trusted(database, digest, boot_id())) &&
                        core_.blobs.has(blob.digest);
      const bool known = SLIP_TRY(registry_rows::in_some_repository(database, digest));
      if (!layer.blob_here && !known) return {};
      switch (request_.compression) {
        case LayerCompression::kKeep:
          layer.keep = *form != LayerForm::kTar || known;
          break;
        case LayerCompression::kGzip:
          layer.keep = *form == LayerForm::kTarGzip || *form == LayerForm::kAnyTar;
          break;
        case LayerCompression::kZstd:
          layer.keep = *form == LayerForm::kTarZstd;
          break;
      }
      // A blob that has to be packed anew is read, not sent; kept ones are known by their digest.
      if (layer.keep || layer.blob_here) layer.blob = blob;
      return {};
    });
  }

  Status plan_packing(PushLayer& layer) {
    source_.emplace(layer.diff_id, layer.blob_here && layer.blob
                                       ? std::optional<Digest>(layer.blob->digest)
                                       : std::nullopt);
    layer.blob.reset();
    layer.pack =
        request_.compression == LayerCompression::kZstd ? Compression::kZstd : Compression::kGzip;
    const auto packed = SLIP_TRY(core_.index.with([&](Database& database) {
      return packed_rows::get(database, layer.diff_id.str(), type_of(layer.pack));
    }));
    if (!packed) return {};
    layer.blob = RemoteDescriptor{packed->media_type,
                                  SLIP_TRY(Digest::parse(packed->digest)),
                                  static_cast<std::uint64_t>(packed->size),
                                  {}};
    return {};
  }

  Status send_layer(PushLayer& layer, const CancelToken& cancel) {
    LayerReporter report(observer_, layer.blob ? layer.blob->digest : layer.diff_id,
                         layer.blob ? layer.blob->size : 0);
    report.state(State::kWaiting, 0);
    if (layer.blob) {
      const auto found = SLIP_TRY(sender_.find(layer.blob->digest, cancel));
      if (found != BlobSender::Found::kMissing) {
        ++present_;
        report.state(found == BlobSender::Found::kMounted ? State::kMounted : State::kPresent,
                     layer.blob->size);
        return {};
      }
    }
    Status done = layer.keep && layer.blob_here ? send_blob(layer, report, cancel)
                                                : send_packed(layer, report, cancel);
    if (!done) {
      return fail(std::move(done).error().within("push layer " + layer.diff_id.str()));
    }
    report.state(State::kDone, layer.blob->size);
    return {};
  }

  Status send_blob(PushLayer& layer, LayerReporter& report, const CancelToken& cancel) {
    Fd fd = SLIP_TRY(open_at(core_.blobs.fd(), layer.blob->digest.hex(), O_RDONLY | O_NOFOLLOW));
    report.state(State::kUploading, 0);
    FileBody body(std::move(fd), layer.blob->size, core_.blobs.path(),
                  [&](std::uint64_t bytes) { report.bytes(bytes); });
    SLIP_TRY(sender_.send(body, layer.blob->digest, cancel));
    sent_ += layer.blob->size;
    return {};
  }

  Status send_packed(PushLayer& layer, LayerReporter& report, const CancelToken& cancel) {
    report.rename(layer.diff_id, 0);
    report.state(State::kCompressing, 0);
    PackedBody body([&](ByteSink& out, const CancelToken& stop) { return tar(layer, out, stop); },
                    layer.pack, cancel, [&](std::uint64_t bytes) { report.bytes(bytes); });
    const auto digest = [&]() -> Result<Digest> {
      if (body.diff_id() == layer.diff_id) return body.digest();
      return fail(ErrorCode::kCorrupt,
                  "its blob is not in the store and its files do not pack to it again (they give " +
                      body.diff_id().str() + "); pull or import the image again");
    };
    SLIP_TRY(sender_.registry().upload_blob(sender_.to(), body, digest, cancel));
    layer.blob =
        RemoteDescriptor{std::string(type_of(layer.pack)), body.digest(), body.bytes(), {}};
    layer.keep = false;
    sent_ += body.bytes();
    report.rename(body.digest(), body.bytes());
    return {};
  }

  // The plain tar: from the blob, when there is one, since what was unpacked from a stranger's tar packs otherwise.
  Status tar(const PushLayer& layer, ByteSink& out, const CancelToken& cancel) const {
    const auto source = source_.find(layer.diff_id);
    if (source == source_.end() || !source->second) {
      const Fd fs = SLIP_TRY(open_at(core_.snapshots_fd.get(), layer.snapshot.id + "/fs",
                                     O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
      return pack_layer_to(fs.get(), out, cancel);
    }
    const std::string name = "layer " + source->second->str();
    const Fd fd = SLIP_TRY(open_at(core_.blobs.fd(), source->second->hex(), O_RDONLY | O_NOFOLLOW));
    FdSource raw({fd.get(), name, -1, "", cancel, core_.limits.stall, core_.limits.total});
    const Decoded decoded = SLIP_TRY(decode(raw, name, core_.limits.max_ratio));
    std::vector<char> chunk(std::size_t{256} << 10);
    for (;;) {
      const std::size_t n = SLIP_TRY(decoded.bytes->read(chunk));
      if (n == 0) return {};
      SLIP_TRY(out.write({chunk.data(), n}));
    }
  }

  Status send_config(const CancelToken& cancel) {
    if (SLIP_TRY(sender_.find(image_.id, cancel)) != BlobSender::Found::kMissing) return {};
    TextBody body(config_);
    SLIP_TRY_WITHIN("push config", sender_.send(body, image_.id, cancel));
    sent_ += config_.size();
    return {};
  }

  bool unchanged() const {
    if (!stored_) return false;
    for (std::size_t i = 0; i < order_.size(); ++i) {
      const PushLayer& layer = layers_[order_[i]];
      if (!layer.keep || layer.blob->digest != stored_->layers[i].digest) return false;
    }
    return true;
  }

  // Docker's manifests cannot say zstd, so a changed manifest is always an OCI one.
  Result<std::string> make_new_manifest() const {
    std::vector<Descriptor> list;
    for (const std::size_t i : order_) {
      const RemoteDescriptor& blob = *layers_[i].blob;
      std::string_view type = blob.media_type;
      switch (SLIP_TRY(layer_form(blob))) {
        case LayerForm::kTar:
          type = kLayerType;
          break;
        case LayerForm::kTarZstd:
          type = kZstdLayer;
          break;
        case LayerForm::kTarGzip:
        case LayerForm::kAnyTar:
          type = kGzipLayer;
          break;
      }
      list.push_back({type, blob.digest, blob.size});
    }
    return make_manifest({kConfigType, image_.id, config_.size()}, list);
  }

  Status send_manifest(const CancelToken& cancel) {
    const bool same = unchanged();
    const std::string bytes = same ? stored_bytes_ : SLIP_TRY(make_new_manifest());
    const std::string type = same ? stored_->media_type : std::string(kManifestType);
    pushed_.digest = Digest::of(bytes);
    pushed_.manifest_size = bytes.size();
    const Digest answered =
        SLIP_TRY(sender_.registry().put_manifest(request_.name, type, bytes, cancel));
    if (answered == pushed_.digest) return {};
    return fail(ErrorCode::kCorrupt, "push manifest " + pushed_.digest.str() +
                                         ": the registry keeps it as " + answered.str());
  }

  Status remember() {
    const std::string id = image_.id.str();
    return core_.index.with([&](Database& database) {
      return database.transaction(SyncMode::kNormal, [&]() -> Status {
        if (!SLIP_TRY(image_rows::by_id(database, id))) return {};  // removed meanwhile
        SLIP_TRY(registry_rows::put_digest(database, sender_.repository(), pushed_.digest.str(), "",
                                           id));
        SLIP_TRY(registry_rows::put_blob_repository(database, id, sender_.repository()));
        for (const PushLayer& layer : layers_) {
          const std::string digest = layer.blob->digest.str();
          SLIP_TRY(registry_rows::put_blob_repository(database, digest, sender_.repository()));
          if (layer.keep) continue;
          SLIP_TRY(packed_rows::put(database, {layer.diff_id.str(), layer.blob->media_type, digest,
                                               static_cast<std::int64_t>(layer.blob->size)}));
        }
        return {};
      });
    });
  }

  StoreCore& core_;
  const PushRequest& request_;
  TransferObserver* observer_;
  BlobSender sender_;
  Image image_;
  std::vector<Fd> leases_;
  std::string config_;
  std::optional<ImageManifest> stored_;  ///< As it was pulled or imported.
  std::string stored_bytes_;
  std::vector<PushLayer> layers_;                   ///< Each diff ID once.
  std::vector<std::size_t> order_;                  ///< The image's layers in layers_.
  std::map<Digest, std::optional<Digest>> source_;  ///< Blobs to read plain tars from.
  std::atomic<std::size_t> present_ = 0;
  std::atomic<std::uint64_t> sent_ = 0;
  Pushed pushed_;
};

}  // namespace

Result<Pushed> push_image(Store& store, Registry& registry, const PushRequest& request,
                          TransferObserver* observer, const CancelToken& cancel) {
  const std::string doing = "push " + request.name.familiar();
  if (request.name.digest || request.name.tag.empty()) {
    return fail(ErrorCode::kInvalid, doing + ": the name must have a tag and no digest");
  }
  auto pushed = Push(StoreAccess::core(store), registry, request, observer).run(cancel);
  if (!pushed) return fail(std::move(pushed).error().within(doing));
  return pushed;
}

}  // namespace slipway::cachestore
