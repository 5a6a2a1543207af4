// Mounts, always by descriptor: a tree is made detached, then moved onto an opened target (R7).
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "sandbox/launch/child/child.h"
#include "sandbox/launch/child/raw.h"

namespace slipway::sandbox::child {
namespace {

constexpr unsigned kByDescriptor = MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH;
constexpr std::uint64_t kPlain = RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;

long set_attribute_bits(long fd, std::uint64_t bits, unsigned flags) {
  struct mount_attr attributes {};
  attributes.attr_set = bits;
  return raw::invoke(SYS_mount_setattr, fd, "", flags | AT_EMPTY_PATH, &attributes,
                     static_cast<long>(sizeof attributes));
}

long close_and(long fd, long result) {
  raw::invoke(SYS_close, fd);
  return result;
}

long configure(long context, const FsOption* option) {
  for (; option != nullptr && option->name != nullptr; option++) {
    const unsigned command = option->value == nullptr ? FSCONFIG_SET_FLAG : FSCONFIG_SET_STRING;
    const long result = raw::invoke(SYS_fsconfig, context, command, option->name, option->value, 0);
    if (result < 0) return result;
  }
  return raw::invoke(SYS_fsconfig, context, FSCONFIG_CMD_CREATE, 0, 0, 0);
}

}  // namespace

long mount_fs(State& state, const Operation& operation) {
  const long context = raw::invoke(SYS_fsopen, operation.path, FSOPEN_CLOEXEC);
  if (context < 0) return context;
  long result = configure(context, static_cast<const FsOption*>(operation.data));
  if (result >= 0) {
    result = raw::invoke(SYS_fsmount, context, FSMOUNT_CLOEXEC, static_cast<long>(operation.flags));
  }
  raw::invoke(SYS_close, context);
  if (result < 0) return result;
  state.keep(operation.out, static_cast<int>(result));
  return 0;
}

long clone_mount(State& state, const Operation& operation) {
  const unsigned flags =
      OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH | static_cast<unsigned>(operation.flags);
  const long tree = raw::invoke(SYS_open_tree, state.fd(operation.at), operation.path, flags);
  if (tree < 0) return tree;
  state.keep(operation.out, static_cast<int>(tree));
  return 0;
}

long set_attributes(State& state, const Operation& operation) {
  return set_attribute_bits(state.fd(operation.in), operation.flags,
                            operation.mode != 0 ? AT_RECURSIVE : 0);
}

long check_device(State& state, const Operation& operation) {
  struct statx found;
  const long result =
      raw::invoke(SYS_statx, state.fd(operation.in), "", AT_EMPTY_PATH, STATX_TYPE, &found);
  if (result < 0) return result;
  const bool right = S_ISCHR(found.stx_mode) && found.stx_rdev_major == operation.uid &&
                     found.stx_rdev_minor == operation.gid;
  return right ? 0 : -ENODEV;
}

long attach(State& state, const Operation& operation) {
  const int at = state.fd(operation.at);
  if (operation.path[0] == '\0' || at == AT_FDCWD) {
    return raw::invoke(SYS_move_mount, state.fd(operation.in), "", at, operation.path,
                       at == AT_FDCWD ? MOVE_MOUNT_F_EMPTY_PATH : kByDescriptor);
  }
  const long target = open_how(at, operation.path, O_PATH, kPlain);
  if (target < 0) return target;
  return close_and(
      target, raw::invoke(SYS_move_mount, state.fd(operation.in), "", target, "", kByDescriptor));
}

long attach_target(State& state, const Operation& operation) {
  bool made = false;
  const long target =
      ensure_target(state.fd(kRoot), operation.path, S_ISDIR(operation.mode), &made);
  if (target == -EROFS && operation.flags != 0) return 0;
  if (target < 0) return target;
  return close_and(
      target, raw::invoke(SYS_move_mount, state.fd(operation.in), "", target, "", kByDescriptor));
}

// R3: what covers a path comes from the scratch tmpfs, which the image never sees.
long hide(State& state, const Operation& operation) {
  const long target = open_how(state.fd(operation.at), operation.path, O_PATH, kPlain);
  if (target < 0) return target == -ENOENT || target == -ENOTDIR || target == -EACCES ? 0 : target;
  struct statx found;
  long result = raw::invoke(SYS_statx, target, "", AT_EMPTY_PATH, STATX_TYPE, &found);
  if (result < 0) return close_and(target, result);
  const bool directory = S_ISDIR(found.stx_mode);
  const long cover = raw::invoke(SYS_open_tree, state.fd(kScratch), directory ? "empty" : "null",
                                 OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
  if (cover < 0) return close_and(target, cover);
  result = directory ? set_attribute_bits(cover, MOUNT_ATTR_RDONLY, 0) : 0;
  if (result >= 0) result = raw::invoke(SYS_move_mount, cover, "", target, "", kByDescriptor);
  raw::invoke(SYS_close, cover);
  return close_and(target, result);
}

long freeze_path(State& state, const Operation& operation) {
  const long target = open_how(state.fd(operation.at), operation.path, O_PATH, kPlain);
  if (target < 0) return target == -ENOENT || target == -EACCES ? 0 : target;
  const long tree = raw::invoke(SYS_open_tree, target, "",
                                OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH | AT_RECURSIVE);
  if (tree < 0) return close_and(target, tree);
  long result = set_attribute_bits(tree, MOUNT_ATTR_RDONLY, AT_RECURSIVE);
  if (result >= 0) result = raw::invoke(SYS_move_mount, tree, "", target, "", kByDescriptor);
  raw::invoke(SYS_close, tree);
  return close_and(target, result);
}

// pivot_root(2), NOTES: with both arguments "." the old root ends up stacked on the new one and
// needs no directory.
long pivot(State& state, const Operation&) {
  const long result = raw::invoke(SYS_fchdir, state.fd(kNewRoot));
  return result < 0 ? result : raw::invoke(SYS_pivot_root, ".", ".");
}

long leave_old_root(State& state, const Operation&) {
  long result = raw::invoke(SYS_fchdir, state.fd(kOldRoot));
  if (result < 0) return result;
  result = raw::invoke(SYS_umount2, ".", MNT_DETACH);
  if (result < 0) return result;
  state.keep(kOldRoot, -1);
  return raw::invoke(SYS_chdir, "/");
}

}  // namespace slipway::sandbox::child
