// Stacks of snapshots.
#include "runner/execute/stacks.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "base/files.h"
#include "sandbox/base_image.h"

namespace slipway::runner {

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
  return sandbox::host_base(store);
}
Result<cachestore::Snapshot> empty_base(cachestore::Store& store) {
  return sandbox::empty_base(store);
}

}  // namespace slipway::runner
