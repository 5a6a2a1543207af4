// Archive -> images: staged, read, layers unpacked side by side, then everything recorded in one transaction.
// Until that nothing refers to what was prepared, and a crash leaves it to the next sweep.
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <algorithm>
#include <map>

#include "base/files.h"
#include "base/text.h"
#include "cachestore/image/archived_images.h"
#include "cachestore/image/image_access.h"
#include "cachestore/image/layout.h"
#include "cachestore/layer/fd_source.h"
#include "cachestore/layer/unpack.h"
#include "cachestore/transfer/crew.h"
#include "cachestore/transfer/store_access.h"

namespace slipway::cachestore {
namespace {

// Each has a thread that reads ahead: more would only queue at the disk.
constexpr int kParallel = 2;
constexpr std::size_t kChunk = std::size_t{256} << 10;

/// A layer that some image of the archive needs.
struct NewLayer {
  const StagedEntry* blob = nullptr;
  Digest diff_id;
  std::unique_ptr<DraftHandle> draft;  ///< Null: its snapshot is here.
  Fd lease;
  std::uint64_t bytes = 0;  ///< Unpacked.
};

class Load {
 public:
  Load(StoreCore& core, const LoadRequest& request, const CancelToken& cancel)
      : core_(core), request_(request), cancel_(cancel) {}

  Result<std::vector<LoadedImage>> run() {
    const StagedArchive archive = SLIP_TRY(StagedArchive::read(core_, request_, cancel_));
    archive_ = &archive;
    images_ = SLIP_TRY_WITHIN(request_.source, read_archived_images(archive));
    SLIP_TRY_WITHIN(request_.source, prepare_all(Found::kTrusted));
    auto loaded = record();
    if (loaded || loaded.error().code() != ErrorCode::kConflict) return loaded;
    // Somebody removed an image that was found here: now all are made anew, from layers that are leased.
    SLIP_TRY_WITHIN(request_.source, prepare_all(Found::kMadeAgain));
    return record();
  }

 private:
  enum class Found { kTrusted, kMadeAgain };
  Status prepare_all(Found found) {
    new_images_.clear();
    by_blob_.clear();
    layers_.clear();
    for (const ArchivedImage& image : images_) {
      if (found == Found::kTrusted && SLIP_TRY(is_here(image))) continue;
      SLIP_TRY(list_layers(image));
    }
    const CancelToken stop = cancel_.child();
    Status prepared = Crew(layers_.size(), stop).run(kParallel, [&](std::size_t i) {
      return prepare(layers_[i], stop);
    });
    if (prepared && cancel_.cancelled()) return fail(ErrorCode::kCancelled, "cancelled");
    return prepared;
  }

  // Nothing but its names is new then, and its manifest stays: it may be known to a registry.
  Result<bool> is_here(const ArchivedImage& image) {
    return core_.index.with([&](Database& database) -> Result<bool> {
      const auto row = SLIP_TRY(image_rows::by_id(database, image.id.str()));
      return row && load_image(core_, database, *row);
    });
  }

  Status list_layers(const ArchivedImage& image) {
    new_images_.push_back(image.id);
    for (std::size_t i = 0; i < image.layers.size(); ++i) {
      const StagedEntry* blob = image.layers[i];
      const auto [known, fresh] = by_blob_.emplace(blob->digest, image.diff_ids[i]);
      if (!fresh && known->second != image.diff_ids[i]) return fail(mismatch(*blob, known->second));
      if (!fresh) continue;
      NewLayer& layer = layers_.emplace_back();
      layer.blob = blob;
      layer.diff_id = image.diff_ids[i];
    }
    return {};
  }

  static Error mismatch(const StagedEntry& blob, const Digest& diff_id) {
    return Error(ErrorCode::kCorrupt, "layer \"" + printable(blob.name) +
                                          "\": its content does not match diff ID " +
                                          diff_id.str());
  }

