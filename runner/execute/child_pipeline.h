#pragma once

#include "runner/execute/run_job.h"

namespace slipway::runner {

/// A job whose `trigger` brings a pipeline: compiles it and runs its jobs, named "<job> / <child's job>", in this run.
/// Blocks until they have ended. With strategy kNone their results are not this job's.
JobResult run_child(const RunContext& run, const JobRequest& request);

}  // namespace slipway::runner
