#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace slipway::runner {

/// What SLIPWAY_OUTPUT, SLIPWAY_ENV and secret files hold.
using Assignments = std::vector<std::pair<std::string, std::string>>;

/// Lines `NAME=value` and blocks `NAME<<END` … `END`; blank lines and `#` comments are skipped. Names are
/// [A-Za-z_][A-Za-z0-9_.-]*.
/// Errors name `what` and the line, never the value.
Result<Assignments> parse_assignments(std::string_view text, const std::string& what);

/// True for names that a job may not set for later steps: they would change how the runner starts the step itself.
bool reserved_variable(std::string_view name);

}  // namespace slipway::runner
