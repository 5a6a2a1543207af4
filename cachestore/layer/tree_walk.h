#pragma once

#include <sys/stat.h>

#include <functional>
#include <string>
#include <vector>

#include "base/cancel.h"
#include "base/result.h"
#include "cachestore/archive.h"

namespace slipway::cachestore {

/// One file met on a walk. Borrowed; valid during the call.
struct TreeItem {
  int dir_fd = -1;          ///< The directory that holds it.
  const std::string& name;  ///< In that directory.
  const std::string& path;  ///< From the walk's top.
  const struct stat& info;  ///< Of lstat.
};

/// Visits `paths` (relative, cleaned here; "." is the whole tree) and all below them, directories before their content,
/// names sorted, nothing twice. Resolves beneath `dir_fd` without following links. An error of `visit` ends the walk.
Status walk_tree(int dir_fd, const std::vector<std::string>& paths, const LayerLimits& limits,
                 const CancelToken& cancel, const std::function<Status(const TreeItem&)>& visit);

}  // namespace slipway::cachestore
