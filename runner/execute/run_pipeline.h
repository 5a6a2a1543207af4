#pragma once

#include <optional>
#include <vector>

#include "runner/execute/job_result.h"
#include "runner/execute/resume.h"
#include "runner/execute/run_context.h"

namespace slipway::runner {

/// Runs the selected jobs of a plan; blocks until all have ended. One entry a job of the plan, nullopt for those not
/// selected.
std::vector<std::optional<JobResult>> run_pipeline(const RunContext& run,
                                                   const ResumeSelection& selection);

/// The same without the run's first and last event: the jobs of a child pipeline. `cancel` ends them.
std::vector<std::optional<JobResult>> run_jobs(const RunContext& run,
                                               const ResumeSelection& selection,
                                               const CancelToken& cancel);

/// DESIGN.md's exit codes: 0 ok, 1 a job failed, 3 only the engine failed, 6 only time-outs, 130 interrupted.
int exit_code_of(const std::vector<std::optional<JobResult>>& results, const CancelToken& cancel);

}  // namespace slipway::runner
