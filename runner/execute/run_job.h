#pragma once

#include <optional>
#include <vector>

#include "runner/execute/job_result.h"
#include "runner/execute/resume.h"
#include "runner/execute/run_context.h"

namespace slipway::runner {

struct JobRequest {
  const pipeline::JobPlan& job;
  std::vector<std::optional<JobResult>>
      needs;  ///< In the order of job.needs; nullopt: not part of this run.
  CancelToken cancel;
  const ResumePoint* resume = nullptr;
};

/// One job from its condition to its artifacts, with its retries; emits its events and writes its journal entry.
JobResult run_job(const RunContext& run, const JobRequest& request);

}  // namespace slipway::runner
