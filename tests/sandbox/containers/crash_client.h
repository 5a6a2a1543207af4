#pragma once

#include <string>
#include <vector>

namespace slipway::sandbox {

/// `__crash_client STATE SEED`: makes, starts, attaches to, stops, renames and removes containers until it is killed.
int run_crash_client(const std::vector<std::string>& arguments);

}  // namespace slipway::sandbox
