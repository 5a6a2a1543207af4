#pragma once

#include <string>

namespace slipway::runner {

/// Set when CMake configures (a generated file), so that a commit alone makes nothing be built again.
extern const char* const kVersion;  ///< "0.1.0"
extern const char* const kCommit;   ///< Short hash, or "unknown".

std::string version_line();  ///< "runner 0.1.0 (1a2b3c4)\n"

}  // namespace slipway::runner
