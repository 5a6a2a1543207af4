#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "sandbox/containers.h"

namespace slipway::sandbox {

/// What an overlay's upper directory says about what was changed.

/// Sorted by path. `upper` is the directory, `lower` a view of what lies below. What the engine itself put there (mount
/// points, the empty files under /etc/hosts and its like) is no change.
Result<std::vector<Containers::Change>> upper_changes(int upper, int lower);

/// Bytes of the files in it; one with several names counts once.
Result<std::uint64_t> upper_size(int upper);

}  // namespace slipway::sandbox
