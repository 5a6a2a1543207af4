#pragma once

#include <string>

#include "base/clock.h"

namespace slipway::runner {

/// As docker's lists: "Less than a second ago", "5 minutes ago", "2 weeks ago".
std::string relative_time(WallTime then, WallTime now);

}  // namespace slipway::runner
