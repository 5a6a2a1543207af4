#pragma once

#include <string>

#include "base/digest.h"
#include "runner/execute/job_state.h"
#include "runner/execute/run_step.h"

namespace slipway::runner {

struct PushedArtifact {
  std::string name;  ///< "registry.example/app/files:1"
  Digest digest;
};

/// An `artifact:` step: files of the job's workspace to a registry. A directory named without a pattern travels as one
/// archive, everything else file by file. kNotFound when nothing matches; kInvalid names the setting.
Result<PushedArtifact> push_step_artifact(const RunContext& run, const JobState& state,
                                          const StepRequest& request);

}  // namespace slipway::runner
