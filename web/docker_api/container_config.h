#pragma once

#include "base/json.h"
#include "base/result.h"
#include "sandbox/container_config.h"

namespace slipway::web::docker_api {

/// The body of POST /containers/create (Docker API v1.47: Config, HostConfig, NetworkingConfig) as our config. kInvalid
/// and kUnsupported name the member.
Result<sandbox::ContainerConfig> read_container_config(const Json& body);
/// The resources of a HostConfig or of POST /containers/{id}/update; what is not given keeps its value.
Result<sandbox::Limits> read_resources(const Json& json, sandbox::Limits limits);
/// {"Name": "on-failure", "MaximumRetryCount": 3}
Result<sandbox::RestartPolicy> read_restart_policy(const Json& json);
/// EndpointSettings of a create or of POST /networks/{id}/connect.
Result<sandbox::EndpointConfig> read_endpoint(const std::string& network, const Json& json);

/// ["a"] of a list or of one string; docker's StrSlice.
std::vector<std::string> strings(const Json& json);
/// {"a": "b"} as pairs.
std::vector<std::pair<std::string, std::string>> string_pairs(const Json& json);

}  // namespace slipway::web::docker_api
