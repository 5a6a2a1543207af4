#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "cachestore/archive.h"
#include "cachestore/layer/overlay_format.h"

namespace slipway::cachestore {

/// The directory an archive is unpacked into. Every path is resolved beneath it by openat2(2): artifacts through real
/// directories only, layers also through links, with the target as their root. Errors are causes only.
class Target {
 public:
  Target(int root_fd, UnpackPolicy policy, OverlayXattrs xattrs)
      : root_fd_(root_fd), policy_(policy), xattrs_(xattrs) {}

  /// A name in an open directory.
  struct Place {
    int dir_fd = -1;  ///< Borrowed; valid until the next call of place().
    std::string name;
  };
  /// Where `path` (cleaned, not empty) goes; missing parents are made, mode 0755.
  Result<Place> place(std::string_view path);
  /// The directory that holds `path`, which must exist.
  Result<Fd> open_parent(std::string_view path) const;
  Result<Fd> open_dir(const std::string& path, int flags) const;

  enum class Before { kNothing, kDirectory, kWhiteout };
  enum class Keep { kNothing, kDirectory };
  /// Makes way for a new file at `place`: removes what is there, without following links, and tells what it was. A
  /// directory stays when it is to be kept.
  Result<Before> clear(const Place& place, Keep keep);
  /// `path` is this directory: its children come next.
  void enter(std::string path, Fd dir);

  /// An entry told about the directory: it is no longer one that was only made for others.
  void described(const std::string& path) { implied_.erase(path); }
  /// kCopyOwners: directories made for what lies below them, and nothing else.
  std::vector<std::string> implied() const { return {implied_.begin(), implied_.end()}; }

  int root_fd() const { return root_fd_; }
  OverlayXattrs xattrs() const { return xattrs_; }

 private:
  Result<Fd> make_parents(std::string_view path);
  Result<Fd> enter_or_make(int dir_fd, const std::string& name, std::string_view whole);

  int root_fd_;
  UnpackPolicy policy_;
  OverlayXattrs xattrs_;
  // Archives name a directory's files one after the other: the last parent answers nearly every look-up.
  std::string parent_path_;
  std::set<std::string> implied_;
  Fd parent_;
};

}  // namespace slipway::cachestore
