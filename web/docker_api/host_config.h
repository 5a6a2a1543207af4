#pragma once

#include "base/json.h"
#include "base/result.h"
#include "sandbox/container_config.h"

namespace slipway::web::docker_api {

/// Isolation, limits, restart policy and log of a HostConfig.
Status read_host_config(const Json& host, sandbox::ContainerConfig& config);

}  // namespace slipway::web::docker_api
