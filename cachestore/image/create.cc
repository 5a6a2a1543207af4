// Images made here: by commit of a container or by a build. Their layers exist as snapshots only; the manifest names
// the tar that pack_layer() would make of each, whose digest and size are known without writing it anywhere.
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <thread>

#include "base/files.h"
#include "base/sys.h"
#include "cachestore/image/config_json.h"
#include "cachestore/image/image_access.h"
#include "cachestore/image/layout.h"
#include "cachestore/layer/pack_layer.h"
#include "cachestore/layer/unpack.h"
#include "cachestore/snapshot/measure.h"

namespace slipway::cachestore {
namespace {

/// A layer of the new image, ready to be recorded.
struct MadeLayer {
  DraftHandle* draft = nullptr;  ///< To be placed; else `snapshot` is there.
  std::string snapshot;
  Fd lease;
  Digest diff_id;
  std::uint64_t size = 0;   ///< As a tar.
  std::int64_t bytes = -1;  ///< On disk.
};

Result<Fd> lease_snapshot(const StoreCore& core, const std::string& id) {
  Fd fd(::openat(core.snapshots_fd.get(), id.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.valid()) return fail_errno("open snapshot " + id);
  if (::flock(fd.get(), LOCK_SH) != 0) return fail_errno("lease snapshot " + id);
  return fd;
}

Status hash_layer(int dir_fd, MadeLayer& layer, const CancelToken& cancel) {
  HashSink hash;
  SLIP_TRY(pack_layer_to(dir_fd, hash, cancel));
  layer.size = hash.size();
  layer.bytes = static_cast<std::int64_t>(measure_tree(dir_fd).value);
  layer.diff_id = hash.digest();
  return {};
}

// As a tar through a pipe: the one form that knows whiteouts, owners, attributes and hard links.
Status copy_upper(int from_fd, int to_fd, const LayerLimits& limits, const CancelToken& cancel) {
  auto pipe = SLIP_TRY(sys::make_pipe());
  Status packed;
  std::thread packer([&] {
    // The reader may give up first; that is EPIPE here and no signal.
    sigset_t set;
    ::sigemptyset(&set);
    ::sigaddset(&set, SIGPIPE);
    ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
    FdSink sink(pipe.write.get(), "pipe");
    packed = pack_layer_to(from_fd, sink, cancel);
    pipe.write.reset();
  });
  ApplyRequest apply;
  apply.fd = pipe.read.get();
  apply.source = "the container's files";
  apply.target_fd = to_fd;
  apply.xattrs = overlay_xattrs_here();
  apply.limits = limits;
  auto applied = apply_archive(apply, cancel);
  pipe.read.reset();
  packer.join();
  // A broken pipe on one side is the other side's error.
  if (!packed && packed.error().sys_errno() != EPIPE) return packed;
  SLIP_TRY(std::move(applied));
  return {};
}

/// The parent's documents.
struct Parent {
  ParsedConfig config;
  std::vector<Json> layers;  ///< Descriptors of its manifest.
};

Result<Parent> read_parent(StoreCore& core, const Digest& id) {
  const auto row = SLIP_TRY(
      core.index.with([&](Database& database) { return image_rows::by_id(database, id.str()); }));
  if (!row) return fail(ErrorCode::kNotFound, "find image " + id.str() + ": no such image");
  Parent parent;
  const std::string config = SLIP_TRY(core.blobs.read(id, kMaxConfig));
  parent.config = SLIP_TRY(parse_config(config, row->id));
  const Digest digest = SLIP_TRY(Digest::parse(row->manifest));
  const std::string text = SLIP_TRY(core.blobs.read(digest, kMaxManifest));
  const Json manifest = SLIP_TRY_WITHIN("read manifest " + row->manifest, parse_json(text));
  parent.layers = manifest["layers"].items();
  if (parent.layers.size() != parent.config.diff_ids.size()) {
    return fail(ErrorCode::kCorrupt, "read manifest " + row->manifest +
                                         ": it has another number of layers than its config");
  }
  return parent;
}

/// One creation, from steps to rows.
class Creation {
 public:
  Creation(StoreCore& core, CreateImage& request) : core_(core), request_(request) {}

  Status begin() {
    if (request_.parent) parent_ = SLIP_TRY(read_parent(core_, *request_.parent));
    now_ = to_millis(real_clock().wall());
    ImageConfig& config = request_.config;
    const ImageConfig& base = parent_.config.config;
    if (config.architecture.empty()) config.architecture = base.architecture;
    if (config.os.empty()) config.os = base.os;
    if (config.architecture.empty()) config.architecture = machine_architecture();
    if (config.os.empty()) config.os = "linux";
    if (config.created == WallTime()) config.created = from_millis(now_);
    config.history = base.history;
    return {};
  }

  void add_history(HistoryEntry entry, bool has_layer) {
    if (entry.created == WallTime()) entry.created = request_.config.created;
    entry.empty_layer = !has_layer;
    request_.config.history.push_back(std::move(entry));
  }

  Status add_draft(DraftHandle& draft, const CancelToken& cancel) {
    const Fd fs = SLIP_TRY(open_at(core_.yard->fd(), draft.id + "/fs", O_RDONLY | O_DIRECTORY));
    MadeLayer layer;
    layer.draft = &draft;
    SLIP_TRY(hash_layer(fs.get(), layer, cancel));
    layers_.push_back(std::move(layer));
    return {};
  }

  Status add_copy(int upper_fd, const CancelToken& cancel) {
    auto draft = std::make_unique<DraftHandle>();
    draft->yard = core_.yard;
    draft->id = SLIP_TRY(core_.yard->create());
    const Fd fs = SLIP_TRY(open_at(core_.yard->fd(), draft->id + "/fs", O_RDONLY | O_DIRECTORY));
    SLIP_TRY(copy_upper(upper_fd, fs.get(), core_.limits, cancel));
    copies_.push_back(std::move(draft));
    return add_draft(*copies_.back(), cancel);
  }

  Status add_snapshot(const std::string& id, const CancelToken& cancel) {
    MadeLayer layer;
    layer.snapshot = id;
    layer.lease = SLIP_TRY(lease_snapshot(core_, id));
    const auto packed = SLIP_TRY(
        core_.index.with([&](Database& database) { return snapshot_rows::packed(database, id); }));
    if (packed) {
      layer.diff_id = SLIP_TRY(Digest::parse(packed->diff_id));
      layer.size = static_cast<std::uint64_t>(packed->size);
    } else {
      const Fd fs = SLIP_TRY(open_at(layer.lease.get(), "fs", O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
      SLIP_TRY(hash_layer(fs.get(), layer, cancel));
    }
    layers_.push_back(std::move(layer));
    return {};
  }

  /// Writes the documents, syncs, records everything in one transaction. Returns the image's id.
  Result<Digest> finish() {
    std::vector<Digest> diff_ids = parent_.config.diff_ids;
    for (const MadeLayer& layer : layers_) diff_ids.push_back(layer.diff_id);
    if (diff_ids.size() > kMaxLayers) {
      return fail(ErrorCode::kInvalid, "more than " + std::to_string(kMaxLayers) + " layers");
    }
    StagedBlob config = SLIP_TRY(StagedBlob::write(core_, make_config(request_.config, diff_ids)));
    StagedBlob manifest = SLIP_TRY(StagedBlob::write(core_, manifest_text(config)));
    if (!layers_.empty()) SLIP_TRY(sync_store(core_));
    std::vector<Placement> placements;
    Status done = core_.index.with([&](Database& database) {
      return database.transaction(SyncMode::kFull, [&]() -> Status {
        SLIP_TRY(check_parent(database));
        for (MadeLayer& layer : layers_) SLIP_TRY(place(database, layer, placements));
        SLIP_TRY(record(database, config, manifest, diff_ids));
        SLIP_TRY(core_.blobs.sync_names());
        return sync_snapshot_names(core_);
      });
    });
    if (!done) core_.yard->leave_for_sweep();  // blobs may be in place without a row
    SLIP_TRY(std::move(done));
    for (Placement& placement : placements) placement.keep();
    return config.digest();
  }

 private:
  std::string manifest_text(const StagedBlob& config) const {
    std::vector<Descriptor> layers;
    for (const Json& layer : parent_.layers) layers.push_back(oci_descriptor(layer));
    for (const MadeLayer& layer : layers_)
      layers.push_back({kLayerType, layer.diff_id, layer.size});
    return make_manifest({kConfigType, config.digest(), config.size()}, layers);
  }

  Status check_parent(Database& database) const {
    if (!request_.parent || SLIP_TRY(image_rows::by_id(database, request_.parent->str())))
      return {};
    return fail(ErrorCode::kConflict, "its parent was removed meanwhile");
  }

  // The snapshot that packs to this layer: ours, or one that was there.
  Status place(Database& database, MadeLayer& layer, std::vector<Placement>& placements) {
    const std::string diff_id = layer.diff_id.str();
    const snapshot_rows::Packed packed{diff_id, static_cast<std::int64_t>(layer.size)};
    if (layer.draft == nullptr) {
      if (SLIP_TRY(snapshot_rows::packs_to(database, diff_id))) return {};
      SLIP_TRY(snapshot_rows::set_bytes(database, layer.snapshot, layer.bytes));
      return snapshot_rows::set_packed(database, layer.snapshot, packed);
    }
    const auto known = SLIP_TRY(snapshot_rows::packs_to(database, diff_id));
    if (known && usable(core_, *known)) {
      return snapshot_rows::touch(database, known->id, now_);
    }
    if (known) core_.yard->discard(SLIP_TRY(forget_snapshot(core_, database, known->id)));
    SnapshotRow row = new_row(*layer.draft, SnapshotKind::kLayer, diff_id, "{}", Durability::kFull);
    row.bytes = layer.bytes;
    // A stranger's layer of the same digest holds the same files, but may not pack back to it: ours then has no key.
    if (SLIP_TRY(snapshot_rows::by_key(database, row.kind, diff_id))) row.key.clear();
    placements.push_back(SLIP_TRY(Placement::make(core_, database, *layer.draft, row)));
    return snapshot_rows::set_packed(database, row.id, packed);
  }

  Status record(Database& database, StagedBlob& config, StagedBlob& manifest,
                const std::vector<Digest>& diff_ids) {
    SLIP_TRY(config.place(database, now_));
    SLIP_TRY(manifest.place(database, now_));
    ImageRow row;
    row.id = config.digest().str();
    row.manifest = manifest.digest().str();
    row.created = now_;
    if (request_.parent && *request_.parent != config.digest()) row.parent = request_.parent->str();
    for (const Digest& diff_id : diff_ids) row.diff_ids.push_back(diff_id.str());
    std::vector<std::string> blobs = {row.id, row.manifest};
    for (const Json& layer : parent_.layers) blobs.emplace_back(layer["digest"].string_or(""));
    for (const MadeLayer& layer : layers_) blobs.push_back(layer.diff_id.str());
    SLIP_TRY(image_rows::put(database, row, blobs));
    if (request_.name) {
      SLIP_TRY(image_rows::set_name(database, request_.name->canonical(), row.id));
    }
    return write_layout_index(core_, database);
  }

  StoreCore& core_;
  CreateImage& request_;
  Parent parent_;
  std::vector<MadeLayer> layers_;
  std::vector<std::unique_ptr<DraftHandle>> copies_;
  std::int64_t now_ = 0;
};

}  // namespace

Result<Image> Store::create_image(CreateImage request, const CancelToken& cancel) {
  StoreCore& core = *state_->core;
  const std::string doing =
      "create image" + (request.name ? " " + request.name->familiar() : std::string());
  if (request.name && (request.name->digest || request.name->tag.empty())) {
    return fail(ErrorCode::kInvalid, doing + ": the name must have a tag and no digest");
  }
  const auto run = [&]() -> Result<Digest> {
    Creation creation(core, request);
    SLIP_TRY(creation.begin());
    for (ImageStep& step : request.steps) {
      if (step.draft) SLIP_TRY(creation.add_draft(*step.draft->state_, cancel));
      if (!step.snapshot.empty()) SLIP_TRY(creation.add_snapshot(step.snapshot, cancel));
      if (step.upper_fd >= 0) SLIP_TRY(creation.add_copy(step.upper_fd, cancel));
      creation.add_history(step.history,
                           step.draft || !step.snapshot.empty() || step.upper_fd >= 0);
    }
    return creation.finish();
  };
  auto id = run();
  if (!id) return fail(explain_failure(core, std::move(id).error(), doing));
  return image(id->str());
}

}  // namespace slipway::cachestore
