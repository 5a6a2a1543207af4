#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace slipway {

/// One pattern of gitignore style over '/'-separated relative paths: `*` and `?` stay inside a component,
/// `**` crosses components, `[a-z]`/`[!a]` classes, backslash escapes. No leading "./".
/// Linear-time in practice: no exponential backtracking.
class Glob {
 public:
  /// kInvalid for an unclosed class or more than 1,024 bytes.
  static Result<Glob> compile(std::string_view pattern);
  bool matches(std::string_view path) const;
  /// True when some path below directory `dir` could match: lets a walker prune.
  bool may_match_below(std::string_view dir) const;
  const std::string& pattern() const { return pattern_; }

 private:
  explicit Glob(std::string pattern) : pattern_(std::move(pattern)) {}
  std::string pattern_;
};

/// A list of globs, in which `!glob` takes away what an earlier one took; the last match decides.
class GlobList {
 public:
  static Result<GlobList> compile(const std::vector<std::string>& patterns);
  /// A pattern naming a directory also matches everything below it ("dist" takes "dist/a/b").
  bool matches(std::string_view path) const;
  bool empty() const { return entries_.empty(); }

 private:
  struct Entry {
    Glob glob;
    bool negated;
  };
  std::vector<Entry> entries_;
};

}  // namespace slipway
