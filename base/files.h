#pragma once

#include <sys/stat.h>

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "base/units.h"

namespace slipway {

/// open(2) with O_CLOEXEC added; the error names the path.
Result<Fd> open_file(const std::string& path, int flags, mode_t mode = 0);
/// openat(2) likewise. `what` names the file in errors.
Result<Fd> open_at(int dir_fd, const std::string& path, int flags, mode_t mode = 0);

/// Resolves `path` with `root_fd` as the root directory: absolute links and `..` cannot leave it.
/// Linux 5.6: openat2(2), RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS. This is the one primitive for every path
/// that a container, image, archive or repository can influence.
Result<Fd> open_in_root(int root_fd, const std::string& path, int flags, mode_t mode = 0);
/// mkdir -p below `root_fd` under the same rule; returns the (O_PATH) directory. New directories get `mode`.
Result<Fd> make_dirs_in_root(int root_fd, std::string_view path, mode_t mode);

/// Reads a regular file of at most `limit` bytes; a FIFO, device or directory is kInvalid and never blocks.
Result<std::string> read_file(const std::string& path, ByteCount limit);
Result<std::string> read_fd(int fd, ByteCount limit, const std::string& what);
/// Writes to a temporary name in the same directory, fsyncs, renames: readers see the old or the new bytes.
Status write_file_atomic(const std::string& path, std::string_view data, mode_t mode);
Status write_all(int fd, std::string_view data, const std::string& what);
/// For /proc and /sys: one write(2) on an existing file, nothing created.
Status write_control_file(const std::string& path, std::string_view data);

Status make_dirs(const std::string& path, mode_t mode);
bool path_exists(const std::string& path);  ///< lstat succeeds.
/// Removes a tree without following links and without recursion on the call stack; crosses no mount point.
/// Missing is fine. Directories without permission bits are made writable first.
Status remove_tree(const std::string& path);
Status remove_tree_at(int dir_fd, const std::string& name);

/// Names in a directory, without "." and "..", sorted.
Result<std::vector<std::string>> list_dir(int dir_fd, const std::string& what);

/// A private directory (0700), removed with its content at the end.
class TempDir {
 public:
  static Result<TempDir> make(const std::string& parent, std::string_view prefix);
  TempDir(TempDir&&) noexcept;
  TempDir& operator=(TempDir&&) noexcept;
  ~TempDir();
  const std::string& path() const { return path_; }
  std::string release();  ///< Keeps the directory.

 private:
  explicit TempDir(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

}  // namespace slipway
