#pragma once

#include "base/result.h"
#include "cachestore/store.h"

namespace slipway::sandbox {

/// The bottom of every `image: host` root: mount points, /tmp, HOME; made once per store.
Result<cachestore::Snapshot> host_base(cachestore::Store& store);
/// An empty snapshot: below a first upper where there is nothing else (overlay needs one lower).
Result<cachestore::Snapshot> empty_base(cachestore::Store& store);

}  // namespace slipway::sandbox
