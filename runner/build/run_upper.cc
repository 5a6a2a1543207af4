// Uppers of steps: their root's looks, their times, and what only mounts left in them.
#include "runner/build/run_upper.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/files.h"
#include "base/text.h"
#include "runner/build/stack_lookup.h"

namespace slipway::runner {
namespace {

timespec to_timespec(WallTime time) {
  const auto nanos =
      std::chrono::duration_cast<std::chrono::nanoseconds>(time.time_since_epoch()).count();
  timespec result{};
  result.tv_sec = static_cast<time_t>(nanos / 1'000'000'000);
  result.tv_nsec = static_cast<long>(nanos % 1'000'000'000);
  return result;
}

bool later(const timespec& a, const timespec& b) {
  return a.tv_sec != b.tv_sec ? a.tv_sec > b.tv_sec : a.tv_nsec > b.tv_nsec;
}

Status clamp_one(int dir_fd, const char* name, const timespec& latest, const std::string& shown) {
  struct stat info {};
  if (::fstatat(dir_fd, name, &info, AT_SYMLINK_NOFOLLOW) != 0)
    return fail_errno("examine " + shown + "/" + name);
  if (!later(info.st_mtim, latest)) return {};
  const timespec times[2] = {latest, latest};
  if (::utimensat(dir_fd, name, times, AT_SYMLINK_NOFOLLOW) != 0)
    return fail_errno("set time of " + shown + "/" + name);
  return {};
}

// By descriptor: the tree was written by a command, but nothing of it runs any more. Depth is bounded by the kernel's
// path length, which the command could not exceed either.
Status clamp_below(int dir_fd, const timespec& latest, const std::string& shown) {
  for (const std::string& name : SLIP_TRY(list_dir(dir_fd, shown))) {
    struct stat info {};
    if (::fstatat(dir_fd, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0)
      return fail_errno("examine " + shown + "/" + name);
    if (S_ISDIR(info.st_mode)) {
      const Fd below = SLIP_TRY(open_at(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
      SLIP_TRY(clamp_below(below.get(), latest, shown + "/" + name));
    }
    SLIP_TRY(clamp_one(dir_fd, name.c_str(), latest, shown));
  }
  return {};
}

std::string prefix_of(const std::vector<std::string_view>& parts, std::size_t count) {
  std::string path;
  for (std::size_t i = 0; i < count; ++i) path += "/" + std::string(parts[i]);
  return path;
}

std::vector<std::string_view> parts_of(const std::string& path) {
  std::vector<std::string_view> parts;
  for (const std::string_view part : split(path, '/')) {
    if (!part.empty()) parts.push_back(part);
  }
  return parts;
}

// CVE-2024-23652: the command may have put a link where a parent of a mount was. No link is followed, so nothing
// outside of the upper is ever looked at. Linux 5.6: openat2(2).
Fd open_parent(int upper, const std::string& path) {
  open_how how{};
  how.flags = O_PATH | O_DIRECTORY | O_CLOEXEC;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
  const std::string parent = "." + path.substr(0, path.rfind('/'));
  return Fd(static_cast<int>(::syscall(SYS_openat2, upper, parent.c_str(), &how, sizeof how)));
}

std::string last_of(const std::string& path) { return path.substr(path.rfind('/') + 1); }

bool remove_empty_directory(int upper, const std::string& path) {
  const Fd parent = open_parent(upper, path);
  if (!parent) return errno == ENOENT;
  // rmdir(2) itself refuses what holds something.
  return ::unlinkat(parent.get(), last_of(path).c_str(), AT_REMOVEDIR) == 0 || errno == ENOENT;
}

void remove_empty_file(int upper, const std::string& path) {
  const Fd parent = open_parent(upper, path);
  struct stat info {};
  if (parent && ::fstatat(parent.get(), last_of(path).c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0 &&
      S_ISREG(info.st_mode) && info.st_size == 0)
    ::unlinkat(parent.get(), last_of(path).c_str(), 0);
}

bool is_opaque(int directory) {
  char value = 0;
  for (const char* name : {"trusted.overlay.opaque", "user.overlay.opaque"}) {
    if (::fgetxattr(directory, name, &value, 1) == 1 && value == 'y') return true;
  }
  return false;
}

/// A directory that the overlay copied up only because something was made in it: as the one below, and empty.
bool is_mere_copy(const std::vector<std::string>& lowers, int upper, const std::string& path) {
  const Result<StackEntry> below = look_up(lowers, path);
  if (!below || below->kind != StackEntry::Kind::kDirectory) return false;
  struct stat old {};
  struct stat now {};
  if (::lstat(below->layers.back().c_str(), &old) != 0) return false;
  const Fd parent = open_parent(upper, path);
  if (!parent) return false;
  const auto directory = open_at(parent.get(), last_of(path), O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  if (!directory || ::fstat(directory->get(), &now) != 0 || is_opaque(directory->get()))
    return false;
  return old.st_mode == now.st_mode && old.st_uid == now.st_uid && old.st_gid == now.st_gid;
}

}  // namespace

Status begin_upper(const std::vector<std::string>& lowers, const std::string& upper) {
  struct stat top {};
  if (::stat(lowers.back().c_str(), &top) != 0) return fail_errno("examine " + lowers.back());
  if (::chown(upper.c_str(), top.st_uid, top.st_gid) != 0) return fail_errno("chown " + upper);
  if (::chmod(upper.c_str(), top.st_mode & 07777) != 0) return fail_errno("chmod " + upper);
  return {};
}

Result<bool> upper_is_untouched(const std::vector<std::string>& lowers, const std::string& upper) {
  struct stat top {};
  struct stat now {};
  if (::stat(lowers.back().c_str(), &top) != 0) return fail_errno("examine " + lowers.back());
  if (::stat(upper.c_str(), &now) != 0) return fail_errno("examine " + upper);
  if (top.st_mode != now.st_mode || top.st_uid != now.st_uid || top.st_gid != now.st_gid)
    return false;
  const Fd dir = SLIP_TRY(open_file(upper, O_RDONLY | O_DIRECTORY));
  return SLIP_TRY(list_dir(dir.get(), upper)).empty();
}

Status clamp_times(const std::string& directory, WallTime latest) {
  const timespec when = to_timespec(latest);
  const Fd dir = SLIP_TRY(open_file(directory, O_RDONLY | O_DIRECTORY));
  SLIP_TRY(clamp_below(dir.get(), when, directory));
  return clamp_one(dir.get(), ".", when, directory);
}

Status MountStubs::note(const std::vector<std::string>& lowers, const std::string& target) {
  const StackEntry entry = SLIP_TRY(look_up(lowers, target));
  if (entry.kind == StackEntry::Kind::kMissing) stubs_.push_back({entry.path, entry.known});
  return {};
}

Status MountStubs::remove(const std::vector<std::string>& lowers, const std::string& upper) const {
  const Fd top = SLIP_TRY(open_file(upper, O_PATH | O_DIRECTORY));
  // Deeper ones first: one mount may lie in another's directory.
  std::vector<Stub> stubs = stubs_;
  std::sort(stubs.begin(), stubs.end(),
            [](const Stub& a, const Stub& b) { return a.path.size() > b.path.size(); });
  for (const Stub& stub : stubs) {
    const std::vector<std::string_view> parts = parts_of(stub.path);
    remove_empty_file(top.get(), stub.path);
    std::size_t count = parts.size();
    for (; count > stub.known; --count) {
      if (!remove_empty_directory(top.get(), prefix_of(parts, count))) break;
    }
    if (count > stub.known) continue;
    for (; count > 0; --count) {
      const std::string path = prefix_of(parts, count);
      if (!is_mere_copy(lowers, top.get(), path) || !remove_empty_directory(top.get(), path)) break;
    }
  }
  return {};
}

}  // namespace slipway::runner
