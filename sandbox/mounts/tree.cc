// Detached mount trees, as the engine makes them before a launch.
#include "sandbox/mounts/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <system_error>
#include <thread>

namespace slipway::sandbox {

Result<Fd> clone_tree(int at, const std::string& path, Depth depth) {
  unsigned flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC;
  if (path.empty()) flags |= AT_EMPTY_PATH;
  if (depth == Depth::kRecursive) flags |= AT_RECURSIVE;
  Fd tree(::open_tree(at, path.c_str(), flags));
  if (!tree) return fail_errno("clone mount " + (path.empty() ? "descriptor" : path));
  return tree;
}

namespace {

Result<Fd> clone_in_thread(int pidfd, const std::string& path) {
  if (::unshare(CLONE_FS) != 0 || ::setns(pidfd, CLONE_NEWNS) != 0)
    return fail_errno("enter mount namespace of container");
  struct open_how how {};
  how.flags = O_PATH | O_DIRECTORY | O_CLOEXEC;
  how.resolve = RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
  const Fd place(
      static_cast<int>(::syscall(SYS_openat2, AT_FDCWD, path.c_str(), &how, sizeof how)));
  if (!place) return fail_errno("open " + path + " of container");
  return clone_tree(place.get(), "", Depth::kOne);
}

}  // namespace

// In a thread, which ends with the namespace that it entered.
Result<Fd> clone_tree_of_peer(int pidfd, const std::string& path) {
  Result<Fd> cloned = fail(ErrorCode::kInternal, "clone mount: no answer");
  try {
    std::thread([&] { cloned = clone_in_thread(pidfd, path); }).join();
  } catch (const std::system_error& error) {
    return fail(ErrorCode::kExhausted, std::string("clone mount: start a thread: ") + error.what());
  }
  return cloned;
}

Status set_tree_attributes(int tree, std::uint64_t bits, Depth depth, const std::string& what) {
  struct mount_attr attributes {};
  attributes.attr_set = bits;
  const unsigned flags = AT_EMPTY_PATH | (depth == Depth::kRecursive ? AT_RECURSIVE : 0U);
  if (::mount_setattr(tree, "", flags, &attributes, sizeof attributes) != 0) {
    return fail_errno("set mount attributes of " + what);
  }
  return {};
}

Status set_propagation(int tree, std::uint64_t type, const std::string& what) {
  struct mount_attr attributes {};
  attributes.propagation = type;
  if (::mount_setattr(tree, "", AT_EMPTY_PATH | AT_RECURSIVE, &attributes, sizeof attributes) != 0)
    return fail_errno("set propagation of " + what);
  return {};
}

Status shift_tree(int tree, int userns_fd, const std::string& what) {
  struct mount_attr attributes {};
  attributes.attr_set = MOUNT_ATTR_IDMAP;
  attributes.userns_fd = static_cast<std::uint64_t>(userns_fd);
  if (::mount_setattr(tree, "", AT_EMPTY_PATH, &attributes, sizeof attributes) == 0) return {};
  if (errno == EINVAL) {
    return fail(ErrorCode::kUnsupported,
                "map owners of " + what +
                    ": its file system has no id-mapped mounts (ext4, xfs and btrfs have them)",
                EINVAL);
  }
  return fail_errno("map owners of " + what);
}

MountPoint& MountPoint::operator=(MountPoint&& other) noexcept {
  if (this != &other) {
    reset();
    path_ = std::exchange(other.path_, {});
  }
  return *this;
}

void MountPoint::reset() {
  if (!path_.empty()) ::umount2(path_.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW);
  path_.clear();
}

Result<MountPoint> attach_tree(int tree, const std::string& path) {
  if (::move_mount(tree, "", AT_FDCWD, path.c_str(), MOVE_MOUNT_F_EMPTY_PATH) != 0) {
    return fail_errno("attach mount at " + path);
  }
  return MountPoint(path);
}

}  // namespace slipway::sandbox
