#pragma once

#include <string>

namespace slipway::sandbox {

/// "brave_otter"; with a number behind it for a second and later try.
std::string random_name(int tries);

}  // namespace slipway::sandbox
