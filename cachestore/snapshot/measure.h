#pragma once

#include "base/units.h"

namespace slipway::cachestore {

/// Disk space of a tree: blocks of every file, a file with several names counted once per name.
/// What cannot be read counts as nothing. Follows no links.
ByteCount measure_tree(int dir_fd);

}  // namespace slipway::cachestore
