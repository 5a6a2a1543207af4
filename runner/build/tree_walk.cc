// The walk below a picked directory: which files are wanted, and directories in time for their content.
#include <sys/stat.h>

#include <optional>

#include "base/text.h"
#include "runner/build/file_tree.h"

namespace slipway::runner {
namespace {

// As many as the limits of a layer allow.
constexpr std::uint64_t kMaxEntries = 4'000'000;

// One pattern of --parents: any number of parts, `**` for any number of directories.
class IncludePattern {
 public:
  explicit IncludePattern(const std::string& pattern) : parts_(path_parts(pattern)) {}

  /// The path or one of its parents matches.
  Result<bool> matches(const std::vector<std::string>& path) const {
    return match(path, 0, 0, Whole::kYes);
  }
  /// Something below the path may match.
  Result<bool> may_match_below(const std::vector<std::string>& path) const {
    return match(path, 0, 0, Whole::kNo);
  }

 private:
  enum class Whole { kNo, kYes };

  Result<bool> match(const std::vector<std::string>& path, std::size_t part, std::size_t at,
                     Whole whole) const {
    if (part == parts_.size()) return true;  // what matches takes its content along
    if (at == path.size()) return whole == Whole::kNo;
    if (parts_[part] == "**") {
      if (whole == Whole::kNo) return true;
      if (part + 1 == parts_.size()) return true;
      for (std::size_t skip = at; skip < path.size(); ++skip) {
        if (SLIP_TRY(match(path, part + 1, skip, whole))) return true;
      }
      return false;
    }
    if (!SLIP_TRY(pipeline::match_path(parts_[part], path[at]))) return false;
    return match(path, part + 1, at + 1, whole);
  }

  std::vector<std::string> parts_;
};

class Walk {
 public:
  Walk(const FileTree& tree, const FileTree::Filter& filter, FileTree::Visitor& visitor,
       const CancelToken& cancel)
      : tree_(tree), filter_(filter), visitor_(visitor), cancel_(cancel) {
    for (const std::string& pattern : filter.include) include_.emplace_back(pattern);
  }

  Status run(const FileTree::Picked& top) {
    base_ = top.path;
    SLIP_TRY(enter("", top.entry, true));
    while (!levels_.empty()) {
      Level& level = levels_.back();
      if (level.next == level.below.size()) {
        levels_.pop_back();
        continue;
      }
      Below below = std::move(level.below[level.next++]);
      SLIP_TRY(enter(join_path(level.path, below.entry.name), below.entry, below.wanted));
    }
    return {};
  }

 private:
  struct Below {
    UnionEntry entry;
    bool wanted;
  };
  struct Level {
    std::string path;
    UnionEntry entry;
    std::vector<Below> below;
    std::size_t next = 0;
    bool told = false;
  };
  struct Verdict {
    bool wanted = false;
    bool look_below = false;
  };

  Status enter(const std::string& path, const UnionEntry& entry, bool wanted) {
    if (cancel_.cancelled()) return fail(ErrorCode::kCancelled, "read files: cancelled");
    auto dir = std::make_shared<const UnionDir>(
        SLIP_TRY(tree_.view().open_dir(join_path(base_, path), entry.layers)));
    levels_.push_back({path, entry, {}, 0, false});
    if (wanted) SLIP_TRY(tell(levels_.back(), *dir));
    std::vector<UnionEntry> leaves;
    std::vector<Below> below;
    for (UnionEntry& child : SLIP_TRY(tree_.view().list(*dir))) {
      if (S_ISSOCK(child.info.st_mode)) continue;
      if (++entries_ > kMaxEntries) {
        return fail(ErrorCode::kExhausted, "read files: more than 4000000 below /" + base_);
      }
      const Verdict verdict = SLIP_TRY(judge(path, child));
      if (child.is_directory()) {
        if (verdict.wanted || verdict.look_below)
          below.push_back({std::move(child), verdict.wanted});
      } else if (verdict.wanted) {
        leaves.push_back(std::move(child));
      }
    }
    levels_.back().below = std::move(below);
    if (leaves.empty()) return {};
    SLIP_TRY(tell_all());
    return visitor_.leaves(path, std::move(dir), std::move(leaves));
  }

  Result<Verdict> judge(const std::string& parent, const UnionEntry& entry) const {
    const bool plain = include_.empty() && filter_.exclude.empty() && tree_.ignore().empty();
    if (plain) return Verdict{true, true};
    const std::string path = join_path(parent, entry.name);
    Verdict verdict{true, true};
    if (!tree_.ignore().empty()) narrow(tree_.ignore(), join_path(base_, path), verdict);
    if (!filter_.exclude.empty()) narrow(filter_.exclude, path, verdict);
    if (include_.empty() || !verdict.look_below) return verdict;
    const std::vector<std::string> parts = path_parts(path);
    bool wanted = false;
    bool look_below = false;
    for (const IncludePattern& pattern : include_) {
      wanted = wanted || SLIP_TRY(pattern.matches(parts));
      look_below = look_below || wanted || SLIP_TRY(pattern.may_match_below(parts));
    }
    return Verdict{verdict.wanted && wanted, look_below};
  }

  static void narrow(const pipeline::IgnorePatterns& patterns, const std::string& path,
                     Verdict& verdict) {
    if (!patterns.ignores(path)) return;
    verdict.wanted = false;
    verdict.look_below = verdict.look_below && patterns.may_include_below(path);
  }

  Status tell(Level& level, const UnionDir& dir) {
    // A wanted directory below one that is not brings its parents.
    for (Level& above : levels_) {
      if (&above == &level || above.told) continue;
      const UnionDir open =
          SLIP_TRY(tree_.view().open_dir(join_path(base_, above.path), above.entry.layers));
      above.told = true;
      SLIP_TRY(visitor_.directory(above.path, above.entry, open));
    }
    level.told = true;
    return visitor_.directory(level.path, level.entry, dir);
  }

  Status tell_all() {
    Level& last = levels_.back();
    if (last.told) return {};
    const UnionDir dir =
        SLIP_TRY(tree_.view().open_dir(join_path(base_, last.path), last.entry.layers));
    return tell(last, dir);
  }

  const FileTree& tree_;
  const FileTree::Filter& filter_;
  FileTree::Visitor& visitor_;
  const CancelToken& cancel_;
  std::vector<IncludePattern> include_;
  std::string base_;
  std::vector<Level> levels_;
  std::uint64_t entries_ = 0;
};

}  // namespace

Status FileTree::walk(const Picked& top, const Filter& filter, Visitor& visitor,
                      const CancelToken& cancel) const {
  return Walk(*this, filter, visitor, cancel).run(top);
}

}  // namespace slipway::runner
