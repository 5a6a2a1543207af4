// Removing snapshots nobody needs: unused long enough and not leased by any process.
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/files.h"
#include "cachestore/snapshot/measure.h"
#include "cachestore/snapshot/store_core.h"

namespace slipway::cachestore {

// The lock is kept until the row is gone, so that a lease taken meanwhile waits and then sees that.
Result<bool> prune_snapshot(StoreCore& core, const std::string& id, std::int64_t used_before,
                            ByteCount& freed) {
  const Fd dir(::openat(core.snapshots_fd.get(), id.c_str(),
                        O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!dir.valid() && errno != ENOENT) return fail_errno("open snapshot " + id);
  if (dir.valid() && ::flock(dir.get(), LOCK_EX | LOCK_NB) != 0) return false;
  std::string grave;
  Status forgotten = core.index.with([&](Database& database) {
    return database.transaction(SyncMode::kNormal, [&]() -> Status {
      if (!SLIP_TRY(snapshot_rows::is_removable(database, id, used_before))) return {};
      grave = SLIP_TRY(forget_snapshot(core, database, id));
      return {};
    });
  });
  SLIP_TRY(std::move(forgotten));
  if (grave.empty()) return false;
  if (dir.valid()) freed.value += measure_tree(dir.get()).value;
  core.yard->discard(grave);
  return true;
}

Result<Store::PruneResult> prune_snapshots(StoreCore& core, SnapshotKind kind,
                                           std::int64_t used_before) {
  const auto ids = SLIP_TRY(core.index.with(
      [&](Database& database) { return snapshot_rows::removable(database, kind, used_before); }));
  Store::PruneResult result;
  for (const std::string& id : ids) {
    if (SLIP_TRY(prune_snapshot(core, id, used_before, result.freed))) ++result.snapshots;
  }
  return result;
}

}  // namespace slipway::cachestore
