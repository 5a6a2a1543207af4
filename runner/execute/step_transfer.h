#pragma once

#include <memory>
#include <string>

#include "runner/execute/run_context.h"
#include "runner/logs/transfer_progress.h"

namespace slipway::runner {

/// The progress of a pull in a step's log: what happens now as a fleeting progress event, a line of the log at the
/// beginning, at the end and now and then, so that a plain log does not look dead.
std::unique_ptr<TransferProgress> make_step_transfer(const RunContext& run, const std::string& job,
                                                     const std::string& step);

}  // namespace slipway::runner
