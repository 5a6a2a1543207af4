// Uppers of steps: their root's looks, their times, and what only mounts left in them.
#include "runner/build/run_upper.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

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

/// A directory that the overlay copied up only because something was made in it: as the one below, and empty.
bool is_mere_copy(const std::vector<std::string>& lowers, const std::string& upper,
                  const std::string& path) {
  const Result<StackEntry> below = look_up(lowers, path);
  if (!below || below->kind != StackEntry::Kind::kDirectory) return false;
  struct stat old {};
  struct stat now {};
  if (::lstat(below->layers.back().c_str(), &old) != 0) return false;
  if (::lstat((upper + path).c_str(), &now) != 0) return false;
  char opaque = 0;
  for (const char* name : {"trusted.overlay.opaque", "user.overlay.opaque"}) {
    if (::lgetxattr((upper + path).c_str(), name, &opaque, 1) == 1 && opaque == 'y') return false;
  }
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
  // Deeper ones first: one mount may lie in another's directory.
  std::vector<Stub> stubs = stubs_;
  std::sort(stubs.begin(), stubs.end(),
            [](const Stub& a, const Stub& b) { return a.path.size() > b.path.size(); });
  for (const Stub& stub : stubs) {
    const std::vector<std::string_view> parts = parts_of(stub.path);
    const std::string file = upper + stub.path;
    struct stat info {};
    if (::lstat(file.c_str(), &info) == 0 && S_ISREG(info.st_mode) && info.st_size == 0)
      ::unlink(file.c_str());
    // rmdir(2) itself refuses what holds something.
    std::size_t count = parts.size();
    for (; count > stub.known; --count) {
      if (::rmdir((upper + prefix_of(parts, count)).c_str()) != 0 && errno != ENOENT) break;
    }
    if (count > stub.known) continue;
    for (; count > 0; --count) {
      const std::string path = prefix_of(parts, count);
      if (!is_mere_copy(lowers, upper, path) || ::rmdir((upper + path).c_str()) != 0) break;
    }
  }
  return {};
}

}  // namespace slipway::runner
