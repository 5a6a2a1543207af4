#pragma once

#include <memory>
#include <string>
#include <vector>

#include "sandbox/limits/base.h"
#include "sandbox/limits/cgroup.h"

namespace slipway::sandbox::limits {

/// Makes `directory` in every base whose controllers are wanted (and in the unified one always) and
/// applies the limits. Prepares bases that are missing. On failure nothing is left.
Result<std::unique_ptr<Cgroup>> make_group(const std::vector<Base>& bases,
                                           const std::string& directory, const Limits& limits,
                                           Counting counting, const DeviceRules* devices = nullptr);
/// Kills and removes what is left of `directory` in all bases.
void destroy_group(const std::vector<Base>& bases, const std::string& directory);

}  // namespace slipway::sandbox::limits
