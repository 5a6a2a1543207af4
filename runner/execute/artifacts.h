#pragma once

#include <string>

#include "runner/execute/run_context.h"
#include "runner/execute/stacks.h"

namespace slipway::runner {

/// Collects what `artifacts.paths` names from the workspace stack into a snapshot of its own; its id, or empty when
/// nothing matched (a warning is emitted). Other jobs get it by a mount above their checkout.
Result<std::string> collect_artifacts(const RunContext& run, const pipeline::JobPlan& job,
                                      const Stack& work);

/// --artifacts DIR: copies a job's artifacts to DIR/<job>/, replacing what an earlier run left there.
Status place_artifacts(const RunContext& run, const std::string& job,
                       const std::string& snapshot_id);

/// A job's name as one harmless path component.
std::string job_directory_name(const std::string& job);

}  // namespace slipway::runner
