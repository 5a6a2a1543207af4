// Garbage collection: first what nobody can need, then the least recently used of what could be made again.
#include <fcntl.h>
#include <sys/stat.h>

#include "base/files.h"
#include "cachestore/image/image_access.h"
#include "cachestore/index/image_rows.h"
#include "cachestore/snapshot/measure.h"
#include "cachestore/snapshot/store_core.h"
#include "cachestore/transfer/ingest.h"

namespace slipway::cachestore {
namespace {

// Blobs and layers may be there before the image that needs them is recorded, and a broken pull goes on from them: an
// hour is long enough for that. Layers also go earlier when the budget is short.
constexpr std::int64_t kGrace = 3'600'000;

Status collect_blobs(StoreCore& core, std::int64_t before, Store::Collected& collected) {
  std::vector<Digest> blobs;
  Status done = core.index.with([&](Database& database) {
    return database.transaction(SyncMode::kNormal, [&]() -> Status {
      SLIP_TRY(
          core.yard->new_id());  // the owner's lock must exist before anything is without a row
      for (const std::string& digest : SLIP_TRY(blob_rows::orphans(database, before))) {
        const auto row = SLIP_TRY(blob_rows::get(database, digest));
        if (row) collected.freed.value += static_cast<std::uint64_t>(row->size);
        blobs.push_back(SLIP_TRY(Digest::parse(digest)));
        SLIP_TRY(blob_rows::remove(database, digest));
      }
      return {};
    });
  });
  SLIP_TRY(std::move(done));
  collected.blobs += blobs.size();
  return drop_blob_files(core, blobs);
}

// The size on disk, measured once and then remembered: snapshots never change.
Result<std::uint64_t> size_of(StoreCore& core, const SnapshotRow& row) {
  if (row.bytes >= 0) return static_cast<std::uint64_t>(row.bytes);
  const Fd dir(::openat(core.snapshots_fd.get(), row.id.c_str(),
                        O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!dir.valid()) return std::uint64_t{0};  // removed since it was listed
  const std::uint64_t bytes = measure_tree(dir.get()).value;
  Status noted = core.index.with([&](Database& database) {
    return database.transaction(SyncMode::kNormal, [&] {
      return snapshot_rows::set_bytes(database, row.id, static_cast<std::int64_t>(bytes));
    });
  });
  SLIP_TRY(std::move(noted));
  return bytes;
}

Status collect_by_use(StoreCore& core, ByteCount keep, Store::Collected& collected) {
  const auto rows =
      SLIP_TRY(core.index.with([](Database& database) { return snapshot_rows::by_use(database); }));
  std::vector<std::uint64_t> sizes;
  std::uint64_t total = 0;
  for (const SnapshotRow& row : rows) {
    sizes.push_back(SLIP_TRY(size_of(core, row)));
    total += sizes.back();
  }
  for (std::size_t i = 0; i < rows.size() && total > keep.value; ++i) {
    // Used since it was listed: not the oldest any more.
    ByteCount freed;
    if (!SLIP_TRY(prune_snapshot(core, rows[i].id, rows[i].used + 1, freed))) continue;
    total -= sizes[i];
    collected.freed.value += freed.value;
    ++collected.snapshots;
  }
  return {};
}

}  // namespace

Result<Store::Collected> Store::collect(ByteCount keep) {
  StoreCore& core = *state_->core;
  Collected collected;
  SLIP_TRY_WITHIN("sweep store", core.yard->sweep([&](const std::string& dead) {
    return tidy_after(core, dead);
  }));
  const std::int64_t before = to_millis(real_clock().wall()) - kGrace;
  const auto layers = SLIP_TRY(prune_snapshots(core, SnapshotKind::kLayer, before));
  collected.snapshots = layers.snapshots;
  collected.freed = layers.freed;
  SLIP_TRY(collect_blobs(core, before, collected));
  collected.freed.value += SLIP_TRY(sweep_ingest(core, Millis(kGrace)));
  SLIP_TRY(collect_by_use(core, keep, collected));
  return collected;
}

}  // namespace slipway::cachestore
