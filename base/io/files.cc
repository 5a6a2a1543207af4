// Opening, reading and writing files, with limits and with errors that name the file.
#include "base/files.h"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/random.h"

namespace slipway {
namespace {

struct CloseDir {
  void operator()(DIR* dir) const { ::closedir(dir); }
};

Result<std::string> read_all(int fd, ByteCount limit, std::size_t expected,
                             const std::string& what) {
  constexpr std::size_t kBlock = 64 * 1024;
  // Files of /proc say size 0, and those below /proc/sys give their value to the first read only: it must be large
  // enough.
  constexpr std::size_t kFirst = 4 * 1024;
  std::string out;
  std::size_t used = 0;
  out.resize(expected == 0 ? kFirst : std::min<std::size_t>(expected, limit.value) + 1);
  while (true) {
    if (used == out.size()) out.resize(out.size() + std::max(kBlock, out.size() / 2));
    const ssize_t got = ::read(fd, out.data() + used, out.size() - used);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail_errno("read " + what);
    if (got == 0) break;
    used += static_cast<std::size_t>(got);
    if (used > limit.value) {
      return fail(ErrorCode::kExhausted, "read " + what + ": larger than " + format_size(limit));
    }
  }
  out.resize(used);
  return out;
}

}  // namespace

Result<Fd> open_file(const std::string& path, int flags, mode_t mode) {
  return open_at(AT_FDCWD, path, flags, mode);
}

Result<Fd> open_at(int dir_fd, const std::string& path, int flags, mode_t mode) {
  while (true) {
    Fd fd(::openat(dir_fd, path.c_str(), flags | O_CLOEXEC, mode));
    if (fd) return fd;
    if (errno != EINTR) return fail_errno("open " + path);
  }
}

Result<std::string> read_fd(int fd, ByteCount limit, const std::string& what) {
  return read_all(fd, limit, 0, what);
}

Result<std::string> read_file(const std::string& path, ByteCount limit) {
  // Not blocking: a FIFO without a writer would wait for ever.
  const Fd fd = SLIP_TRY(open_file(path, O_RDONLY | O_NONBLOCK | O_NOCTTY));
  struct stat info {};
  if (::fstat(fd.get(), &info) != 0) return fail_errno("stat " + path);
  if (!S_ISREG(info.st_mode))
    return fail(ErrorCode::kInvalid, "read " + path + ": not a regular file");
  return read_all(fd.get(), limit, static_cast<std::size_t>(std::max<off_t>(info.st_size, 0)),
                  path);
}

Status write_all(int fd, std::string_view data, const std::string& what) {
  while (!data.empty()) {
    const ssize_t written = ::write(fd, data.data(), data.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return fail_errno("write " + what);
    data.remove_prefix(static_cast<std::size_t>(written));
  }
  return {};
}

Status write_file_atomic(const std::string& path, std::string_view data, mode_t mode) {
  const std::string temporary = path + ".tmp-" + random_hex(6);
  const auto write_and_rename = [&]() -> Status {
    const Fd fd = SLIP_TRY(open_file(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode));
    SLIP_TRY(write_all(fd.get(), data, temporary));
    if (::fchmod(fd.get(), mode) != 0) return fail_errno("chmod " + temporary);  // past the umask
    if (::fsync(fd.get()) != 0) return fail_errno("sync " + temporary);
    if (::rename(temporary.c_str(), path.c_str()) != 0) return fail_errno("rename to " + path);
    return {};
  };
  Status status = write_and_rename();
  if (!status) ::unlink(temporary.c_str());
  return status;
}

Status write_control_file(const std::string& path, std::string_view data) {
  const Fd fd = SLIP_TRY(open_file(path, O_WRONLY));
  ssize_t written = 0;
  do {
    written = ::write(fd.get(), data.data(), data.size());
  } while (written < 0 && errno == EINTR);
  if (written < 0) return fail_errno("write " + path);
  if (static_cast<std::size_t>(written) != data.size()) {
    return fail(ErrorCode::kInternal, "write " + path + ": short write");
  }
  return {};
}

Status make_dirs(const std::string& path, mode_t mode) {
  for (std::size_t end = path.find('/', 1);; end = path.find('/', end + 1)) {
    const std::string part = path.substr(0, end);
    if (::mkdir(part.c_str(), mode) != 0 && errno != EEXIST) {
      const int saved = errno;
      // A read-only or foreign parent that exists already answers EROFS or EACCES instead of
      // EEXIST.
      struct stat info {};
      if (::stat(part.c_str(), &info) != 0 || !S_ISDIR(info.st_mode)) {
        return fail(errno_error(saved, "create directory " + part));
      }
    }
    if (end == std::string::npos) break;
  }
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) return fail_errno("create directory " + path);
  if (!S_ISDIR(info.st_mode)) return fail(errno_error(ENOTDIR, "create directory " + path));
  return {};
}

bool path_exists(const std::string& path) {
  struct stat info {};
  return ::lstat(path.c_str(), &info) == 0;
}

Result<std::vector<std::string>> list_dir(int dir_fd, const std::string& what) {
  // A fresh descriptor: fdopendir takes it over, and the read position is shared with the original.
  Fd fd = SLIP_TRY_WITHIN("list " + what, open_at(dir_fd, ".", O_RDONLY | O_DIRECTORY));
  const std::unique_ptr<DIR, CloseDir> dir(::fdopendir(fd.get()));
  if (!dir) return fail_errno("list " + what);
  [[maybe_unused]] const int owned_by_dir = fd.release();
  std::vector<std::string> names;
  while (true) {
    errno = 0;
    const dirent* entry = ::readdir(dir.get());
    if (entry == nullptr) break;
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") names.emplace_back(name);
  }
  if (errno != 0) return fail_errno("list " + what);
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace slipway
