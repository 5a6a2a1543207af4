#pragma once

#include <string>

namespace slipway::testing {

/// Compares `actual` with tests/golden/<name>; with SLIPWAY_ACCEPT=1 in the environment rewrites the file instead.
/// Fails the current test with a readable difference.
void expect_golden(const std::string& name, const std::string& actual);

}  // namespace slipway::testing
