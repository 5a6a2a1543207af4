#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/fd.h"
#include "base/guarded.h"
#include "cachestore/blob/blob_store.h"
#include "cachestore/index/database.h"
#include "cachestore/index/snapshot_rows.h"
#include "cachestore/snapshot/draft_yard.h"
#include "cachestore/store.h"

namespace slipway::cachestore {

/// What the parts of an open store share. The index's lock is the only one held while another (the
/// yard's) is taken.
struct StoreCore {
  std::string root;
  LayerLimits limits;
  Fd root_fd;
  Fd snapshots_fd;
  std::shared_ptr<DraftYard> yard;
  BlobStore blobs;
  Guarded<Database> index;

  StoreCore(std::string root_path, const LayerLimits& layer_limits, Database database)
      : root(std::move(root_path)), limits(layer_limits), index(std::move(database)) {}
};

/// What a Draft is made of, for the parts that fill or place one.
struct DraftHandle {
  std::shared_ptr<DraftYard> yard;
  std::string id;
  ~DraftHandle() {
    if (yard != nullptr && !id.empty()) yard->recycle(id);
  }
};

struct Store::State {
  std::unique_ptr<StoreCore> core;
};
struct Draft::State : DraftHandle {};

/// Opens the directories and the index of a store, and sweeps. (open.cc)
Result<std::unique_ptr<StoreCore>> open_core(const StoreOptions& options);
/// Undoes what a dead process had begun: snapshots and blobs without a row move to the draft yard
/// under `dead`. (sweep.cc)
Status tidy_after(StoreCore& core, const std::string& dead);

/// A draft's directory renamed to snapshots/<id>, inside an index transaction; renamed back unless
/// kept. (place.cc)
class Placement {
 public:
  /// Renames and records. An error leaves the draft as it was.
  static Result<Placement> make(StoreCore& core, Database& database, DraftHandle& draft,
                                const SnapshotRow& row);
  Placement(Placement&& other) noexcept;
  Placement& operator=(Placement&&) = delete;
  ~Placement();
  /// The transaction was committed: the draft owns nothing any more.
  void keep();

 private:
  Placement(StoreCore& core, DraftHandle& draft) : core_(&core), draft_(&draft) {}
  StoreCore* core_;
  DraftHandle* draft_;
};
/// A row for `draft` made now. Full durability: its files must have been synced.
SnapshotRow new_row(const DraftHandle& draft, SnapshotKind kind, std::string key,
                    std::string metadata, Durability durability);
/// Writes everything of the store's file system to disk.
Status sync_store(const StoreCore& core);
/// Makes renames into snapshots/ survive a power cut.
Status sync_snapshot_names(const StoreCore& core);

/// Whether the files are there and, after a power cut, to be trusted. (lookup.cc)
bool usable(const StoreCore& core, const SnapshotRow& row);
Result<Snapshot> to_snapshot(const StoreCore& core, const SnapshotRow& row);
/// By key; a row that is not usable() is forgotten.
Result<std::optional<Snapshot>> find_snapshot(StoreCore& core, Database& database,
                                              SnapshotKind kind, const std::string& key);
/// Deletes the row; its files are moved to the yard and the returned draft name given to discard()
/// after the commit.
Result<std::string> forget_snapshot(StoreCore& core, Database& database, const std::string& id);
/// Identifies this boot of the machine.
const std::string& boot_id();

/// Deletes rows and files of those that are unused since `used_before` and not leased. (prune.cc)
Result<Store::PruneResult> prune_snapshots(StoreCore& core, SnapshotKind kind,
                                           std::int64_t used_before);
/// One of them; false when it is used or needed. Adds to `freed`.
Result<bool> prune_snapshot(StoreCore& core, const std::string& id, std::int64_t used_before,
                            ByteCount& freed);

}  // namespace slipway::cachestore
