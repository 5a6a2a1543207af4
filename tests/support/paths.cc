// The places that the build system knows.
#include "tests/support/paths.h"

namespace slipway::testing {

std::string source_dir() { return SLIPWAY_SOURCE_DIR; }
std::string guest_dir() { return SLIPWAY_GUEST_DIR; }
std::string runner_program() { return SLIPWAY_RUNNER; }

}  // namespace slipway::testing
