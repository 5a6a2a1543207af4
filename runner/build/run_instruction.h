#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "runner/build/build_state.h"
#include "runner/build/run_mount_set.h"
#include "runner/build/stage_plan.h"
#include "sandbox/outcome.h"

namespace slipway::runner {

/// RUN: one container over the stage's stack, whose upper becomes the layer.

struct RunRequest {
  const PlannedStep& step;
  const std::vector<std::string>& lowers;  ///< Of the stage, bottom first.
  const cachestore::Draft& draft;
  const std::vector<MountSource>& sources;  ///< As many as the step's mounts.
  std::size_t vertex = 0;
};
struct RunResult {
  sandbox::Outcome outcome;
  std::vector<std::string> last_lines;
};
/// Afterwards the draft's upper holds what the command changed; what only served as a place for mounts is gone.
Result<RunResult> run_instruction(BuildState& state, const RunRequest& request);

/// Home of `user` by the stack's /etc/passwd, else "/root" for root and "/".
std::string home_directory(const std::vector<std::string>& lowers, const std::string& user);

}  // namespace slipway::runner
