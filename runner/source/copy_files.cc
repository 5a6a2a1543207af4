// Copying a work tree's files into a draft.
#include "runner/source/copy_files.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "base/files.h"
#include "base/text.h"
#include "runner/source/draft_writer.h"
#include "runner/source/tree_path.h"

namespace slipway::runner {
namespace {

// Between two looks at the cancel token.
constexpr std::uint64_t kPiece = std::uint64_t{64} << 20;

std::string doing(const std::string& path) { return "copy work tree: " + printable(path); }

bool is_gone(int sys_errno) {
  return sys_errno == ENOENT || sys_errno == ENOTDIR || sys_errno == ELOOP;
}

class Copier {
 public:
  Copier(int from_fd, int to_fd, const CancelToken& cancel)
      : from_fd_(from_fd), writer_(to_fd), cancel_(cancel) {}

  Status copy(const FileEntry& entry) {
    if (cancel_.cancelled()) return fail(ErrorCode::kCancelled, "copy work tree: cancelled");
    if (S_ISDIR(entry.mode)) return writer_.make_directory(entry.path);
    if (!SLIP_TRY(enter_source(parent_of(entry.path)))) return {};
    return S_ISLNK(entry.mode) ? copy_link(entry) : copy_file(entry);
  }
  CopyResult result;

 private:
  /// Opens the directory that the file is in, once for all its files; false when it is gone.
  Result<bool> enter_source(std::string_view dir) {
    if (dir_ && dir == dir_path_) return true;
    Result<Fd> fd = open_beneath(from_fd_, dir, O_RDONLY | O_DIRECTORY);
    if (!fd && is_gone(fd.error().sys_errno())) {
      result.changed = true;
      return false;
    }
    if (!fd) return fail(std::move(fd).error().within("copy work tree"));
    dir_ = *std::move(fd);
    dir_path_ = dir;
    return true;
  }

  Status copy_link(const FileEntry& entry) {
    std::array<char, kMaxTreePath + 1> target{};
    const ssize_t length = ::readlinkat(dir_.get(), std::string(name_of(entry.path)).c_str(),
                                        target.data(), target.size());
    if (length < 0 && (errno == EINVAL || is_gone(errno))) {
      result.changed = true;
      return {};
    }
    if (length < 0) return fail_errno(doing(entry.path));
    ++result.files;
    return writer_.make_link(
        entry.path, std::string(target.data(), static_cast<std::size_t>(length)), entry.mtime_ns);
  }

  Status copy_file(const FileEntry& entry) {
    // Not blocking: what was a file when it was listed may be a FIFO by now.
    const std::string name(name_of(entry.path));
    const Fd from(::openat(dir_.get(), name.c_str(),
                           O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
    struct stat info {};
    if (!from && !is_gone(errno) && errno != ENXIO) return fail_errno(doing(entry.path));
    if (!from || ::fstat(from.get(), &info) != 0 || !S_ISREG(info.st_mode)) {
      result.changed = true;
      return {};
    }
    const FileEntry now = make_entry(entry.path, info);
    result.changed |=
        now.size != entry.size || now.ctime_ns != entry.ctime_ns || now.inode != entry.inode;
    const Fd to = SLIP_TRY(writer_.make_file(entry.path, (info.st_mode & S_IXUSR) != 0));
    SLIP_TRY(copy_content(from.get(), to.get(), now));
    ++result.files;
    return set_mtime(to.get(), now.mtime_ns, entry.path);
  }

  /// At most the size at opening: a file that grows without end must not fill the disk.
  Status copy_content(int from, int to, const FileEntry& entry) {
    if (entry.size == 0) return {};
    if (can_clone_ && ::ioctl(to, FICLONE, from) == 0) {
      result.bytes += entry.size;
      return {};
    }
    can_clone_ =
        false;  // one file system cannot (EOPNOTSUPP, EXDEV, EINVAL): do not ask again for every file
    std::uint64_t left = entry.size;
    while (left > 0) {
      if (cancel_.cancelled()) return fail(ErrorCode::kCancelled, "copy work tree: cancelled");
      const ssize_t done =
          SLIP_TRY_WITHIN(doing(entry.path), copy_piece(from, to, std::min(left, kPiece)));
      if (done == 0) {
        result.changed = true;  // became shorter
        break;
      }
      left -= static_cast<std::uint64_t>(done);
      result.bytes += static_cast<std::uint64_t>(done);
    }
    return {};
  }

  Result<ssize_t> copy_piece(int from, int to, std::uint64_t size) {
    if (can_copy_range_) {
      const ssize_t done = ::copy_file_range(from, nullptr, to, nullptr, size, 0);
      if (done >= 0) return done;
      if (errno == EINTR) return copy_piece(from, to, size);
      if (errno != EXDEV && errno != EINVAL && errno != ENOSYS && errno != EOPNOTSUPP)
        return fail_errno("copy");
      can_copy_range_ = false;
    }
    buffer_.resize(std::size_t{256} << 10);
    ssize_t got = 0;
    do {
      got = ::read(from, buffer_.data(), std::min<std::uint64_t>(size, buffer_.size()));
    } while (got < 0 && errno == EINTR);
    if (got < 0) return fail_errno("read");
    SLIP_TRY(
        write_all(to, std::string_view(buffer_).substr(0, static_cast<std::size_t>(got)), "copy"));
    return got;
  }

  int from_fd_;
  DraftWriter writer_;
  const CancelToken& cancel_;
  Fd dir_;
  std::string dir_path_;
  bool can_clone_ = true;
  bool can_copy_range_ = true;
  std::string buffer_;
};

}  // namespace

Result<CopyResult> copy_files(int from_fd, const std::vector<FileEntry>& entries, int to_fd,
                              const CancelToken& cancel) {
  Copier copier(from_fd, to_fd, cancel);
  for (const FileEntry& entry : entries) SLIP_TRY(copier.copy(entry));
  return copier.result;
}

}  // namespace slipway::runner
