#pragma once

#include "base/result.h"
#include "runner/cli/invocation.h"
#include "runner/execute/exec.h"

namespace slipway::runner {

/// What exec, check, graph, list and preview have in common: which file, which event.
Result<ExecOptions> pipeline_options(const Invocation& invocation);
/// Everything for exec_pipeline.
Result<ExecOptions> exec_options(const Invocation& invocation);

}  // namespace slipway::runner
