#pragma once

#include "base/result.h"
#include "runner/cli/invocation.h"
#include "sandbox/container_config.h"

namespace slipway::runner {

/// --network and all that goes with it, of create and run.
Status read_networking(const Invocation& invocation, sandbox::ContainerConfig& config);

}  // namespace slipway::runner
