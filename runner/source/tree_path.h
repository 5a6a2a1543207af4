#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/result.h"

namespace slipway::runner {

// Deeper or longer trees are hostile: PATH_MAX is 4096, and the deepest real repositories have about 40 levels.
constexpr std::size_t kMaxTreeDepth = 200;
constexpr std::size_t kMaxTreePath = 4095;
constexpr std::size_t kMaxTreeEntries = 2'000'000;

/// Where a path comes from decides which names are tricks.
enum class PathOrigin {
  kDisk,    ///< Listed from the user's own work tree: a file called ".Git" is just a file there.
  kCommit,  ///< From git objects: whatever any file system reads as ".git" is refused.
};
/// Accepts "a/b/c" only: relative, no empty, "." or ".." component, no NUL, within the limits above, and nowhere
/// ".git". The error names the path printably.
Status check_tree_path(std::string_view path, PathOrigin origin);

/// True when some file system takes `name` for ".git": other case, "GIT~1", ".git . ." and ".git::$INDEX_ALLOCATION"
/// (NTFS), code points that HFS+ ignores. CVE-2014-9390, CVE-2019-1353, CVE-2024-32002.
bool is_git_alias(std::string_view name);

/// Directory part, without the slash; empty for a file at the top.
std::string_view parent_of(std::string_view path);
std::string_view name_of(std::string_view path);

}  // namespace slipway::runner
