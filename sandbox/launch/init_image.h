#pragma once

#include "base/result.h"

namespace slipway::sandbox {

/// Descriptor of a sealed memfd that holds the containers' init; made once, owned by the process for ever. R1: what
/// enters a container is never the host's executable, and nobody can write to it.
Result<int> init_image();

}  // namespace slipway::sandbox
