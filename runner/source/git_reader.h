#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/cancel.h"
#include "base/result.h"
#include "base/units.h"
#include "runner/source/file_list.h"
#include "runner/source/frames.h"
#include "runner/source/workspace.h"

namespace slipway::runner {

// What is asked of a repository; each call reads in a child of its own (git_child.h). `root` is the resolved
// directory that holds `.git`.

/// Commit, branch, tag, remote, author.
Result<SourceState> git_examine(const std::string& root);

/// Tracked and untracked-but-not-ignored files that exist, as git sees them. Submodules and nested repositories are
/// left out with a warning.
Result<FileList> git_list_work_tree(const std::string& root, const CancelToken& cancel);

struct CommitId {
  std::string commit;
  std::string tree;
  std::int64_t time = 0;  ///< Of the committer, seconds.
};
Result<CommitId> git_resolve(const std::string& root, const std::string& rev,
                             const CancelToken& cancel);

/// Every entry of a tree: kDirectory, kFile with its kBytes, kLink, kWarning frames, unchecked.
Status git_read_tree(const std::string& root, const std::string& tree, const CancelToken& cancel,
                     const FrameHandler& receive);

Result<std::string> git_read_file(const std::string& root, const std::string& rev,
                                  const std::string& path, ByteCount limit);

}  // namespace slipway::runner
