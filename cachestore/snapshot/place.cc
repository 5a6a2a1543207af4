// Draft -> snapshot: one rename inside an index transaction, undone when the transaction fails.
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/files.h"
#include "cachestore/snapshot/store_core.h"

namespace slipway::cachestore {
Result<Placement> Placement::make(StoreCore& core, Database& database, DraftHandle& draft,
                                  const SnapshotRow& row) {
  // The overlay's work directory goes along: removing it would cost more than the rename, and prune takes it later.
  if (::renameat(core.yard->fd(), draft.id.c_str(), core.snapshots_fd.get(), row.id.c_str()) != 0) {
    return fail_errno("place snapshot " + core.root + "/snapshots/" + row.id);
  }
  Placement placement(core, draft);
  SLIP_TRY(snapshot_rows::insert(database, row));
  return placement;
}

Placement::Placement(Placement&& other) noexcept
    : core_(std::exchange(other.core_, nullptr)), draft_(other.draft_) {}

Placement::~Placement() {
  if (core_ == nullptr) return;
  const char* id = draft_->id.c_str();
  if (::renameat(core_->snapshots_fd.get(), id, core_->yard->fd(), id) != 0) {
    core_->yard->leave_for_sweep();
  }
}

void Placement::keep() {
  draft_->id.clear();
  core_ = nullptr;
}

SnapshotRow new_row(const DraftHandle& draft, SnapshotKind kind, std::string key,
                    std::string metadata, Durability durability) {
  SnapshotRow row;
  row.id = draft.id;
  row.kind = kind;
  row.key = std::move(key);
  row.metadata = std::move(metadata);
  row.created = to_millis(real_clock().wall());
  row.used = row.created;
  if (durability == Durability::kRelaxed) row.boot = boot_id();
  return row;
}

Status sync_store(const StoreCore& core) {
  if (::syncfs(core.root_fd.get()) != 0) return fail_errno("sync store " + core.root);
  return {};
}

Status sync_snapshot_names(const StoreCore& core) {
  if (::fsync(core.snapshots_fd.get()) != 0) return fail_errno("sync " + core.root + "/snapshots");
  return {};
}

}  // namespace slipway::cachestore
