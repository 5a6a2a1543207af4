#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "base/fd.h"
#include "base/result.h"

namespace slipway::sandbox {

enum class Depth { kOne, kRecursive };

/// A detached copy of the mount at `path` (relative to `at`; empty: `at` itself). It is attached nowhere: it goes with
/// the descriptor unless somebody moves it. Linux 5.2: open_tree(2), OPEN_TREE_CLONE.
Result<Fd> clone_tree(int at, const std::string& path, Depth depth);
/// The same of the mount at `path` in the mount namespace of another process. That one may be hostile: no link is
/// followed.
Result<Fd> clone_tree_of_peer(int pidfd, const std::string& path);
/// Sets MOUNT_ATTR_* bits. Linux 5.12: mount_setattr(2).
Status set_tree_attributes(int tree, std::uint64_t bits, Depth depth, const std::string& what);
/// MS_PRIVATE or MS_SLAVE for the whole tree.
Status set_propagation(int tree, std::uint64_t type, const std::string& what);
/// Shows the tree's owners through the map of user namespace `userns_fd`. kUnsupported names the file system.
Status shift_tree(int tree, int userns_fd, const std::string& what);
/// Detaches what lies on `path` at the end of its life.
class MountPoint {
 public:
  MountPoint() = default;
  explicit MountPoint(std::string path) : path_(std::move(path)) {}
  MountPoint(MountPoint&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  MountPoint& operator=(MountPoint&& other) noexcept;
  ~MountPoint() { reset(); }

 private:
  void reset();
  std::string path_;
};
/// Attaches at an existing directory in this process's own mount namespace.
Result<MountPoint> attach_tree(int tree, const std::string& path);

}  // namespace slipway::sandbox