  // Unpacks, unless the same files are here: then hashing is enough to believe that they are the same.
  Status prepare(NewLayer& layer, const CancelToken& stop) {
    layer.lease = SLIP_TRY(find_snapshot_of(layer.diff_id));
    if (layer.lease.valid()) return verify(layer, stop);
    layer.draft = std::make_unique<DraftHandle>();
    layer.draft->yard = core_.yard;
    layer.draft->id = SLIP_TRY(core_.yard->create());
    const Fd fs =
        SLIP_TRY(open_at(core_.yard->fd(), layer.draft->id + "/fs", O_RDONLY | O_DIRECTORY));
    const Fd blob = SLIP_TRY(archive_->open(*layer.blob));
    ApplyRequest apply;
    apply.source = "layer \"" + printable(layer.blob->name) + "\"";
    apply.target_fd = fs.get();
    apply.xattrs = overlay_xattrs_here();
    apply.limits = core_.limits;
    FdSource raw({blob.get(), apply.source, -1, "", stop, core_.limits.stall, core_.limits.total});
    // A token of its own: the end of this layer must not stop the others.
    const Applied applied =
        SLIP_TRY(apply_source(raw, apply, HashPlain::kYes, nullptr, stop.child()));
    layer.bytes = applied.stats.bytes;
    const bool plain = applied.compression == Compression::kNone;
    if ((plain ? layer.blob->digest : applied.diff_id) != layer.diff_id) {
      return fail(mismatch(*layer.blob, layer.diff_id));
    }
    return {};
  }

