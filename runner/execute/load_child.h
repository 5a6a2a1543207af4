#pragma once

#include "pipeline/compile.h"
#include "runner/execute/run_context.h"

namespace slipway::runner {

/// The pipeline that a trigger's files make, merged as includes are, with the variables that the job hands on.
Result<pipeline::Compiled> compile_child(const RunContext& run, const pipeline::JobPlan& job,
                                         const std::vector<pipeline::SourceFile>& files);

}  // namespace slipway::runner
