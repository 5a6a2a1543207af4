#pragma once

#include <cstdint>
#include <string>

#include "base/cancel.h"
#include "base/result.h"

namespace slipway::runner {

/// The `size` bytes of a regular file into a new, empty one: shared blocks where the file system can, holes stay holes.
/// kUnavailable: it became shorter meanwhile. `buffer` is scratch space, kept between calls.
Status copy_content(int from, int to, std::uint64_t size, bool sparse, std::string& buffer,
                    const CancelToken& cancel);

}  // namespace slipway::runner
