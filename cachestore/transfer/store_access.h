#pragma once

#include "cachestore/snapshot/store_core.h"

namespace slipway::cachestore {

/// The inside of a store for the functions of the room's other doors, which are no members of it.
struct StoreAccess {
  static StoreCore& core(Store& store) { return *store.state_->core; }
};

}  // namespace slipway::cachestore
