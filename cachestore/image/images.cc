// The door to images: look-up, listing, tagging, removing.
#include "base/text.h"
#include "cachestore/image/image_access.h"
#include "cachestore/image/layout.h"

namespace slipway::cachestore {
namespace {

Status tag_row(StoreCore& core, Database& database, const std::string& name_or_id,
               const std::string& name) {
  const ImageMatch match = SLIP_TRY(resolve_image(core, database, "tag image", name_or_id));
  SLIP_TRY(image_rows::set_name(database, name, match.row.id));
  return write_layout_index(core, database);
}

struct Doomed {
  Store::Removed removed;
  std::vector<Digest> blobs;
};

// By name only that name goes; by id, or with the last name, the image.
Result<Doomed> remove_row(StoreCore& core, Database& database, const std::string& name_or_id) {
  const ImageMatch match = SLIP_TRY(resolve_image(core, database, "remove image", name_or_id));
  Doomed doomed;
  doomed.removed.untagged = match.name ? std::vector{*match.name} : match.row.names;
  for (const std::string& name : doomed.removed.untagged) {
    SLIP_TRY(image_rows::remove_name(database, name));
  }
  if (doomed.removed.untagged.size() == match.row.names.size()) {
    doomed.blobs = SLIP_TRY(forget_image(database, match.row.id));
    doomed.removed.deleted.push_back(SLIP_TRY(Digest::parse(match.row.id)));
  }
  SLIP_TRY(write_layout_index(core, database));
  return doomed;
}

// Blob files go after their rows, so that a crash between leaves only orphans for the sweep; and in
// a transaction of their own, because an import may have brought one of them back meanwhile.
Status unlink_blobs(StoreCore& core, Database& database, const std::vector<Digest>& blobs) {
  for (const Digest& blob : blobs) {
    if (!SLIP_TRY(blob_rows::get(database, blob.str()))) core.blobs.remove(blob);
  }
  return {};
}

}  // namespace

Result<std::vector<Digest>> forget_image(Database& database, const std::string& id) {
  std::vector<Digest> blobs;
  for (const std::string& digest : SLIP_TRY(blob_rows::only_of_image(database, id))) {
    blobs.push_back(SLIP_TRY(Digest::parse(digest)));
    SLIP_TRY(blob_rows::remove(database, digest));
  }
  SLIP_TRY(image_rows::remove(database, id));
  return blobs;
}

Result<Image> Store::image(const std::string& name_or_id) {
  StoreCore& core = *state_->core;
  return core.index.with([&](Database& database) -> Result<Image> {
    const ImageMatch match = SLIP_TRY(resolve_image(core, database, "find image", name_or_id));
    return load_image(core, database, match.row);
  });
}

Result<std::vector<Image>> Store::images() {
  StoreCore& core = *state_->core;
  return core.index.with([&](Database& database) -> Result<std::vector<Image>> {
    std::vector<Image> images;
    for (const std::string& id : SLIP_TRY(image_rows::all_ids(database))) {
      const auto row = SLIP_TRY(image_rows::by_id(database, id));
      if (row) images.push_back(SLIP_TRY(load_image(core, database, *row)));
    }
    return images;
  });
}

Status Store::tag_image(const std::string& name_or_id, const Reference& name) {
  if (name.digest || name.tag.empty()) {
    return fail(ErrorCode::kInvalid, "tag image \"" + printable(name_or_id) +
                                         "\": the new name must have a tag and no digest");
  }
  StoreCore& core = *state_->core;
  return core.index.with([&](Database& database) {
    return database.transaction(
        SyncMode::kFull, [&] { return tag_row(core, database, name_or_id, name.canonical()); });
  });
}

Result<Store::Removed> Store::remove_image(const std::string& name_or_id) {
  StoreCore& core = *state_->core;
  Doomed doomed;
  Status done = core.index.with([&](Database& database) {
    return database.transaction(SyncMode::kFull, [&]() -> Status {
      // The owner's lock must exist before anything goes without a row.
      SLIP_TRY(core.yard->new_id());
      doomed = SLIP_TRY(remove_row(core, database, name_or_id));
      return {};
    });
  });
  SLIP_TRY(std::move(done));
  Status unlinked = core.index.with([&](Database& database) {
    return database.transaction(SyncMode::kNormal,
                                [&] { return unlink_blobs(core, database, doomed.blobs); });
  });
  SLIP_TRY(std::move(unlinked));
  // Layers without an image go now, leased ones when a later removal or prune finds them free.
  if (!doomed.removed.deleted.empty()) {
    SLIP_TRY(prune_snapshots(core, SnapshotKind::kLayer, INT64_MAX));
  }
  return doomed.removed;
}

}  // namespace slipway::cachestore
