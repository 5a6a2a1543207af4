// Untagging and deleting images by docker's rules, and what goes along: parents, blobs, layers.
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <algorithm>
#include <set>

#include "base/text.h"
#include "cachestore/image/image_access.h"
#include "cachestore/image/layout.h"

namespace slipway::cachestore {
namespace {

/// One removal, inside a transaction.
class Removal {
 public:
  Removal(StoreCore& core, Database& database, const RemoveImage& how, const std::string& typed)
      : core_(core), database_(database), how_(how), doing_("remove image \"" + typed + "\"") {}

  Status run(const std::string& name_or_id) {
    const ImageMatch match = SLIP_TRY(resolve_image(core_, database_, "remove image", name_or_id));
    users_ = SLIP_TRY(image_rows::users(database_, match.row.id));
    has_children_ = SLIP_TRY(image_rows::has_children(database_, match.row.id));
    SLIP_TRY(match.name && !how_.only_unused ? remove_name(match.row, *match.name)
                                             : remove_all(match.row));
    return write_layout_index(core_, database_);
  }

  Store::Removed removed;
  std::vector<Digest> blobs;
  std::set<std::string> layers;  ///< Diff IDs, perhaps of other images, too.

 private:
  // Only that name goes; with the last one the content, unless somebody needs it.
  Status remove_name(const ImageRow& row, const std::string& name) {
    const bool last = row.names.size() == 1;
    if (last && !how_.force && !users_.empty()) return fail(in_use());
    SLIP_TRY(untag(name));
    return last && users_.empty() && !has_children_ ? remove_content(row) : Status();
  }

  Status remove_all(const ImageRow& row) {
    SLIP_TRY(check_may_go(row));
    for (const std::string& name : row.names) SLIP_TRY(untag(name));
    return users_.empty() ? remove_content(row) : Status();
  }

  Status check_may_go(const ImageRow& row) const {
    if (how_.only_unnamed && !row.names.empty()) return conflict("it has a name");
    if (has_children_) return conflict("other images were made from it; remove those first");
    if (!users_.empty() && (how_.only_unused || !how_.force)) return fail(in_use());
    if (how_.only_unused) {
      return SLIP_TRY(top_is_leased(row)) ? conflict("a running container uses it") : Status();
    }
    return how_.force ? Status() : check_one_repository(row);
  }

  Status check_one_repository(const ImageRow& row) const {
    std::set<std::string> repositories;
    std::vector<std::string> shown;
    for (const std::string& name : row.names) {
      repositories.insert(name.substr(0, name.rfind(':')));
      shown.push_back(familiar(name));
    }
    if (repositories.size() <= 1) return {};
    return conflict("it has names in several repositories: " + join(shown, ", ") +
                    "; --force removes them all");
  }

  // A container on an image leases all of its layers, the top one included.
  Result<bool> top_is_leased(const ImageRow& row) const {
    if (row.diff_ids.empty()) return false;
    const auto layer = SLIP_TRY(snapshot_rows::layer(database_, row.diff_ids.back()));
    if (!layer) return false;
    const Fd dir(::openat(core_.snapshots_fd.get(), layer->id.c_str(),
                          O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    return dir.valid() && ::flock(dir.get(), LOCK_EX | LOCK_NB) != 0;
  }

  Status untag(const std::string& name) {
    removed.untagged.push_back(name);
    return image_rows::remove_name(database_, name);
  }

  // The image, then its parents as long as nothing and nobody needs them.
  Status remove_content(const ImageRow& row) {
    SLIP_TRY(forget(row));
    std::string parent = how_.keep_parents ? "" : row.parent;
    while (!parent.empty()) {
      const auto next = SLIP_TRY(image_rows::by_id(database_, parent));
      if (!next || !next->names.empty() || SLIP_TRY(image_rows::has_children(database_, parent)) ||
          !SLIP_TRY(image_rows::users(database_, parent)).empty()) {
        break;
      }
      SLIP_TRY(forget(*next));
      parent = next->parent;
    }
    return {};
  }

  Status forget(const ImageRow& row) {
    for (const std::string& digest : SLIP_TRY(blob_rows::only_of_image(database_, row.id))) {
      if (const auto blob = SLIP_TRY(blob_rows::get(database_, digest))) {
        removed.freed.value += static_cast<std::uint64_t>(blob->size);
      }
      blobs.push_back(SLIP_TRY(Digest::parse(digest)));
      SLIP_TRY(blob_rows::remove(database_, digest));
    }
    layers.insert(row.diff_ids.begin(), row.diff_ids.end());
    SLIP_TRY(image_rows::remove(database_, row.id));
    removed.deleted.push_back(SLIP_TRY(Digest::parse(row.id)));
    return {};
  }

  Error in_use() const {
    std::string text = doing_ + ": it is used by " + printable(users_.front());
    if (users_.size() > 1) text += " and " + std::to_string(users_.size() - 1) + " more";
    return Error(ErrorCode::kConflict, std::move(text));
  }
  tl::unexpected<Error> conflict(const std::string& cause) const {
    return fail(ErrorCode::kConflict, doing_ + ": " + cause);
  }
  static std::string familiar(const std::string& name) {
    const auto reference = Reference::parse(name);
    return reference ? reference->familiar() : name;
  }

  StoreCore& core_;
  Database& database_;
  const RemoveImage& how_;
  const std::string doing_;
  std::vector<std::string> users_;
  bool has_children_ = false;
};

// Blob files go after their rows, so that a crash between leaves only orphans for the sweep; and in
// a transaction of their own, because an import may have brought one of them back meanwhile.
Status unlink_blobs(StoreCore& core, Database& database, const std::vector<Digest>& blobs) {
  for (const Digest& blob : blobs) {
    if (!SLIP_TRY(blob_rows::get(database, blob.str()))) core.blobs.remove(blob);
  }
  return {};
}

Status drop_layer(StoreCore& core, const std::string& diff_id, ByteCount& freed) {
  const auto row = SLIP_TRY(core.index.with([&](Database& database) {
    return snapshot_rows::by_key(database, SnapshotKind::kLayer, diff_id);
  }));
  if (row) SLIP_TRY(prune_snapshot(core, row->id, INT64_MAX, freed));
  return {};
}

}  // namespace

Status drop_blob_files(StoreCore& core, const std::vector<Digest>& blobs) {
  if (blobs.empty()) return {};
  return core.index.with([&](Database& database) {
    return database.transaction(SyncMode::kNormal,
                                [&] { return unlink_blobs(core, database, blobs); });
  });
}

Result<Store::Removed> Store::remove_image(const std::string& name_or_id, const RemoveImage& how) {
  StoreCore& core = *state_->core;
  Removed removed;
  std::vector<Digest> blobs;
  std::set<std::string> layers;
  Status done = core.index.with([&](Database& database) {
    return database.transaction(SyncMode::kFull, [&]() -> Status {
      // The owner's lock must exist before anything goes without a row.
      SLIP_TRY(core.yard->new_id());
      Removal removal(core, database, how, printable(name_or_id));
      SLIP_TRY(removal.run(name_or_id));
      removed = std::move(removal.removed);
      blobs = std::move(removal.blobs);
      layers = std::move(removal.layers);
      return {};
    });
  });
  SLIP_TRY(std::move(done));
  SLIP_TRY(drop_blob_files(core, blobs));
  // Layers without an image go now, leased ones when collect() finds them free. Those of other images that are just
  // being pulled are not touched.
  for (const std::string& layer : layers) SLIP_TRY(drop_layer(core, layer, removed.freed));
  return removed;
}

}  // namespace slipway::cachestore
