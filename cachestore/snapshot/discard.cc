// Removing snapshots by name, for those who keep books themselves.
#include "cachestore/discard.h"

#include <limits>

#include "cachestore/snapshot/store_core.h"
#include "cachestore/transfer/store_access.h"

namespace slipway::cachestore {

Result<Store::PruneResult> discard_snapshots(Store& store, const std::vector<std::string>& ids) {
  StoreCore& core = StoreAccess::core(store);
  Store::PruneResult result;
  for (const std::string& id : ids) {
    const bool gone =
        SLIP_TRY(prune_snapshot(core, id, std::numeric_limits<std::int64_t>::max(), result.freed));
    if (gone) ++result.snapshots;
  }
  return result;
}

Result<std::vector<Snapshot>> snapshots_of_kind(Store& store, SnapshotKind kind,
                                                WallTime used_before) {
  StoreCore& core = StoreAccess::core(store);
  return core.index.with([&](Database& database) -> Result<std::vector<Snapshot>> {
    std::vector<Snapshot> found;
    for (const std::string& id :
         SLIP_TRY(snapshot_rows::removable(database, kind, to_millis(used_before)))) {
      const auto row = SLIP_TRY(snapshot_rows::by_id(database, id));
      if (row) found.push_back(SLIP_TRY(to_snapshot(core, *row)));
    }
    return found;
  });
}

}  // namespace slipway::cachestore
