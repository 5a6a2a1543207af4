// Id ranges for containers: chosen by file lock among all engines of the machine, each with a shifted view of the
// store.
#include "sandbox/ids/id_slots.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>

#include "base/files.h"
#include "sandbox/ids/engine_namespaces.h"
#include "sandbox/ids/sub_ids.h"

namespace slipway::sandbox {
namespace {

// Above what systemd-nspawn takes (0x00080000 to 0x6fffffff) and below 2^31, where old file systems stop.
constexpr IdRange kDefaultRange = {0, 0x70000000, 0x0fff0000};
constexpr const char* kLockDirectory = "/run/slipway/ids";

Result<IdRange> host_range() {
  const IdRanges given =
      SLIP_TRY(read_sub_ids("/etc/subuid", "slipway", static_cast<uid_t>(-1), 0));
  if (given.empty() || given[0].count < kIdsPerContainer) return kDefaultRange;
  return IdRange{0, given[0].outside, given[0].count};
}

}  // namespace

IdSlots::Lease& IdSlots::Lease::operator=(Lease&& other) noexcept {
  if (this != &other) {
    give_back();
    owner_ = std::exchange(other.owner_, nullptr);
    slot_ = std::move(other.slot_);
  }
  return *this;
}

void IdSlots::Lease::give_back() {
  if (owner_ == nullptr || slot_ == nullptr) return;
  owner_->pool_.with([&](Pool& pool) {
    if (--slot_->users > 0) return;
    std::erase(pool.busy, slot_);
    if (slot_->ours) pool.free.push_back(std::move(slot_));
  });
  slot_.reset();
  owner_ = nullptr;
}

Result<std::unique_ptr<IdSlots>> IdSlots::open(const std::string& store_root) {
  const EngineNamespaces& namespaces = SLIP_TRY(engine_namespaces());
  if (namespaces.privileged) {
    SLIP_TRY(make_dirs(kLockDirectory, 0700));
    SLIP_TRY(make_dirs(store_root + "/mounts", 0700));
    Fd locks = SLIP_TRY(open_file(kLockDirectory, O_PATH | O_DIRECTORY));
    return std::unique_ptr<IdSlots>(
        new IdSlots(store_root, SLIP_TRY(host_range()), std::move(locks)));
  }
  std::unique_ptr<IdSlots> slots(new IdSlots(store_root, {}, Fd()));
  auto slot = std::make_shared<IdSlot>();
  slot->map = SLIP_TRY(identity_of_own_namespace());
  slot->directory = SLIP_TRY(open_file(store_root, O_PATH | O_DIRECTORY));
  slot->view = {store_root, slot->directory.get(), true, std::nullopt};
  slots->common_ = std::move(slot);
  return slots;
}

Result<IdSlots::Lease> IdSlots::acquire() {
  if (common_) return Lease(nullptr, common_);
  auto known = pool_.with([](Pool& pool) -> std::shared_ptr<IdSlot> {
    if (pool.free.empty()) return nullptr;
    auto slot = std::move(pool.free.back());
    pool.free.pop_back();
    return slot;
  });
  if (!known) known = SLIP_TRY(next_slot());
  return take(std::move(known));
}

IdSlots::Lease IdSlots::take(std::shared_ptr<IdSlot> slot) {
  pool_.with([&](Pool& pool) {
    if (slot->users++ == 0) pool.busy.push_back(slot);
  });
  return Lease(this, std::move(slot));
}

Result<IdSlots::Lease> IdSlots::share(pid_t peer) {
  if (common_) return Lease(nullptr, common_);
  const std::string path = "/proc/" + std::to_string(peer) + "/uid_map";
  const std::string text = SLIP_TRY_WITHIN("join container", read_file(path, 4_KiB));
  unsigned inside = 0;
  unsigned outside = 0;
  if (std::sscanf(text.c_str(), "%u %u", &inside, &outside) != 2 || inside != 0 ||
      outside < range_.outside || (outside - range_.outside) % kIdsPerContainer != 0) {
    return fail(ErrorCode::kUnsupported, "join container: its process " + std::to_string(peer) +
                                             " has none of this engine's id ranges");
  }
  const std::uint32_t number = (outside - range_.outside) / kIdsPerContainer;
  auto known = pool_.with([&](Pool& pool) -> std::shared_ptr<IdSlot> {
    for (const auto& slot : pool.busy) {
      if (slot->number == number) return slot;
    }
    return nullptr;
  });
  if (!known) known = SLIP_TRY(foreign_slot(number));
  return take(std::move(known));
}

Result<std::shared_ptr<IdSlot>> IdSlots::foreign_slot(std::uint32_t number) {
  Fd lock = SLIP_TRY(
      open_at(lock_directory_.get(), std::to_string(number), O_RDWR | O_CREAT | O_NOFOLLOW, 0600));
  if (::flock(lock.get(), LOCK_SH | LOCK_NB) != 0)
    return fail_errno("share " + std::string(kLockDirectory) + "/" + std::to_string(number));
  auto slot = SLIP_TRY(make_slot(number, std::move(lock)));
  slot->ours = false;
  return slot;
}

Result<IdSlots::Lease> IdSlots::host() {
  if (common_) return Lease(nullptr, common_);
  auto slot = std::make_shared<IdSlot>();
  slot->map.users = slot->map.groups = {{0, 0, 0xffffffff}};
  slot->directory = SLIP_TRY(open_file(store_root_, O_PATH | O_DIRECTORY));
  slot->view = {store_root_, slot->directory.get(), false, std::nullopt};
  return Lease(nullptr, std::move(slot));
}

Result<std::shared_ptr<IdSlot>> IdSlots::next_slot() {
  const std::uint32_t slots = range_.count / kIdsPerContainer;
  for (;;) {
    const std::uint32_t number = pool_.with([](Pool& pool) { return pool.next++; });
    if (number >= slots) {
      return fail(ErrorCode::kExhausted, "take an id range: all " + std::to_string(slots) +
                                             " are in use (see " + kLockDirectory + ")");
    }
    Fd lock = SLIP_TRY(open_at(lock_directory_.get(), std::to_string(number),
                               O_RDWR | O_CREAT | O_NOFOLLOW, 0600));
    if (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
      if (errno == EWOULDBLOCK) continue;
      return fail_errno("lock " + std::string(kLockDirectory) + "/" + std::to_string(number));
    }
    // From "nobody else" to "those who join": flock(2) does not do that in one step, so somebody may come between.
    if (::flock(lock.get(), LOCK_SH | LOCK_NB) != 0) continue;
    return make_slot(number, std::move(lock));
  }
}

Result<std::shared_ptr<IdSlot>> IdSlots::make_slot(std::uint32_t number, Fd lock) {
  auto slot = std::make_shared<IdSlot>();
  const IdRange range = {0, range_.outside + number * kIdsPerContainer, kIdsPerContainer};
  slot->lock = std::move(lock);
  slot->number = number;
  slot->map.users = {range};
  slot->map.groups = {range};
  slot->user_namespace = SLIP_TRY(make_user_namespace(slot->map));
  Fd tree = SLIP_TRY(clone_tree(AT_FDCWD, store_root_, Depth::kOne));
  SLIP_TRY(shift_tree(tree.get(), slot->user_namespace.get(), store_root_));
  // Overlayfs takes layers only from mounts of this process's namespace, so the view is attached, on a directory of
  // its own that only this process sees as a mount.
  const std::string place = store_root_ + "/mounts/" + std::to_string(number);
  SLIP_TRY(make_dirs(place, 0700));
  slot->attached = SLIP_TRY(attach_tree(tree.get(), place));
  slot->directory = SLIP_TRY(open_file(place, O_PATH | O_DIRECTORY));
  slot->view = {store_root_, slot->directory.get(), false, range.outside};
  return slot;
}

}  // namespace slipway::sandbox
