#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "runner/build/file_meta.h"
#include "runner/build/union_view.h"

namespace slipway::runner {

/// The stack that a copy writes into: lower layers and one upper, seen as one tree and written without a mount, as
/// overlayfs itself would write. Directories get their modes and times at the end (finish), so nothing that is written
/// in them meanwhile changes these. Looking up and placing files is thread-safe, the rest is not.
class TargetTree {
 public:
  static Result<TargetTree> open(const std::vector<std::string>& lowers, const std::string& upper);

  const UnionView& view() const { return view_; }

  /// A directory that is in the upper.
  struct Dir {
    std::string path;          ///< Without links.
    UnionDir merged;           ///< Its first part is the upper's.
    bool fresh = false;        ///< Nothing below it comes from lower layers.
    bool gives_group = false;  ///< Set-group-id: new files do not get this process's group.
    int upper() const { return merged.parts.front().fd.get(); }
  };
  using DirPtr = std::shared_ptr<const Dir>;
  enum class Replace {
    kRefuse,   ///< COPY: a file never takes a directory's place, nor the reverse.
    kAnything  ///< Archives: what is there goes, but directories merge.
  };

  /// The directory at `path` (without links, of resolve()) and all above it; those that are missing are made.
  Result<DirPtr> make_dirs(const std::string& path, const FileMeta& made);
  /// Its child; `made` when it is new. An existing one keeps its metadata.
  Result<DirPtr> make_dir(const DirPtr& parent, const std::string& name, const FileMeta& made,
                          Replace replace);
  /// What the directory gets in the end, instead of what it has or would get.
  void set_meta(const std::string& path, const FileMeta& meta);
  void set_time(const std::string& path, timespec modified);
  bool made_here(const std::string& path) const { return made_.contains(path); }

  /// Makes way for a file and calls `make`, which answers as mknodat(2); again after EEXIST once the name is free.
  Status place(const Dir& dir, const std::string& name, Replace replace,
               const std::function<int(int dir_fd, const char* name)>& make) const;
  /// Directories may have been replaced: none is taken as known.
  void forget() { last_.reset(); }
  /// The upper's directory for one that was made before.
  Result<Fd> open_upper(const std::string& path) const;
  Status finish();

 private:
  struct Pending {
    FileMeta meta;
    bool time_only = false;
  };
  TargetTree(UnionView view, Fd upper) : view_(std::move(view)), upper_(std::move(upper)) {}
  LayerIndex upper_layer() const { return static_cast<LayerIndex>(view_.layers() - 1); }
  Result<DirPtr> enter(const DirPtr& parent, const std::string& name, const UnionEntry& there);
  Status copy_up(const Dir& parent, const UnionEntry& there, const std::string& path);
  Result<DirPtr> root();
  Result<DirPtr> opened(const std::string& path, const std::vector<LayerIndex>& lowers);

  UnionView view_;
  Fd upper_;
  std::map<std::string, Pending> pending_;
  std::map<std::string, bool> made_;
  DirPtr last_;  ///< Files come directory by directory.
};

}  // namespace slipway::runner
