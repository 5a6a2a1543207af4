// Drafts on disk: who owns them, how they are made, and how those of dead processes are found and
// removed.
#include "cachestore/snapshot/draft_yard.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <iterator>

#include "base/files.h"
#include "base/random.h"
#include "cachestore/snapshot/pristine.h"

namespace slipway::cachestore {
namespace {

constexpr std::string_view kLockSuffix = ".lock";
constexpr std::string_view kSpare = "spare";

std::string lock_name(const std::string& owner) { return owner + std::string(kLockSuffix); }

bool is_lock(std::string_view name) { return name.ends_with(kLockSuffix); }

bool is_spare(std::string_view name) { return name.starts_with(kSpare); }

bool try_lock(int fd) { return ::flock(fd, LOCK_EX | LOCK_NB) == 0; }

}  // namespace

Result<std::shared_ptr<DraftYard>> DraftYard::open(const std::string& root, int root_fd) {
  std::string path = root + "/drafts";
  if (::mkdirat(root_fd, "drafts", 0700) != 0 && errno != EEXIST)
    return fail_errno("create " + path);
  Fd fd = SLIP_TRY(open_at(root_fd, "drafts", O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
  return std::shared_ptr<DraftYard>(new DraftYard(std::move(path), std::move(fd)));
}

DraftYard::~DraftYard() {
  owner_.with([&](Owner& owner) {
    if (owner.lock.valid() && !owner.unclean)
      ::unlinkat(fd_.get(), lock_name(owner.name).c_str(), 0);
  });
}

Status DraftYard::take_ownership(Owner& owner) {
  // A sweeper may take the fresh file for a dead one before it is locked; then it has no name any
  // more: again.
  for (;;) {
    std::string name = random_hex(kOwnerDigits / 2);
    Fd lock = SLIP_TRY(open_at(fd_.get(), lock_name(name), O_RDWR | O_CREAT | O_EXCL, 0600));
    struct stat now {};
    if (!try_lock(lock.get()) || ::fstat(lock.get(), &now) != 0 || now.st_nlink == 0) {
      ::unlinkat(fd_.get(), lock_name(name).c_str(), 0);
      continue;
    }
    owner.name = std::move(name);
    owner.lock = std::move(lock);
    return {};
  }
}

Result<std::string> DraftYard::new_id() {
  return owner_.with([&](Owner& owner) -> Result<std::string> {
    if (!owner.lock.valid()) SLIP_TRY(take_ownership(owner));
    return owner.name + std::to_string(owner.next++);
  });
}

Result<std::string> DraftYard::create() {
  std::string id = SLIP_TRY(new_id());
  if (take_spare(id)) return id;
  const std::string fs = id + "/fs";
  const std::string work = id + "/work";
  const bool made = ::mkdirat(fd_.get(), id.c_str(), 0700) == 0 &&
                    ::mkdirat(fd_.get(), fs.c_str(), 0755) == 0 &&
                    ::fchmodat(fd_.get(), fs.c_str(), 0755, 0) == 0 &&  // whatever the umask says
                    ::mkdirat(fd_.get(), work.c_str(), 0700) == 0;
  if (!made) {
    auto failure = fail_errno("create " + path_ + "/" + id);
    discard(id);
    return failure;
  }
  return id;
}

bool DraftYard::take_spare(const std::string& id) {
  return spares_.with([&](std::vector<std::string>& spares) {
    while (!spares.empty()) {
      const std::string name = std::move(spares.back());
      spares.pop_back();
      if (::renameat(fd_.get(), name.c_str(), fd_.get(), id.c_str()) == 0) return true;
    }
    return false;
  });
}

bool DraftYard::make_spare(const std::string& id) {
  return spares_.with([&](std::vector<std::string>& spares) {
    for (std::size_t i = 0; i < kMaxSpares; ++i) {
      const std::string name = std::string(kSpare) + std::to_string(i);
      if (std::find(spares.begin(), spares.end(), name) != spares.end()) continue;
      // NOREPLACE: renaming over an empty directory would succeed.
      if (::renameat2(fd_.get(), id.c_str(), fd_.get(), name.c_str(), RENAME_NOREPLACE) != 0)
        continue;
      spares.push_back(name);
      return true;
    }
    return false;
  });
}

void DraftYard::recycle(const std::string& id) {
  if (!make_pristine(fd_.get(), id) || !make_spare(id)) discard(id);
}

void DraftYard::discard(const std::string& id) {
  if (!remove_tree_at(fd_.get(), id)) leave_for_sweep();
}

void DraftYard::leave_for_sweep() {
  owner_.with([](Owner& owner) { owner.unclean = true; });
}

// Locks the lock files nobody holds; `dead` receives their owners' names.
Result<std::vector<Fd>> DraftYard::lock_dead(const std::vector<std::string>& names,
                                             std::vector<std::string>& dead) const {
  std::vector<Fd> locks;
  for (const std::string& name : names) {
    if (!is_lock(name)) continue;
    Fd lock(::openat(fd_.get(), name.c_str(), O_RDWR | O_NOFOLLOW | O_CLOEXEC));
    if (!lock.valid() && errno == ENOENT) continue;
    if (!lock.valid()) return fail_errno("open " + path_ + "/" + name);
    if (!try_lock(lock.get())) continue;
    dead.push_back(name.substr(0, name.size() - kLockSuffix.size()));
    locks.push_back(std::move(lock));
  }
  return locks;
}

Status DraftYard::remove_of_dead(const std::vector<std::string>& dead) {
  for (const std::string& name : SLIP_TRY(list_dir(fd_.get(), path_))) {
    if (is_lock(name) || is_spare(name)) continue;
    const std::string owner = name.substr(0, kOwnerDigits);
    if (std::find(dead.begin(), dead.end(), owner) == dead.end()) {
      // The lock is made before and removed after its drafts: a draft seen without one is nobody's.
      const int exists =
          ::faccessat(fd_.get(), lock_name(owner).c_str(), F_OK, AT_SYMLINK_NOFOLLOW);
      if (exists == 0 || errno != ENOENT) continue;
    }
    SLIP_TRY(remove_tree_at(fd_.get(), name));
  }
  return {};
}

Status DraftYard::sweep(const std::function<Status(const std::string& dead)>& tidy) {
  const auto names = SLIP_TRY(list_dir(fd_.get(), path_));
  std::vector<std::string> dead;
  const auto locks =
      SLIP_TRY(lock_dead(names, dead));  // held to the end: one sweeper per dead owner
  spares_.with([&](std::vector<std::string>& spares) {
    std::copy_if(names.begin(), names.end(), std::back_inserter(spares), is_spare);
  });
  const auto settled = [](const std::string& name) { return is_lock(name) || is_spare(name); };
  if (dead.empty() && std::all_of(names.begin(), names.end(), settled)) return {};
  if (!dead.empty()) SLIP_TRY(tidy(dead.front()));
  SLIP_TRY(remove_of_dead(dead));
  for (const std::string& owner : dead) ::unlinkat(fd_.get(), lock_name(owner).c_str(), 0);
  return {};
}

}  // namespace slipway::cachestore
