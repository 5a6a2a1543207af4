#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "base/fd.h"
#include "base/result.h"

namespace slipway::runner {

/// Makes files below a fresh directory of ours. Every path is checked by the caller (check_tree_path) and resolved
/// beneath the directory without following any link, so that no order of entries can lead outside. Owners are 0:0,
/// modes 0755 and 0644 as git
/// knows them. Not thread-safe.
class DraftWriter {
 public:
  explicit DraftWriter(int root_fd) : root_fd_(root_fd) {}

  Status make_directory(std::string_view path);
  /// A new file, open for writing; its parents are made.
  Result<Fd> make_file(std::string_view path, bool executable);
  Status make_link(std::string_view path, const std::string& target, std::int64_t mtime_ns);

 private:
  Result<int> directory_of(std::string_view path);
  Status own(int dir_fd, const std::string& name);

  int root_fd_;
  std::string dir_path_;  ///< Of dir_: files come grouped by directory.
  Fd dir_;
};

/// openat2(2) below `root_fd` with no link followed at all and no way out. Linux 5.6: RESOLVE_BENEATH |
/// RESOLVE_NO_SYMLINKS.
Result<Fd> open_beneath(int root_fd, std::string_view path, int flags);

Status set_mtime(int fd, std::int64_t mtime_ns, std::string_view path);

}  // namespace slipway::runner
