#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/cancel.h"
#include "base/result.h"
#include "pipeline/dockerfile.h"
#include "runner/build/input_tree.h"
#include "runner/build/union_view.h"

namespace slipway::runner {

/// Files as a build instruction sees them: a stack, without what the ignore file leaves out.
class FileTree {
 public:
  enum class Owners { kRoot, kKept };  ///< A context's files belong to root whoever has them here.

  FileTree(UnionView view, pipeline::IgnorePatterns ignore, Owners owners, std::string name)
      : view_(std::move(view)),
        ignore_(std::move(ignore)),
        owners_(owners),
        name_(std::move(name)) {}

  /// What a source stands for. Patterns are matched part by part, links before the first pattern and at the end are
  /// followed. A pattern that matches nothing gives nothing; a plain name that is not there is kNotFound.
  struct Picked {
    std::string
        name;  ///< Its own, or the link's: how a file is called in a directory it is copied to.
    std::string path;  ///< Without links.
    UnionEntry entry;
    bool by_pattern = false;
  };
  Result<std::vector<Picked>> pick(const std::string& source) const;

  /// Which files below a picked directory are wanted, by their paths from there.
  struct Filter {
    pipeline::IgnorePatterns exclude;
    std::vector<std::string> include;  ///< Empty: everything. Else patterns with `**`.
    /// Files that are named themselves are excluded by their names, as the reference says.
    bool keeps(const Picked& picked) const;
  };
  /// Called in an order that depends on names only: a directory, its files, then its directories. A directory that is
  /// not wanted itself comes before the first of its content that is.
  class Visitor {
   public:
    virtual ~Visitor() = default;
    virtual Status directory(const std::string& path, const UnionEntry& entry,
                             const UnionDir& dir) = 0;
    /// Everything but directories and sockets.
    virtual Status leaves(const std::string& path, std::shared_ptr<const UnionDir> dir,
                          std::vector<UnionEntry> entries) = 0;
  };
  Status walk(const Picked& top, const Filter& filter, Visitor& visitor,
              const CancelToken& cancel) const;
  /// A file that was picked: the open directory that holds it.
  Result<std::shared_ptr<const UnionDir>> parent_of(const Picked& file) const;

  const UnionView& view() const { return view_; }
  const pipeline::IgnorePatterns& ignore() const { return ignore_; }
  Owners owners() const { return owners_; }
  const std::string& name() const { return name_; }
  /// Attributes that are copied and count in digests, sorted. `fd` may be O_PATH.
  Result<std::vector<std::pair<std::string, std::string>>> xattrs(int fd) const;

 private:
  Result<bool> visible(const std::string& path, const UnionEntry& entry) const;
  Result<bool> has_visible(const std::string& path, const UnionEntry& entry) const;
  Error missing(const std::string& source, const std::string& path) const;
  Status match(const std::string& base, const UnionEntry& dir,
               const std::vector<std::string>& patterns, std::size_t at,
               std::vector<std::string>& found) const;

  UnionView view_;
  pipeline::IgnorePatterns ignore_;
  Owners owners_;
  std::string name_;
};

/// What a selection takes, source by source.
struct PickedSource {
  std::vector<FileTree::Picked> tops;
  FileTree::Filter filter;
};
Result<std::vector<PickedSource>> pick_all(const FileTree& tree, const Selection& selection);

/// `--parents`: a source at its pivot `/./`. Without --parents all of it is `source`.
struct ParentsSource {
  std::string source;   ///< What is picked.
  std::string pattern;  ///< What is wanted below it; empty: everything.
};
ParentsSource split_parents(const std::string& source, bool parents);
/// Whether a part of the path holds `*`, `?` or `[` that is not escaped.
bool has_wildcard(std::string_view path);

}  // namespace slipway::runner
