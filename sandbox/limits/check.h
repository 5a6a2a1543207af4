#pragma once

#include "base/result.h"
#include "sandbox/limits.h"

namespace slipway::sandbox::limits {

enum class Given {
  kAll,      ///< Of a new container: what is not given is not there.
  kChanges,  ///< Of an update: what is not given stays.
};

/// kInvalid for senseless limits, before anything is made. Pure.
Status check_limits(const Limits& limits, Given given);

}  // namespace slipway::sandbox::limits
