#pragma once

#include <string>
#include <vector>

#include "cachestore/store.h"

namespace slipway::cachestore {

/// For whoever keeps books of its own about snapshots of one kind (caches): the store then does not decide by last use.

/// Removes these, but for what a process leases, an image needs, or is gone already.
Result<Store::PruneResult> discard_snapshots(Store& store, const std::vector<std::string>& ids);
/// Snapshots of `kind` last used before `used_before`, oldest first.
Result<std::vector<Snapshot>> snapshots_of_kind(Store& store, SnapshotKind kind,
                                                WallTime used_before);

}  // namespace slipway::cachestore