  // A lease on the layer's snapshot; invalid when there is none.
  Result<Fd> find_snapshot_of(const Digest& diff_id) {
    return core_.index.with([&](Database& database) -> Result<Fd> {
      const auto row = SLIP_TRY(snapshot_rows::layer(database, diff_id.str()));
      if (!row || !usable(core_, *row)) return Fd();
      Fd lease(::openat(core_.snapshots_fd.get(), row->id.c_str(),
                        O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
      if (!lease.valid() || ::flock(lease.get(), LOCK_SH | LOCK_NB) != 0) return Fd();
      return lease;
    });
  }

  Status verify(const NewLayer& layer, const CancelToken& stop) {
    if (layer.blob->digest == layer.diff_id) return {};
    const std::string name = "layer \"" + printable(layer.blob->name) + "\"";
    const Fd blob = SLIP_TRY(archive_->open(*layer.blob));
    FdSource raw({blob.get(), name, -1, "", stop, core_.limits.stall, core_.limits.total});
    const Decoded decoded = SLIP_TRY(decode(raw, name, core_.limits.max_ratio));
    Sha256 sha;
    std::vector<char> chunk(kChunk);
    for (;;) {
      const std::size_t n = SLIP_TRY(decoded.bytes->read(chunk));
      if (n == 0) break;
      sha.update(std::string_view(chunk.data(), n));
    }
    return sha.finish() == layer.diff_id ? Status()
                                         : Status(fail(mismatch(*layer.blob, layer.diff_id)));
  }

  Result<std::vector<LoadedImage>> record() {
    now_ = to_millis(real_clock().wall());
    std::vector<StagedBlob> documents;
    for (const ArchivedImage& image : images_) {
      documents.push_back(SLIP_TRY(StagedBlob::write(core_, image.config)));
      documents.push_back(SLIP_TRY(StagedBlob::write(core_, image.manifest)));
    }
    if (!layers_.empty()) SLIP_TRY(sync_store(core_));
    std::vector<LoadedImage> loaded;
    std::vector<Placement> placements;
    Status done = core_.index.with([&](Database& database) {
      return database.transaction(SyncMode::kFull, [&]() -> Status {
        SLIP_TRY(check_found(database));
        for (NewLayer& layer : layers_) SLIP_TRY(place(database, layer, placements));
        for (std::size_t i = 0; i < images_.size(); ++i) {
          loaded.push_back(
              SLIP_TRY(record_image(database, images_[i], documents[2 * i], documents[2 * i + 1])));
        }
        SLIP_TRY(core_.blobs.sync_names());
        SLIP_TRY(sync_snapshot_names(core_));
        return write_layout_index(core_, database);
      });
    });
    if (!done) core_.yard->leave_for_sweep();  // blobs may be in place without a row
    SLIP_TRY(std::move(done));
    for (Placement& placement : placements) placement.keep();
    return loaded;
  }

  // Before anything is moved, so that another try finds the staged files.
  Status check_found(Database& database) const {
    for (const NewLayer& layer : layers_) {
      if (layer.draft != nullptr) continue;
      const auto known = SLIP_TRY(snapshot_rows::layer(database, layer.diff_id.str()));
      if (!known || !usable(core_, *known)) return removed("layer " + layer.diff_id.str());
    }
    for (const ArchivedImage& image : images_) {
      if (!is_new(image) && !SLIP_TRY(image_rows::by_id(database, image.id.str()))) {
        return removed("image " + image.id.str());
      }
    }
    return {};
  }

  static tl::unexpected<Error> removed(const std::string& what) {
    return fail(ErrorCode::kConflict, what + " was removed meanwhile; try again");
  }

  bool is_new(const ArchivedImage& image) const {
    return std::find(new_images_.begin(), new_images_.end(), image.id) != new_images_.end();
  }

  Status place(Database& database, NewLayer& layer, std::vector<Placement>& placements) {
    const std::string diff_id = layer.diff_id.str();
    SLIP_TRY(core_.blobs.place(core_.yard->fd(), layer.blob->file, layer.blob->digest));
    SLIP_TRY(blob_rows::put(
        database, {layer.blob->digest.str(), static_cast<std::int64_t>(layer.blob->size), diff_id},
        now_));
    const auto known = SLIP_TRY(snapshot_rows::layer(database, diff_id));
    if (known && usable(core_, *known)) return snapshot_rows::touch(database, known->id, now_);
    if (known) core_.yard->discard(SLIP_TRY(forget_snapshot(core_, database, known->id)));
    SnapshotRow row = new_row(*layer.draft, SnapshotKind::kLayer, diff_id, "{}", Durability::kFull);
    row.bytes = static_cast<std::int64_t>(layer.bytes);
    placements.push_back(SLIP_TRY(Placement::make(core_, database, *layer.draft, row)));
    return {};
  }

  Result<LoadedImage> record_image(Database& database, const ArchivedImage& image,
                                   StagedBlob& config, StagedBlob& manifest) {
    LoadedImage loaded;
    loaded.id = image.id;
    loaded.names = image.names;
    ImageRow row;
    row.id = image.id.str();
    if (is_new(image)) {
      SLIP_TRY(config.place(database, now_));
      SLIP_TRY(manifest.place(database, now_));
      row.manifest = manifest.digest().str();
      row.created = now_;
      for (const Digest& diff_id : image.diff_ids) row.diff_ids.push_back(diff_id.str());
      std::vector<std::string> blobs = {row.id, row.manifest};
      for (const StagedEntry* layer : image.layers) blobs.push_back(layer->digest.str());
      SLIP_TRY(image_rows::put(database, row, blobs));
      loaded.changed = true;
    }
    for (const Reference& name : image.names) {
      const auto before = SLIP_TRY(image_rows::id_of_name(database, name.canonical()));
      if (before == row.id) continue;
      if (before) loaded.replaced.emplace_back(name, SLIP_TRY(Digest::parse(*before)));
      SLIP_TRY(image_rows::set_name(database, name.canonical(), row.id));
      loaded.changed = true;
    }
    return loaded;
  }

  StoreCore& core_;
  const LoadRequest& request_;
  const CancelToken& cancel_;
  const StagedArchive* archive_ = nullptr;
  std::vector<ArchivedImage> images_;
  std::vector<Digest> new_images_;
  std::map<Digest, Digest> by_blob_;
  std::vector<NewLayer> layers_;
  std::int64_t now_ = 0;
};

}  // namespace

Result<std::vector<LoadedImage>> load_images(Store& store, const LoadRequest& request,
                                             const CancelToken& cancel) {
  StoreCore& core = StoreAccess::core(store);
  auto loaded = Load(core, request, cancel).run();
  if (!loaded) return fail(explain_failure(core, std::move(loaded).error(), "load images"));
  return loaded;
}

}  // namespace slipway::cachestore
