#pragma once

#include <optional>
#include <string>
#include <utility>

#include "base/result.h"
#include "runner/cli/invocation.h"

namespace slipway::runner {

using Assignment = std::pair<std::string, std::string>;

/// "NAME=value", or "NAME" alone for the value it has in `environment` (nothing when it is not set there).
/// kInvalid for an empty name or a NUL byte.
Result<std::optional<Assignment>> parse_assignment(const std::string& text,
                                                   const Environment& environment);
/// docker's --env-file: such lines, `#` comments and empty lines; at most 1 MiB. Errors name file and line.
Result<std::vector<Assignment>> read_env_file(const std::string& path,
                                              const Environment& environment);

}  // namespace slipway::runner
