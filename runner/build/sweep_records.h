#pragma once

#include "base/result.h"
#include "cachestore/store.h"

namespace slipway::runner {

/// Removes records below <state>/builds whose snapshot or image is gone, and digests of trees that nobody has asked for
/// in a month: one of 256 directories of each kind a call, so that a build never waits for it and none grows for ever.
void sweep_records(cachestore::Store& store, const std::string& state_dir);

}  // namespace slipway::runner
