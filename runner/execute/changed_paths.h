#pragma once

#include <string>
#include <vector>

#include "base/cancel.h"
#include "base/result.h"

namespace slipway::runner {

/// Files and links that only one of two trees has, or that differ in content, link target or being executable; paths
/// relative to their tops, `.git` left out. Both are snapshots: they do not change meanwhile.
Result<std::vector<std::string>> changed_paths(const std::string& before, const std::string& after,
                                               const CancelToken& cancel);

}  // namespace slipway::runner
