// `image import`: a root file system archive becomes an image of one layer, whole or not at all.
//
// Everything is prepared in drafts, where a crash leaves it to the next sweep; written to disk; and then, in one index
// transaction, renamed into place and recorded. Until the commit nothing refers to it, after it nothing is missing.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/files.h"
#include "base/text.h"
#include "cachestore/image/config_json.h"
#include "cachestore/image/image_access.h"
#include "cachestore/image/known_layer.h"
#include "cachestore/image/layout.h"
#include "cachestore/layer/unpack.h"

namespace slipway::cachestore {
namespace {

// A progress line is redrawn at most this often.
constexpr Millis kProgressEvery{50};

// Media types by Compression. Spec: OCI image-spec, media-types.md.
constexpr std::string_view kLayerTypes[] = {
    kLayerType,
    "application/vnd.oci.image.layer.v1.tar+gzip",
    "application/vnd.oci.image.layer.v1.tar+zstd",
};

auto throttled(const ImportRequest& request) {
  struct stat info {};
  const bool sized = ::fstat(request.fd, &info) == 0 && S_ISREG(info.st_mode);
  const std::uint64_t total = sized ? static_cast<std::uint64_t>(info.st_size) : 0;
  return [&request, total, last = MonoTime()](std::uint64_t bytes, std::uint64_t entries) mutable {
    const MonoTime now = real_clock().mono();
    if (now - last < kProgressEvery) return;
    last = now;
    request.progress({bytes, total, entries});
  };
}

ImageConfig complete(ImageConfig config, std::int64_t now) {
  if (config.architecture.empty()) config.architecture = machine_architecture();
  if (config.os.empty()) config.os = "linux";
  if (config.created == WallTime()) config.created = from_millis(now);
  return config;
}

/// One import, from archive to rows.
class Import {
 public:
  Import(StoreCore& core, const ImportRequest& request) : core_(core), request_(request) {}

  /// The layer is in the store already: nothing to unpack.
  void use_known(KnownLayer known) {
    layer_.blob = known.blob;
    layer_.blob_size = known.blob_size;
    layer_.diff_id = known.diff_id;
    layer_.compression = known.compression;
    lease_.push_back(std::move(known.lease));
  }

  Status unpack(DraftHandle& draft, const CancelToken& cancel) {
    draft_ = &draft;
    const Fd fs = SLIP_TRY(open_at(core_.yard->fd(), draft.id + "/fs", O_RDONLY | O_DIRECTORY));
    const Fd tee =
        SLIP_TRY(open_at(core_.yard->fd(), blob_name(), O_WRONLY | O_CREAT | O_EXCL, 0600));
    ApplyRequest apply;
    apply.fd = request_.fd;
    apply.source = request_.source;
    apply.target_fd = fs.get();
    apply.xattrs = overlay_xattrs_here();
    apply.limits = core_.limits;
    apply.tee_fd = tee.get();
    apply.tee_name = core_.yard->path() + "/" + blob_name();
    if (request_.progress) apply.progress = throttled(request_);
    layer_ = SLIP_TRY(apply_archive(apply, cancel));
    return {};
  }

  /// Writes the documents, syncs, and makes all of it an image in one transaction. Returns the image's id.
  Result<Digest> finish() {
    now_ = to_millis(real_clock().wall());
    StagedBlob config = SLIP_TRY(StagedBlob::write(core_, config_text()));
    StagedBlob manifest = SLIP_TRY(StagedBlob::write(core_, manifest_text(config)));
    if (draft_ != nullptr) SLIP_TRY(sync_store(core_));
    std::optional<Placement> placement;
    Status done = core_.index.with([&](Database& database) {
      return database.transaction(SyncMode::kFull, [&]() -> Status {
        SLIP_TRY(draft_ != nullptr ? place_layer(database, placement) : check_known(database));
        SLIP_TRY(record(database, config, manifest));
        SLIP_TRY(core_.blobs.sync_names());
        return sync_snapshot_names(core_);
      });
    });
    if (!done) core_.yard->leave_for_sweep();  // blobs may be in place without a row
    SLIP_TRY(std::move(done));
    if (placement) placement->keep();
    if (request_.progress) {
      request_.progress({layer_.blob_size, layer_.blob_size, layer_.stats.entries});
    }
    return config.digest();
  }

