#pragma once

#include <string>

#include "base/clock.h"
#include "runner/execute/job_result.h"
#include "runner/execute/job_state.h"

namespace slipway::runner {

struct StepResult {
  RunStatus status = RunStatus::kSucceeded;
  int exit_code = 0;
  std::string reason;
  std::string summary;  ///< $SLIPWAY_SUMMARY, masked.
};

struct StepRequest {
  const pipeline::JobPlan& job;
  const pipeline::StepPlan& step;
  std::size_t index = 0;
  int attempt = 0;
  CancelToken cancel;
  MonoTime deadline{};
};

/// The engine's own trouble, as a step's result.
StepResult engine_failure(const Error& error);

/// Runs one `run:` step in a container of its own over the job's stacks; afterwards the stacks hold what it wrote, the
/// journal its record, and state.steps its outputs. Trouble of any kind is in the result, so that the job goes on to
/// its clean-up steps.
StepResult run_step(const RunContext& run, JobState& state, const StepRequest& request);

}  // namespace slipway::runner
