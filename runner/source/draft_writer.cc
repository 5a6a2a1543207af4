// Writing a workspace's files into a draft of the store.
#include "runner/source/draft_writer.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "base/files.h"
#include "base/text.h"
#include "runner/source/tree_path.h"

namespace slipway::runner {
namespace {

std::string doing(std::string_view path) { return "write workspace file " + printable(path); }

struct timespec to_timespec(std::int64_t ns) {
  constexpr std::int64_t kSecond = 1'000'000'000;
  const std::int64_t rest = (ns % kSecond + kSecond) % kSecond;
  return {(ns - rest) / kSecond, rest};
}

bool runs_as_owner() {
  static const bool root = ::geteuid() == 0 && ::getegid() == 0;
  return root;
}

}  // namespace

Result<Fd> open_beneath(int root_fd, std::string_view path, int flags) {
  const std::string name(path.empty() ? "." : path);
  open_how how{};
  how.flags = static_cast<unsigned>(flags) | O_CLOEXEC;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS;
  for (;;) {
    const long fd = ::syscall(SYS_openat2, root_fd, name.c_str(), &how, sizeof(how));
    if (fd >= 0) return Fd(static_cast<int>(fd));
    // EAGAIN: a rename elsewhere made the kernel give up the check (openat2(2)).
    if (errno != EINTR && errno != EAGAIN) return fail_errno("open " + printable(name));
  }
}

Status set_mtime(int fd, std::int64_t mtime_ns, std::string_view path) {
  const std::array<struct timespec, 2> times{to_timespec(mtime_ns), to_timespec(mtime_ns)};
  if (::futimens(fd, times.data()) != 0) return fail_errno(doing(path));
  return {};
}

Result<int> DraftWriter::directory_of(std::string_view path) {
  const std::string_view parent = parent_of(path);
  if (parent.empty()) return root_fd_;
  if (!dir_ || parent != dir_path_) {
    dir_.reset();
    SLIP_TRY(make_directory(parent));
    dir_ = SLIP_TRY_WITHIN(doing(path), open_beneath(root_fd_, parent, O_RDONLY | O_DIRECTORY));
    dir_path_ = parent;
  }
  return dir_.get();
}

Status DraftWriter::make_directory(std::string_view path) {
  Result<Fd> there = open_beneath(root_fd_, path, O_RDONLY | O_DIRECTORY);
  if (there) return {};
  if (there.error().sys_errno() != ENOENT)
    return fail(std::move(there).error().within(doing(path)));
  if (!parent_of(path).empty()) SLIP_TRY(make_directory(parent_of(path)));
  const Fd parent =
      SLIP_TRY_WITHIN(doing(path), open_beneath(root_fd_, parent_of(path), O_RDONLY | O_DIRECTORY));
  const std::string name(name_of(path));
  if (::mkdirat(parent.get(), name.c_str(), 0755) != 0) return fail_errno(doing(path));
  if (::fchmodat(parent.get(), name.c_str(), 0755, 0) != 0) return fail_errno(doing(path));
  return own(parent.get(), name);
}

Result<Fd> DraftWriter::make_file(std::string_view path, bool executable) {
  const int dir = SLIP_TRY(directory_of(path));
  const std::string name(name_of(path));
  const mode_t mode = executable ? 0755 : 0644;
  Fd fd(::openat(dir, name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode));
  if (!fd) return fail_errno(doing(path));
  if (::fchmod(fd.get(), mode) != 0) return fail_errno(doing(path));  // past the umask
  SLIP_TRY(own(dir, name));
  return fd;
}

Status DraftWriter::make_link(std::string_view path, const std::string& target,
                              std::int64_t mtime_ns) {
  const int dir = SLIP_TRY(directory_of(path));
  const std::string name(name_of(path));
  if (::symlinkat(target.c_str(), dir, name.c_str()) != 0) return fail_errno(doing(path));
  const std::array<struct timespec, 2> times{to_timespec(mtime_ns), to_timespec(mtime_ns)};
  if (::utimensat(dir, name.c_str(), times.data(), AT_SYMLINK_NOFOLLOW) != 0)
    return fail_errno(doing(path));
  return own(dir, name);
}

Status DraftWriter::own(int dir_fd, const std::string& name) {
  // Files of a process with ids 0:0 have the right owner from birth; an ordinary user outside of the engine's user
  // namespace cannot give them one, and reads his own files.
  if (runs_as_owner() || ::geteuid() != 0) return {};
  if (::fchownat(dir_fd, name.c_str(), 0, 0, AT_SYMLINK_NOFOLLOW) != 0)
    return fail_errno(doing(name));
  return {};
}

}  // namespace slipway::runner
