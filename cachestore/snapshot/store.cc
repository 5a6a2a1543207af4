// The door to snapshots: drafts, commits, look-ups and leases of a Store.
#include "cachestore/store.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/files.h"
#include "cachestore/snapshot/store_core.h"

namespace slipway::cachestore {
namespace {

// Keys are digests and short paths, metadata a few facts: bounds against mistakes, far above any
// use.
constexpr std::size_t kMaxKey = 4'096;
constexpr std::size_t kMaxMetadata = std::size_t{1} << 20;

bool valid_id(std::string_view id) {
  if (id.empty() || id.size() > 64) return false;
  return id.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789") == std::string_view::npos;
}

// A shared flock on the snapshot's directory; prune takes it exclusively before it moves the
// directory away.
Result<Fd> lock_shared(const StoreCore& core, const std::string& id) {
  const std::string doing = "lease snapshot " + id;
  if (!valid_id(id)) return fail(ErrorCode::kInvalid, doing + ": not a snapshot id");
  const int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
  Fd fd(::openat(core.snapshots_fd.get(), id.c_str(), flags));
  if (!fd.valid()) return fail_errno(doing);
  while (::flock(fd.get(), LOCK_SH) != 0) {
    if (errno != EINTR) return fail_errno(doing);
  }
  struct stat locked {};
  struct stat named {};
  const bool same =
      ::fstat(fd.get(), &locked) == 0 &&
      ::fstatat(core.snapshots_fd.get(), id.c_str(), &named, AT_SYMLINK_NOFOLLOW) == 0 &&
      locked.st_ino == named.st_ino && locked.st_dev == named.st_dev;
  if (!same) return fail(ErrorCode::kNotFound, doing + ": it was pruned meanwhile");
  return fd;
}

// Places the draft as `row`, or finds the snapshot that has its key already. A row with a boot is a
// relaxed one.
Result<Snapshot> record(StoreCore& core, Database& database, DraftHandle& draft,
                        const SnapshotRow& row) {
  if (auto existing = SLIP_TRY(find_snapshot(core, database, row.kind, row.key))) return *existing;
  const bool full = row.boot.empty();
  std::optional<SnapshotRow> winner;
  std::optional<Placement> placement;
  Status done = database.transaction(full ? SyncMode::kFull : SyncMode::kNormal, [&]() -> Status {
    winner = SLIP_TRY(snapshot_rows::by_key(database, row.kind, row.key));  // since we looked
    if (winner) return {};
    placement.emplace(SLIP_TRY(Placement::make(core, database, draft, row)));
    return full ? sync_snapshot_names(core) : Status();
  });
  SLIP_TRY(std::move(done));
  if (winner) return to_snapshot(core, *winner);
  placement->keep();
  return to_snapshot(core, row);
}

}  // namespace

struct Lease::State {
  std::vector<Fd> locks;
};

Draft::Draft(std::unique_ptr<State> state) : state_(std::move(state)) {}
Draft::Draft(Draft&&) noexcept = default;
Draft& Draft::operator=(Draft&&) noexcept = default;
Draft::~Draft() = default;
const std::string& Draft::id() const { return state_->id; }
std::string Draft::upper() const { return state_->yard->path() + "/" + state_->id + "/fs"; }
std::string Draft::work() const { return state_->yard->path() + "/" + state_->id + "/work"; }

Lease::Lease() = default;
Lease::Lease(Lease&&) noexcept = default;
Lease& Lease::operator=(Lease&&) noexcept = default;
Lease::~Lease() = default;

Store::Store(std::unique_ptr<State> state) : state_(std::move(state)) {}
Store::~Store() = default;

Result<std::shared_ptr<Store>> Store::open(const StoreOptions& options) {
  auto state = std::make_unique<State>();
  state->core = SLIP_TRY(open_core(options));
  return std::shared_ptr<Store>(new Store(std::move(state)));
}

const std::string& Store::root() const { return state_->core->root; }

Result<Draft> Store::begin() {
  auto state = std::make_unique<Draft::State>();
  state->yard = state_->core->yard;
  state->id = SLIP_TRY(state->yard->create());
  return Draft(std::move(state));
}

Result<Snapshot> Store::commit(Draft draft, SnapshotKind kind, std::string key, Json metadata,
                               Durability durability) {
  StoreCore& core = *state_->core;
  std::string text = metadata.dump();
  if (key.size() > kMaxKey || text.size() > kMaxMetadata) {
    return fail(ErrorCode::kInvalid,
                "commit snapshot " + draft.id() + ": key or metadata too long");
  }
  if (durability == Durability::kFull) SLIP_TRY(sync_store(core));
  const SnapshotRow row = new_row(*draft.state_, kind, std::move(key), std::move(text), durability);
  return core.index.with(
      [&](Database& database) { return record(core, database, *draft.state_, row); });
}

Result<std::optional<Snapshot>> Store::find(SnapshotKind kind, const std::string& key) {
  StoreCore& core = *state_->core;
  return core.index.with(
      [&](Database& database) { return find_snapshot(core, database, kind, key); });
}

Result<Snapshot> Store::get(const std::string& id) {
  StoreCore& core = *state_->core;
  const auto row = SLIP_TRY(
      core.index.with([&](Database& database) { return snapshot_rows::by_id(database, id); }));
  if (!row || !usable(core, *row)) {
    return fail(ErrorCode::kNotFound, "find snapshot " + id + ": no such snapshot");
  }
  return to_snapshot(core, *row);
}

Result<Lease> Store::lease(const std::vector<std::string>& ids) {
  Lease lease;
  lease.state_ = std::make_unique<Lease::State>();
  lease.state_->locks.reserve(ids.size());
  for (const std::string& id : ids) {
    lease.state_->locks.push_back(SLIP_TRY(lock_shared(*state_->core, id)));
  }
  return lease;
}

Result<Store::PruneResult> Store::prune(SnapshotKind kind, WallTime older_than) {
  return prune_snapshots(*state_->core, kind, to_millis(older_than));
}

}  // namespace slipway::cachestore
