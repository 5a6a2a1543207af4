// Stacks of snapshots, and the two bottoms that are not images.
#include "runner/execute/stacks.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <array>

#include "base/files.h"

namespace slipway::runner {
namespace {

struct BaseDir {
  const char* path;
  mode_t mode;
};
// Mount points of the machine's tools and what every program expects to be writable. Version the key below when this
// changes.
constexpr std::array<BaseDir, 15> kHostDirs{{{"usr", 0755},
                                             {"etc", 0755},
                                             {"dev", 0755},
                                             {"proc", 0755},
                                             {"sys", 0755},
                                             {"tmp", 01777},
                                             {"root", 0700},
                                             {"run", 0755},
                                             {"run/lock", 01777},
                                             {"var", 0755},
                                             {"var/tmp", 01777},
                                             {"var/cache", 0755},
                                             {"var/lib", 0755},
                                             {"opt", 0755},
                                             {"workspace", 0755}}};

Result<cachestore::Snapshot> make_base(cachestore::Store& store, const std::string& key,
                                       bool host_dirs) {
  if (std::optional<cachestore::Snapshot> found =
          SLIP_TRY(store.find(cachestore::SnapshotKind::kBase, key))) {
    return *std::move(found);
  }
  cachestore::Draft draft = SLIP_TRY(store.begin());
  if (host_dirs) {
    for (const BaseDir& dir : kHostDirs) {
      const std::string path = draft.upper() + "/" + dir.path;
      SLIP_TRY(make_dirs(path, dir.mode));
      if (::chmod(path.c_str(), dir.mode) != 0) return fail_errno("chmod " + path);
    }
  }
  return store.commit(std::move(draft), cachestore::SnapshotKind::kBase, key, Json(),
                      cachestore::Durability::kRelaxed);
}

}  // namespace

Result<Stack> Stack::load(cachestore::Store& store, const std::vector<std::string>& ids) {
  Stack stack;
  for (const std::string& id : ids) stack.push(SLIP_TRY(store.get(id)));
  return stack;
}

void Stack::replace_bottom(std::size_t count, const std::vector<cachestore::Snapshot>& bottom) {
  const auto end =
      snapshots_.begin() + static_cast<std::ptrdiff_t>(std::min(count, snapshots_.size()));
  snapshots_.erase(snapshots_.begin(), end);
  snapshots_.insert(snapshots_.begin(), bottom.begin(), bottom.end());
}

std::vector<std::string> Stack::ids() const {
  std::vector<std::string> ids;
  for (const cachestore::Snapshot& snapshot : snapshots_) ids.push_back(snapshot.id);
  return ids;
}

sandbox::OverlayStack Stack::below(const cachestore::Draft& draft) const {
  sandbox::OverlayStack overlay;
  for (const cachestore::Snapshot& snapshot : snapshots_) overlay.lowers.push_back(snapshot.path);
  overlay.upper = draft.upper();
  overlay.work = draft.work();
  return overlay;
}

bool Stack::has_file(const std::string& path) const {
  for (auto snapshot = snapshots_.rbegin(); snapshot != snapshots_.rend(); ++snapshot) {
    const Result<Fd> root = open_file(snapshot->path, O_PATH | O_DIRECTORY);
    if (!root) continue;
    const Result<Fd> found = open_in_root(root->get(), path, O_PATH | O_NOFOLLOW);
    if (!found) continue;
    struct stat info {};
    if (::fstat(found->get(), &info) != 0) continue;
    return S_ISREG(info.st_mode) || S_ISLNK(info.st_mode);  // a whiteout is a character device
  }
  return false;
}

Result<cachestore::Snapshot> host_base(cachestore::Store& store) {
  return make_base(store, "host-1", true);
}
Result<cachestore::Snapshot> empty_base(cachestore::Store& store) {
  return make_base(store, "empty-1", false);
}

}  // namespace slipway::runner
