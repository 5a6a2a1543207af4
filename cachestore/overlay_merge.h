#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/cancel.h"
#include "base/fd.h"
#include "base/result.h"

namespace slipway::cachestore {

/// Paths so that what is below a directory comes right after it.
struct PathOrder {
  bool operator()(const std::string& a, const std::string& b) const;
};

/// What some layers of an overlay add and remove together, read from the layers themselves: a change of a hundred files
/// in a tree of a million costs a hundred. Only regular files, links and directories count.
class OverlayMerge {
 public:
  using Wanted = std::function<bool(std::string_view path)>;
  /// `layers`: snapshots' `fs` directories, bottom first, which must not change meanwhile. `wanted` chooses files and
  /// directories by their path from the top; directories that lead to one come along.
  static Result<OverlayMerge> read(const std::vector<std::string>& layers, const Wanted& wanted,
                                   const CancelToken& cancel);

  std::uint64_t files() const { return files_; }  ///< Without directories.
  std::uint64_t bytes() const { return bytes_; }
  /// True when these layers take something away from `below` (a directory of the same shape): a name is removed, a
  /// directory replaced, or a file stands where a directory was.
  Result<bool> takes_from(const std::string& below) const;
  /// True when these layers hold no file and no directory that is in none of `below`.
  Result<bool> adds_nothing_to(const std::vector<std::string>& below) const;
  /// The merged tree below `target` (empty, same file system), by hard links: snapshots never change, so they may share
  /// files. Directories get owner, mode and times of the topmost layer's.
  Status link_into(int target, const CancelToken& cancel) const;

 private:
  struct Entry {
    std::size_t layer = 0;
    struct stat info {};
  };
  class Reader;
  std::vector<Fd> layers_;
  std::map<std::string, Entry, PathOrder> entries_;
  std::vector<std::string> removed_;
  std::uint64_t files_ = 0;
  std::uint64_t bytes_ = 0;
};

}  // namespace slipway::cachestore
