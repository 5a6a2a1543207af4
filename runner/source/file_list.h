#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/digest.h"
#include "base/result.h"

namespace slipway::runner {

/// One file, link or (without git) directory of a work tree, as one lstat saw it.
struct FileEntry {
  std::string path;  ///< Relative, '/'-separated.
  std::uint32_t mode = 0;
  std::uint64_t size = 0;
  std::int64_t mtime_ns = 0;
  std::int64_t ctime_ns = 0;
  std::uint64_t inode = 0;
};
FileEntry make_entry(std::string path, const struct stat& info);
/// For the pipe of the reading child.
std::string encode_entry(const FileEntry& entry);
Result<FileEntry> decode_entry(std::string_view bytes);

/// What a work tree holds.
struct FileList {
  std::vector<FileEntry> entries;  ///< Sorted by path.
  std::vector<std::string> warnings;
  bool dirty = false;
};

/// Decides what a walk takes. Paths are relative, directories without a slash at the end.
class WalkFilter {
 public:
  virtual ~WalkFilter() = default;
  virtual Result<bool> enter(const std::string& dir) = 0;
  /// Also asked for sockets, fifos and devices: a taken one is warned of.
  virtual Result<bool> take(const std::string& path) = 0;
  virtual bool keeps_directories() const = 0;
  /// Directories that hold a `.git` of their own are other repositories.
  virtual bool skips_nested_repositories() const = 0;
};
class WalkSink {
 public:
  virtual ~WalkSink() = default;
  virtual Status entry(FileEntry entry) = 0;
  virtual void warning(std::string text) = 0;
};
/// Walks below `root_fd` without following links; `.git` is never entered. Opens directories only. Errors name the
/// path; a directory that vanishes meanwhile is no error.
Status walk_tree(int root_fd, WalkFilter& filter, WalkSink& sink);

/// Content identity without reading contents: every entry's path, mode, size, times and inode, and `base`.
Digest list_digest(const std::vector<FileEntry>& entries, std::string_view base);
/// True when nothing was modified so shortly before `scan_start` that a later write could carry the same time stamps.
bool times_are_settled(const std::vector<FileEntry>& entries, WallTime scan_start);

}  // namespace slipway::runner
