#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "runner/source/git_api.h"

namespace slipway::runner {

// Child-side guards and errors of libgit2; included by the git_*.cc files only.

/// Frees through the loaded library.
template <typename T>
class GitFree {
 public:
  GitFree() = default;
  explicit GitFree(void (*release)(T*)) : release_(release) {}
  void operator()(T* object) const { release_(object); }

 private:
  void (*release_)(T*) = nullptr;
};
template <typename T>
using GitPtr = std::unique_ptr<T, GitFree<T>>;

template <typename T>
GitPtr<T> adopt(T* object, void (*release)(T*)) {
  return GitPtr<T>(object, GitFree<T>(release));
}

/// `doing: <libgit2's message>` with a code that fits libgit2's return value.
Error git_error_of(const GitApi& git, int code, const std::string& doing);

/// Opens exactly the repository whose `.git` lies in `root`; its work tree must be `root`, whatever core.worktree says.
Result<GitPtr<git_repository>> open_repository(const GitApi& git, const std::string& root);

/// What `rev` means, peeled to a commit. kNotFound names it.
Result<GitPtr<git_commit>> find_commit(const GitApi& git, git_repository* repository,
                                       const std::string& rev);

std::string oid_text(const GitApi& git, const git_oid* id);

}  // namespace slipway::runner
