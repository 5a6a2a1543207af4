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
#include "cachestore/image/layout.h"
#include "cachestore/layer/unpack.h"

namespace slipway::cachestore {
namespace {

// A progress line is redrawn at most this often.
constexpr Millis kProgressEvery{50};

struct Imported {
  Applied layer;
  ImageConfig config;
  std::int64_t now = 0;
};

// Media types by Compression. Spec: OCI image-spec, media-types.md.
constexpr std::string_view kLayerTypes[] = {
    kLayerType,
    "application/vnd.oci.image.layer.v1.tar+gzip",
    "application/vnd.oci.image.layer.v1.tar+zstd",
};

std::uint64_t size_of(int fd) {
  struct stat info {};
  return ::fstat(fd, &info) == 0 && S_ISREG(info.st_mode) ? static_cast<std::uint64_t>(info.st_size)
                                                          : 0;
}

auto throttled(const ImportRequest& request) {
  return [&request, total = size_of(request.fd), last = MonoTime()](std::uint64_t bytes,
                                                                    std::uint64_t entries) mutable {
    const MonoTime now = real_clock().mono();
    if (now - last < kProgressEvery) return;
    last = now;
    request.progress({bytes, total, entries});
  };
}

Result<Applied> unpack_layer(const StoreCore& core, const DraftHandle& draft,
                             const ImportRequest& request, const CancelToken& cancel) {
  const std::string blob = draft.id + "/blob";
  const Fd fs = SLIP_TRY(open_at(core.yard->fd(), draft.id + "/fs", O_RDONLY | O_DIRECTORY));
  const Fd tee = SLIP_TRY(open_at(core.yard->fd(), blob, O_WRONLY | O_CREAT | O_EXCL, 0600));
  ApplyRequest apply;
  apply.fd = request.fd;
  apply.source = request.source;
  apply.target_fd = fs.get();
  apply.xattrs = overlay_xattrs_here();
  apply.limits = core.limits;
  apply.tee_fd = tee.get();
  apply.tee_name = core.yard->path() + "/" + blob;
  if (request.progress) apply.progress = throttled(request);
  Applied applied = SLIP_TRY(apply_archive(apply, cancel));
  if (request.progress)
    request.progress({applied.blob_size, applied.blob_size, applied.stats.entries});
  return applied;
}

ImageConfig complete(ImageConfig config, std::int64_t now) {
  if (config.architecture.empty()) config.architecture = machine_architecture();
  if (config.os.empty()) config.os = "linux";
  if (config.created == WallTime()) config.created = from_millis(now);
  return config;
}

// The layer's snapshot: ours, or the one that has the same content already. Inside the transaction.
Status place_layer(StoreCore& core, Database& database, DraftHandle& draft, const SnapshotRow& row,
                   std::optional<Placement>& placement) {
  if (const auto known = SLIP_TRY(snapshot_rows::by_key(database, row.kind, row.key))) {
    if (usable(core, *known)) return snapshot_rows::touch(database, known->id, row.used);
    core.yard->discard(SLIP_TRY(forget_snapshot(core, database, known->id)));
  }
  placement.emplace(SLIP_TRY(Placement::make(core, database, draft, row)));
  return {};
}

struct Documents {
  StagedBlob config;
  StagedBlob manifest;
};

Result<Documents> stage_documents(const StoreCore& core, const Imported& imported,
                                  const std::string& source) {
  const std::string comment =
      "imported from " + to_valid_utf8(source.substr(source.rfind('/') + 1));
  const Applied& layer = imported.layer;
  StagedBlob config =
      SLIP_TRY(StagedBlob::write(core, make_config(imported.config, {layer.diff_id}, comment)));
  const std::string manifest = make_manifest(
      {kConfigType, config.digest(), config.size()},
      {{kLayerTypes[static_cast<std::size_t>(layer.compression)], layer.blob, layer.blob_size}});
  StagedBlob staged = SLIP_TRY(StagedBlob::write(core, manifest));
  return Documents{std::move(config), std::move(staged)};
}

Status record(StoreCore& core, Database& database, const Imported& imported, Documents& documents,
              const Reference& name) {
  const Applied& layer = imported.layer;
  SLIP_TRY(blob_rows::put(database, {layer.blob.str(), static_cast<std::int64_t>(layer.blob_size)},
                          imported.now));
  SLIP_TRY(documents.config.place(database, imported.now));
  SLIP_TRY(documents.manifest.place(database, imported.now));
  ImageRow row;
  row.id = documents.config.digest().str();
  row.manifest = documents.manifest.digest().str();
  row.created = imported.now;
  row.diff_ids = {layer.diff_id.str()};
  SLIP_TRY(image_rows::put(database, row, {row.id, row.manifest, layer.blob.str()}));
  SLIP_TRY(image_rows::set_name(database, name.canonical(), row.id));
  SLIP_TRY(write_layout_index(core, database));
  return {};
}

}  // namespace

Result<Image> Store::import_image(const ImportRequest& request, const CancelToken& cancel) {
  StoreCore& core = *state_->core;
  if (request.name.digest || request.name.tag.empty()) {
    return fail(ErrorCode::kInvalid, "import image: the name must have a tag and no digest");
  }
  const std::string doing = "import " + request.name.familiar();
  Draft draft = SLIP_TRY(begin());
  Imported imported;
  imported.layer = SLIP_TRY_WITHIN(doing, unpack_layer(core, *draft.state_, request, cancel));
  imported.now = to_millis(real_clock().wall());
  imported.config = complete(request.config, imported.now);
  Documents documents = SLIP_TRY_WITHIN(doing, stage_documents(core, imported, request.source));
  SLIP_TRY(sync_store(core));
  SnapshotRow row = new_row(*draft.state_, SnapshotKind::kLayer, imported.layer.diff_id.str(), "{}",
                            Durability::kFull);
  row.bytes = static_cast<std::int64_t>(imported.layer.stats.bytes);
  const std::string blob = row.id + "/blob";
  std::optional<Placement> placement;
  Status done = core.index.with([&](Database& database) {
    return database.transaction(SyncMode::kFull, [&]() -> Status {
      SLIP_TRY(core.blobs.place(core.yard->fd(), blob, imported.layer.blob));
      SLIP_TRY(place_layer(core, database, *draft.state_, row, placement));
      SLIP_TRY(record(core, database, imported, documents, request.name));
      SLIP_TRY(core.blobs.sync_names());
      return sync_snapshot_names(core);
    });
  });
  if (!done) core.yard->leave_for_sweep();  // blobs may be in place without a row
  SLIP_TRY_WITHIN(doing, std::move(done));
  if (placement) placement->keep();
  return image(documents.config.digest().str());
}

}  // namespace slipway::cachestore
