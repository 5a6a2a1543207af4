#pragma once

#include <string>
#include <vector>

#include "runner/execute/job_state.h"
#include "runner/execute/run_step.h"

namespace slipway::runner {

/// What a `build:` step made; its outputs.
struct StepBuild {
  std::string id;  ///< Of the image; empty when it failed.
  std::string
      digest;        ///< Of the manifest or index, where it was pushed; else of the manifest here.
  std::string name;  ///< The first tag.
  StepResult result;
};
/// A `build:` step: the Dockerfile of the job's workspace, by runner::build(). The workspace cannot be left: neither by
/// `context` and `file` nor by links. A build that fails is a failed step, its output and the place in the step's log.
Result<StepBuild> build_step_image(const RunContext& run, const JobState& state,
                                   const StepRequest& request);

}  // namespace slipway::runner
