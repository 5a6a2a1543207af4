// Rows of the index -> usable snapshots, and forgetting those that are not.
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/files.h"
#include "base/text.h"
#include "cachestore/snapshot/store_core.h"

namespace slipway::cachestore {
namespace {

// `used` only decides what is pruned, in hours and days: a write a minute is exact enough and keeps
// reads cheap.
constexpr std::int64_t kTouchMillis = 60'000;

void touch(Database& database, const SnapshotRow& row) {
  const std::int64_t now = to_millis(real_clock().wall());
  if (now - row.used < kTouchMillis) return;
  // A full or busy disk must not turn a hit into an error.
  (void)database.transaction(SyncMode::kNormal,
                             [&] { return snapshot_rows::touch(database, row.id, now); });
}

std::string read_boot_id() {
  auto text = read_file("/proc/sys/kernel/random/boot_id", 1_KiB);
  // Without /proc every process is its own boot: relaxed snapshots are then found only by their
  // maker.
  return text ? std::string(trim(*text)) : "pid-" + std::to_string(::getpid());
}

}  // namespace

const std::string& boot_id() {
  static const std::string id = read_boot_id();
  return id;
}

bool usable(const StoreCore& core, const SnapshotRow& row) {
  if (!row.boot.empty() && row.boot != boot_id()) return false;
  const std::string fs = row.id + "/fs";
  return ::faccessat(core.snapshots_fd.get(), fs.c_str(), F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

Result<Snapshot> to_snapshot(const StoreCore& core, const SnapshotRow& row) {
  Snapshot snapshot;
  snapshot.id = row.id;
  snapshot.kind = row.kind;
  snapshot.key = row.key;
  snapshot.path = core.root + "/snapshots/" + row.id + "/fs";
  snapshot.metadata = SLIP_TRY_WITHIN("read snapshot " + row.id, parse_json(row.metadata));
  snapshot.created = from_millis(row.created);
  return snapshot;
}

Result<std::string> forget_snapshot(StoreCore& core, Database& database, const std::string& id) {
  std::string grave = SLIP_TRY(core.yard->new_id());
  SLIP_TRY(snapshot_rows::remove(database, id));
  if (::renameat(core.snapshots_fd.get(), id.c_str(), core.yard->fd(), grave.c_str()) != 0 &&
      errno != ENOENT) {
    return fail_errno("remove snapshot " + core.root + "/snapshots/" + id);
  }
  return grave;
}

Result<std::optional<Snapshot>> find_snapshot(StoreCore& core, Database& database,
                                              SnapshotKind kind, const std::string& key) {
  auto row = SLIP_TRY(snapshot_rows::by_key(database, kind, key));
  if (!row) return std::optional<Snapshot>();
  if (!usable(core, *row)) {
    std::string grave;
    Status forgotten = database.transaction(SyncMode::kNormal, [&]() -> Status {
      grave = SLIP_TRY(forget_snapshot(core, database, row->id));
      return {};
    });
    SLIP_TRY(std::move(forgotten));
    core.yard->discard(grave);
    return std::optional<Snapshot>();
  }
  touch(database, *row);
  return std::optional(SLIP_TRY(to_snapshot(core, *row)));
}

}  // namespace slipway::cachestore
