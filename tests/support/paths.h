#pragma once

#include <string>

namespace slipway::testing {

/// Where the build put things. Functions rather than macros: only one file of each build knows its own place, and all
/// others come from a compiler cache whatever tree they are built in.
std::string source_dir();
std::string guest_dir();       ///< The programs of tests/guests.
std::string runner_program();  ///< The program under test.

}  // namespace slipway::testing
