// Checks of the state directory: overlays and shifted mounts on its file system, its space.
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cerrno>

#include "base/files.h"
#include "sandbox/doctor/probe.h"
#include "sandbox/ids/id_map.h"
#include "sandbox/mounts/overlay.h"

namespace slipway::sandbox::doctor {
namespace {

std::string nearest_existing(std::string path) {
  while (path.size() > 1 && !path_exists(path)) {
    const std::size_t slash = path.rfind('/');
    path.resize(slash == std::string::npos || slash == 0 ? 1 : slash);
    if (path[0] != '/') return "/";
  }
  return path.empty() ? "/" : path;
}

// On the state directory's file system where we may write, else in /tmp.
Result<TempDir> probe_directory(const std::string& state_dir) {
  const std::string near = nearest_existing(state_dir);
  if (::faccessat(AT_FDCWD, near.c_str(), W_OK, AT_EACCESS) == 0) {
    return TempDir::make(near, ".slipway-doctor");
  }
  return TempDir::make("/tmp", ".slipway-doctor");
}

// An overlay as containers have it, and the two operations that fail on unfit file systems: copy-up and white-out.
Status try_overlay(const std::string& dir, bool user_xattr) {
  for (const char* part : {"/lower", "/upper", "/work"}) SLIP_TRY(make_dirs(dir + part, 0755));
  for (const char* name : {"/lower/old", "/lower/gone"}) {
    (void)SLIP_TRY(open_file(dir + name, O_WRONLY | O_CREAT | O_EXCL, 0644));
  }
  const Fd root = SLIP_TRY(open_file(dir, O_PATH | O_DIRECTORY));
  LayerView view;
  view.root = dir;
  view.directory = root.get();
  view.user_xattr = user_xattr;
  const Fd merged =
      SLIP_TRY(mount_overlay({{dir + "/lower"}, dir + "/upper", dir + "/work"}, view));
  const Fd old = SLIP_TRY(open_at(merged.get(), "old", O_WRONLY | O_APPEND));
  SLIP_TRY(write_all(old.get(), "new", "old"));
  if (::unlinkat(merged.get(), "gone", 0) != 0)
    return fail_errno("remove a file of the lower layer");
  if (::faccessat(merged.get(), "gone", F_OK, 0) == 0) {
    return fail(ErrorCode::kUnsupported, "removed file of the lower layer is still there");
  }
  return {};
}

HostCheck overlay_answer(const Status& tried, const std::string& where) {
  if (tried) return ok("works in " + where);
  return bad(tried.error().text(),
             "modprobe overlay; or put the state directory on ext4, xfs or btrfs with --state DIR");
}

Status try_shifted(const std::string& dir) {
  IdMap map;
  map.users = map.groups = {{0, 100'000, kIdsPerContainer}};
  const Fd user_namespace = SLIP_TRY(make_user_namespace(map));
  const Fd tree(static_cast<int>(
      ::syscall(SYS_open_tree, AT_FDCWD, dir.c_str(), OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC)));
  if (!tree) return fail_errno("clone mount of " + dir);
  mount_attr attributes{};
  attributes.attr_set = MOUNT_ATTR_IDMAP;
  attributes.userns_fd = static_cast<std::uint64_t>(user_namespace.get());
  if (::syscall(SYS_mount_setattr, tree.get(), "", AT_EMPTY_PATH, &attributes, sizeof attributes) !=
      0) {
    return fail_errno("shift ids of a mount of " + dir);
  }
  struct stat info {};
  if (::fstat(tree.get(), &info) != 0) return fail_errno("stat " + dir);
  if (info.st_uid == 100'000 + ::geteuid()) return {};
  return fail(ErrorCode::kUnsupported, "shifted mount shows owner " + std::to_string(info.st_uid));
}

struct FileSystem {
  long magic;
  const char* name;
  bool fit;  // As the upper layer of an overlay, with locks that hold.
};
// Spec: linux/magic.h.
constexpr FileSystem kFileSystems[] = {
    {0xef53, "ext4", true},         {0x58465342, "xfs", true},      {0x9123683e, "btrfs", true},
    {0x01021994, "tmpfs", true},    {0xf2f52010, "f2fs", true},     {0x2fc12fc1, "zfs", true},
    {0xca451a4e, "bcachefs", true}, {0x794c7630, "overlay", false}, {0x6969, "nfs", false},
    {0xff534d42, "cifs", false},    {0xfe534d42, "smb2", false},    {0x65735546, "fuse", false},
    {0x01021997, "9p", false},      {0x2011bab0, "exfat", false},   {0x4d44, "vfat", false},
};

std::string space(const struct statvfs& info) {
  return format_size({info.f_bavail * info.f_frsize}) + " and " + std::to_string(info.f_favail) +
         " inodes free";
}

}  // namespace

HostCheck check_overlay(const std::string& state_dir) {
  if (!privileged()) return ok("not needed: containers of an ordinary user use the next one");
  const auto dir = probe_directory(state_dir);
  if (!dir) return bad(dir.error().text(), "give a writable directory with --state DIR");
  return overlay_answer(in_child([&]() -> Status {
                          if (::unshare(CLONE_NEWNS) != 0)
                            return fail_errno("make mount namespace");
                          return try_overlay(dir->path(), false);
                        }),
                        nearest_existing(state_dir));
}

HostCheck check_user_overlay(const std::string& state_dir) {
  const auto dir = probe_directory(state_dir);
  if (!dir) return bad(dir.error().text(), "give a writable directory with --state DIR");
  const auto tried = in_child([&]() -> Status {
    SLIP_TRY(enter_user_namespace(CLONE_NEWNS));
    return try_overlay(dir->path(), true);
  });
  HostCheck check = overlay_answer(tried, nearest_existing(state_dir));
  if (!tried && privileged()) check.status = HostCheck::Status::kWarn;  // Root does not need it.
  return check;
}

HostCheck check_shifted_mounts(const std::string& state_dir) {
  if (!privileged()) return ok("not needed for an ordinary user");
  const auto dir = probe_directory(state_dir);
  if (!dir) return bad(dir.error().text(), "give a writable directory with --state DIR");
  const auto tried = in_child([&]() -> Status {
    if (::unshare(CLONE_NEWNS) != 0) return fail_errno("make mount namespace");
    return try_shifted(dir->path());
  });
  if (tried) return ok("works in " + nearest_existing(state_dir));
  return bad(tried.error().text(),
             "install Linux 5.19 or newer, or put the state directory on ext4, xfs or btrfs");
}

HostCheck check_disk(const std::string& state_dir) {
  constexpr std::uint64_t kComfortable = (5_GiB).value;  // One image with its job's writable layer.
  constexpr std::uint64_t kLeast = (256_MiB).value;
  constexpr std::uint64_t kLeastInodes = 100'000;  // A Debian image has about ten thousand files.
  const std::string path = nearest_existing(state_dir);
  struct statfs type {};
  struct statvfs info {};
  if (::statfs(path.c_str(), &type) != 0 || ::statvfs(path.c_str(), &info) != 0) {
    const Error error = errno_error(errno, "examine " + path);
    return bad(error.text(), "give another directory with --state DIR");
  }
  std::string name = "unknown file system";
  bool fit = true;
  for (const FileSystem& known : kFileSystems) {
    if (known.magic != static_cast<long>(type.f_type)) continue;
    name = known.name;
    fit = known.fit;
  }
  const std::string detail = state_dir + ": " + name + ", " + space(info);
  if (!fit)
    return warn(detail + "; overlays do not work well on " + name,
                "give a directory on ext4, xfs or btrfs with --state DIR");
  const std::uint64_t free = info.f_bavail * info.f_frsize;
  if (free < kLeast)
    return bad(detail, "free some space, or give another directory with --state DIR");
  const bool few_inodes = info.f_files > 0 && info.f_favail < kLeastInodes;  // btrfs counts none.
  if (free < kComfortable || few_inodes) {
    return warn(detail, "free some space, or give another directory with --state DIR");
  }
  return ok(detail);
}

}  // namespace slipway::sandbox::doctor
