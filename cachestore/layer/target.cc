// Safe path resolution below the directory that is being filled.
#include "cachestore/layer/target.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/files.h"

namespace slipway::cachestore {
namespace {

constexpr mode_t kParentMode =
    0755;  // what tar, docker and mkdir(1) give to directories nobody described

// Linux 5.6: openat2(2).
Fd open_beneath(int root_fd, const std::string& path, int flags) {
  open_how how{};
  how.flags = static_cast<std::uint64_t>(flags | O_CLOEXEC);
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
  return Fd(static_cast<int>(
      ::syscall(SYS_openat2, root_fd, path.empty() ? "." : path.c_str(), &how, sizeof how)));
}

Error not_a_directory(std::string_view path) {
  return Error(ErrorCode::kInvalid, "\"" + std::string(path) + "\" is not a directory");
}

std::string parent_of(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  return std::string(slash == std::string_view::npos ? "" : path.substr(0, slash));
}

}  // namespace

Result<Fd> Target::open_dir(const std::string& path, int flags) const {
  Fd fd = open_beneath(root_fd_, path, flags | O_DIRECTORY);
  if (fd.valid()) return fd;
  if (errno == ELOOP && policy_ == UnpackPolicy::kLayer) {
    return open_in_root(root_fd_, path, flags | O_DIRECTORY);
  }
  if (errno == ELOOP) return fail(ErrorCode::kInvalid, "\"" + path + "\" leads through a link");
  if (errno == ENOTDIR) return fail(not_a_directory(path));
  return fail_errno("open \"" + path + "\"");
}

Result<Fd> Target::open_parent(std::string_view path) const {
  return open_dir(parent_of(path), O_PATH);
}

Result<Target::Place> Target::place(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  const std::string_view parent = slash == std::string_view::npos ? "" : path.substr(0, slash);
  const std::string_view name = slash == std::string_view::npos ? path : path.substr(slash + 1);
  if (!parent_.valid() || parent_path_ != parent) {
    const std::string wanted(parent);
    Fd fd = open_beneath(root_fd_, wanted, O_PATH | O_DIRECTORY);
    if (!fd.valid()) fd = SLIP_TRY(make_parents(parent));
    enter(wanted, std::move(fd));
  }
  return Place{parent_.get(), std::string(name)};
}

void Target::enter(std::string path, Fd dir) {
  parent_path_ = std::move(path);
  parent_ = std::move(dir);
}

// Walks down part by part, making what is missing.
Result<Fd> Target::make_parents(std::string_view path) {
  Fd dir = open_beneath(root_fd_, ".", O_PATH | O_DIRECTORY);
  if (!dir.valid()) return fail_errno("open the target directory");
  for (std::size_t start = 0; start < path.size();) {
    const std::size_t end = std::min(path.find('/', start), path.size());
    const std::string name(path.substr(start, end - start));
    dir = SLIP_TRY(enter_or_make(dir.get(), name, path.substr(0, end)));
    start = end + 1;
  }
  return dir;
}

Result<Fd> Target::enter_or_make(int dir_fd, const std::string& name, std::string_view whole) {
  const int flags = O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
  Fd fd(::openat(dir_fd, name.c_str(), flags));
  if (fd.valid()) return fd;
  struct stat info {};
  bool opaque = false;
  if (::fstatat(dir_fd, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0) {
    if (S_ISLNK(info.st_mode)) return open_dir(std::string(whole), O_PATH);
    if (!is_whiteout(info.st_mode, info.st_rdev)) return fail(not_a_directory(whole));
    if (::unlinkat(dir_fd, name.c_str(), 0) != 0) return fail_errno("replace a whiteout");
    opaque = true;
  }
  // The mode is set again because the umask may have narrowed it.
  if (::mkdirat(dir_fd, name.c_str(), kParentMode) != 0 ||
      ::fchmodat(dir_fd, name.c_str(), kParentMode, 0) != 0) {
    return fail_errno("make directory \"" + std::string(whole) + "\"");
  }
  fd = Fd(::openat(dir_fd, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!fd.valid()) return fail_errno("open \"" + std::string(whole) + "\"");
  if (opaque) SLIP_TRY(make_opaque(fd.get(), xattrs_));
  if (policy_ == UnpackPolicy::kCopyOwners) implied_.emplace(whole);
  return fd;
}

Result<Target::Before> Target::clear(const Place& place, Keep keep) {
  struct stat info {};
  if (::fstatat(place.dir_fd, place.name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) {
    if (errno == ENOENT) return Before::kNothing;
    return fail_errno("look at what is there");
  }
  if (S_ISDIR(info.st_mode)) {
    if (keep == Keep::kDirectory) return Before::kDirectory;
    return remove_tree_at(place.dir_fd, place.name).map([] { return Before::kNothing; });
  }
  if (::unlinkat(place.dir_fd, place.name.c_str(), 0) != 0)
    return fail_errno("replace what is there");
  return is_whiteout(info.st_mode, info.st_rdev) ? Before::kWhiteout : Before::kNothing;
}

}  // namespace slipway::cachestore