 private:
  std::string blob_name() const { return draft_->id + "/blob"; }

  std::string config_text() const {
    const std::string name = request_.source.substr(request_.source.rfind('/') + 1);
    ImageConfig config = complete(request_.config, now_);
    HistoryEntry entry;
    entry.created = config.created;
    entry.comment = "imported from " + to_valid_utf8(name);
    config.history = {std::move(entry)};
    return make_config(config, {layer_.diff_id});
  }

  std::string manifest_text(const StagedBlob& config) const {
    return make_manifest({kConfigType, config.digest(), config.size()},
                         {{kLayerTypes[static_cast<std::size_t>(layer_.compression)], layer_.blob,
                           layer_.blob_size}});
  }

  // The layer's snapshot: ours, or one that has the same content already.
  Status place_layer(Database& database, std::optional<Placement>& placement) {
    SLIP_TRY(core_.blobs.place(core_.yard->fd(), blob_name(), layer_.blob));
    SnapshotRow row =
        new_row(*draft_, SnapshotKind::kLayer, layer_.diff_id.str(), "{}", Durability::kFull);
    row.bytes = static_cast<std::int64_t>(layer_.stats.bytes);
    if (const auto known = SLIP_TRY(snapshot_rows::by_key(database, row.kind, row.key))) {
      if (usable(core_, *known)) return snapshot_rows::touch(database, known->id, row.used);
      core_.yard->discard(SLIP_TRY(forget_snapshot(core_, database, known->id)));
    }
    placement.emplace(SLIP_TRY(Placement::make(core_, database, *draft_, row)));
    return {};
  }

  // The snapshot is leased; the blob may have gone with its last image since it was found.
  Status check_known(Database& database) {
    if (SLIP_TRY(blob_rows::get(database, layer_.blob.str()))) return {};
    return fail(ErrorCode::kConflict, "its layer was removed meanwhile; try again");
  }

  Status record(Database& database, StagedBlob& config, StagedBlob& manifest) {
    const auto size = static_cast<std::int64_t>(layer_.blob_size);
    SLIP_TRY(blob_rows::put(database, {layer_.blob.str(), size, layer_.diff_id.str()}, now_));
    SLIP_TRY(config.place(database, now_));
    SLIP_TRY(manifest.place(database, now_));
    ImageRow row;
    row.id = config.digest().str();
    row.manifest = manifest.digest().str();
    row.created = now_;
    row.diff_ids = {layer_.diff_id.str()};
    SLIP_TRY(image_rows::put(database, row, {row.id, row.manifest, layer_.blob.str()}));
    SLIP_TRY(image_rows::set_name(database, request_.name.canonical(), row.id));
    return write_layout_index(core_, database);
  }

  StoreCore& core_;
  const ImportRequest& request_;
  DraftHandle* draft_ = nullptr;
  Applied layer_;
  std::vector<Fd> lease_;
  std::int64_t now_ = 0;
};

Result<Digest> run_import(StoreCore& core, const ImportRequest& request,
                          const CancelToken& cancel) {
  Import import(core, request);
  DraftHandle draft;
  auto known = SLIP_TRY(find_known_layer(core, request.fd, request.source, cancel));
  if (known) {
    import.use_known(*std::move(known));
  } else {
    draft.yard = core.yard;
    draft.id = SLIP_TRY(core.yard->create());
    SLIP_TRY(import.unpack(draft, cancel));
  }
  return import.finish();
}

}  // namespace

Result<Image> Store::import_image(const ImportRequest& request, const CancelToken& cancel) {
  StoreCore& core = *state_->core;
  const std::string doing = "import " + request.name.familiar();
  if (request.name.digest || request.name.tag.empty()) {
    return fail(ErrorCode::kInvalid, doing + ": the name must have a tag and no digest");
  }
  auto id = run_import(core, request, cancel);
  if (!id) return fail(explain_failure(core, std::move(id).error(), doing));
  return image(id->str());
}

}  // namespace slipway::cachestore
