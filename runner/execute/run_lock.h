#pragma once

#include <string>

#include "base/fd.h"
#include "base/result.h"

namespace slipway::runner {

/// A run says that it lives by a lock on <run_dir>/alive, which ends with its process however that ends.
Result<Fd> hold_run(const std::string& run_dir);
/// False when the run has ended, was killed, or never was.
bool run_is_alive(const std::string& run_dir);

}  // namespace slipway::runner
