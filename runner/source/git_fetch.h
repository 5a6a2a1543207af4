#pragma once

#include <string>

#include "base/cancel.h"
#include "base/result.h"

namespace slipway::runner {

struct GitFetch {
  std::string url;  ///< https, http, ssh (also user@host:path), git or file.
  std::string
      ref;  ///< Branch, tag, full ref, commit id (40 hex); empty: the remote's default branch.
  std::string directory;  ///< Absolute, ours alone; holds `.git` from earlier fetches, or nothing.
  std::string token;      ///< For https: the password of x-access-token. Never shown.
};
/// Brings what `ref` needs into the repository, in a child that writes there only. Result: the revision to ask
/// git_resolve() for. No submodules, no LFS files, whole history (libgit2 1.5 knows no shallow fetch).
Result<std::string> git_fetch(const GitFetch& fetch, const CancelToken& cancel);

}  // namespace slipway::runner
