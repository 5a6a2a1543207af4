#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "cachestore/registry.h"
#include "runner/registry/accounts.h"

namespace slipway::runner {

/// Which registries are reached how: files, then variables, then options; lists add up.
///   /etc/slipway/registries.json, $XDG_CONFIG_HOME/slipway/registries.json:
///     {"insecure-registries": ["10.0.0.0/8"], "registry-mirrors": ["https://mirror"], (of docker.io, as docker's
///      daemon.json) "mirrors": {"ghcr.io": ["https://mirror"]}, "certificate-directories": ["/etc/my/certs.d"]}
///   RUNNER_INSECURE_REGISTRIES   hosts, separated by commas or spaces
///   RUNNER_REGISTRY_MIRRORS      URL (of docker.io) or REGISTRY=URL, likewise
struct RegistrySettings {
  std::vector<std::string> files;  ///< Those places; a missing file is fine.
  static RegistrySettings of(const Variables& variables);
};
/// Everything but `credentials` and `warn`. kInvalid names file or variable and what is wrong in it.
Result<cachestore::RegistryOptions> registry_options(const RegistrySettings& settings,
                                                     const Variables& variables,
                                                     const std::vector<std::string>& insecure);

}  // namespace slipway::runner
