#pragma once

#include "base/cancel.h"
#include "base/digest.h"
#include "base/result.h"
#include "runner/build/file_tree.h"
#include "runner/build/stat_cache.h"

namespace slipway::runner {

/// InputTree::digest(). Files that `stats` does not know are hashed by several threads.
Result<Digest> digest_selection(const FileTree& tree, const Selection& selection, StatCache& stats,
                                const CancelToken& cancel);

}  // namespace slipway::runner
