// Makes a used draft like new.
#include "cachestore/snapshot/pristine.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <array>
#include <string_view>

#include "base/files.h"

namespace slipway::cachestore {
namespace {

// Overlayfs notes facts about one mount on its upper directory; the next mount writes its own.
bool is_overlay_note(std::string_view name) {
  return name.starts_with("trusted.overlay.") || name.starts_with("user.overlay.");
}

bool drop_xattrs(int fd) {
  std::array<char, 1024> names;
  const ssize_t size = ::flistxattr(fd, names.data(), names.size());
  if (size < 0) return errno == EOPNOTSUPP;
  std::string_view rest(names.data(), static_cast<std::size_t>(size));
  while (!rest.empty()) {
    const std::string name(rest.substr(0, rest.find('\0')));
    if (!is_overlay_note(name) || ::fremovexattr(fd, name.c_str()) != 0) return false;
    rest.remove_prefix(name.size() + 1);
  }
  return true;
}

bool drop_content(int fd) {
  const auto names = list_dir(fd, "draft");
  if (!names) return false;
  for (const std::string& name : *names) {
    // overlayfs's own work/work is empty, and this is the whole job.
    if (::unlinkat(fd, name.c_str(), AT_REMOVEDIR) == 0) continue;
    if (!remove_tree_at(fd, name)) return false;
  }
  return true;
}

bool clean(int dir_fd, const char* name, mode_t mode) {
  const Fd fd(::openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  struct stat info {};
  return fd.valid() && ::fstat(fd.get(), &info) == 0 && (info.st_mode & 07777U) == mode &&
         info.st_uid == ::geteuid() && info.st_gid == ::getegid() && drop_xattrs(fd.get()) &&
         drop_content(fd.get());
}

}  // namespace

bool make_pristine(int yard_fd, const std::string& id) {
  const Fd draft(::openat(yard_fd, id.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!draft.valid()) return false;
  const auto names = list_dir(draft.get(), "draft");
  const bool bare =
      names && names->size() == 2 && names->front() == "fs" && names->back() == "work";
  return bare && clean(draft.get(), "fs", 0755) && clean(draft.get(), "work", 0700);
}

}  // namespace slipway::cachestore
