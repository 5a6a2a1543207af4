// Paths that a container, image, archive or repository can influence: resolved by the kernel below
// a root.
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "base/files.h"
#include "base/text.h"

namespace slipway {
namespace {

// The kernel answers EAGAIN when a rename or mount raced with `..`; a busy tree needs a few tries,
// and an attacker who renames without end must not hold us for ever.
constexpr int kRaceTries = 64;

int openat2_in_root(int root_fd, const char* path, int flags, mode_t mode) {
  open_how how{};
  how.flags = static_cast<__u64>(static_cast<unsigned>(flags | O_CLOEXEC));
  how.mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? mode : 0;
  how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
  int tries = 0;
  while (true) {
    const long fd = ::syscall(SYS_openat2, root_fd, path, &how, sizeof how);
    if (fd >= 0) return static_cast<int>(fd);
    if (errno == EINTR || (errno == EAGAIN && ++tries < kRaceTries)) continue;
    return -1;
  }
}

}  // namespace

Result<Fd> open_in_root(int root_fd, const std::string& path, int flags, mode_t mode) {
  if (path.find('\0') != std::string::npos) {
    return fail(ErrorCode::kInvalid, "open " + printable(path) + " in root: contains a NUL byte");
  }
  Fd fd(openat2_in_root(root_fd, path.c_str(), flags, mode));
  if (!fd) return fail_errno("open " + printable(path) + " in root");
  return fd;
}

// Component by component, each opened in the root anew by its whole prefix: a link on the way then
// resolves from the root too, and mkdirat only ever sees a single name below a resolved directory.
Result<Fd> make_dirs_in_root(int root_fd, std::string_view path, mode_t mode) {
  constexpr int kDirFlags = O_PATH | O_DIRECTORY;
  if (path.find('\0') != std::string_view::npos) {
    return fail(ErrorCode::kInvalid,
                "create directory " + printable(path) + ": contains a NUL byte");
  }
  Fd parent = SLIP_TRY(open_in_root(root_fd, "/", kDirFlags));
  std::string prefix;
  for (const std::string_view name : split(path, '/')) {
    if (name.empty() || name == ".") continue;
    prefix += '/';
    prefix += name;
    Fd next(openat2_in_root(root_fd, prefix.c_str(), kDirFlags, 0));
    if (!next && errno == ENOENT) {
      if (::mkdirat(parent.get(), std::string(name).c_str(), mode) != 0 && errno != EEXIST) {
        return fail_errno("create directory " + printable(prefix));
      }
      next = Fd(openat2_in_root(root_fd, prefix.c_str(), kDirFlags, 0));
    }
    if (!next) return fail_errno("create directory " + printable(prefix));
    parent = std::move(next);
  }
  return parent;
}

}  // namespace slipway
