// After a crash: what lies in the store without a row in the index was never finished and goes.
#include <stdio.h>
#include <sys/stat.h>

#include <unordered_set>

#include "base/files.h"
#include "cachestore/image/layout.h"
#include "cachestore/index/image_rows.h"
#include "cachestore/snapshot/store_core.h"

namespace slipway::cachestore {
namespace {

std::unordered_set<std::string> as_set(std::vector<std::string> names) {
  return {std::make_move_iterator(names.begin()), std::make_move_iterator(names.end())};
}

Status move_orphan_snapshots(StoreCore& core, Database& database, const std::string& dead) {
  const auto known = as_set(SLIP_TRY(snapshot_rows::all_ids(database)));
  int count = 0;
  for (const auto& name : SLIP_TRY(list_dir(core.snapshots_fd.get(), core.root + "/snapshots"))) {
    if (known.contains(name)) continue;
    const std::string to = dead + "orphan" + std::to_string(count++);
    if (::renameat(core.snapshots_fd.get(), name.c_str(), core.yard->fd(), to.c_str()) != 0) {
      return fail_errno("move unfinished snapshot " + name);
    }
  }
  return {};
}

Status remove_orphan_blobs(StoreCore& core, Database& database) {
  const auto known = as_set(SLIP_TRY(blob_rows::all(database)));
  for (const std::string& name : SLIP_TRY(list_dir(core.blobs.fd(), core.blobs.path()))) {
    const auto digest = Digest::parse("sha256:" + name);
    if (digest && !known.contains(digest->str())) core.blobs.remove(*digest);
  }
  return {};
}

}  // namespace

Status tidy_after(StoreCore& core, const std::string& dead) {
  // Whoever places a snapshot or blob does so inside a write transaction: within ours nothing is
  // half placed.
  return core.index.with([&](Database& database) {
    return database.transaction(SyncMode::kNormal, [&]() -> Status {
      SLIP_TRY(move_orphan_snapshots(core, database, dead));
      SLIP_TRY(remove_orphan_blobs(core, database));
      return write_layout_index(core, database);
    });
  });
}

}  // namespace slipway::cachestore
