#pragma once

#include "cachestore/store.h"
#include "sandbox/container_state.h"

namespace slipway::runner {

/// What `commit` makes of an image's config: the container's own command, environment, labels and so on over it, as
/// docker merges them. What the engine adds by itself (HOSTNAME, HOME) is not carried over.
void merge_into_image(const sandbox::ContainerInfo& container, cachestore::ImageConfig& image);

}  // namespace slipway::runner
