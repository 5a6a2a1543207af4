#pragma once

#include <optional>
#include <string>

#include "runner/execute/run_job.h"

namespace slipway::runner {

/// How what a job needs ended, for its `if` and the status functions.
pipeline::RunState state_of_needs(const JobRequest& request);
/// `needs.X.result`, `.outputs`; instances of a matrix are merged (worst result, last outputs).
pipeline::Value needs_context(const JobRequest& request);

/// Whether somebody has to say yes before the job runs, and did not do so on the command line: what to ask.
struct Question {
  std::string text;  ///< "run manual job deploy?"
  std::string hint;  ///< Why it was skipped when nobody was asked: how to run it all the same.
};
std::optional<Question> waits_for_a_person(const ExecOptions& options,
                                           const pipeline::JobPlan& job);
/// Why the job is not run at all, or nothing. An Error is a condition that cannot be evaluated.
Result<std::optional<std::string>> reason_to_skip(const RunContext& run, const JobRequest& request,
                                                  const pipeline::EvalContext& context);
/// What this version cannot run, or this person did not allow; empty when the job may run.
std::string refused_feature(const pipeline::JobPlan& job, const ExecOptions& options);
/// Things a laptop lacks or this version ignores, said once per run.
std::vector<std::string> plan_notices(const pipeline::Plan& plan);
/// Whether some job is to have a network.
bool wants_bridge(const pipeline::Plan& plan);
/// What may be behind a failed run without its being the pipeline's fault; said only after a failure.
std::vector<std::string> failure_hints(const std::string& network_trouble);

/// Whether a failed attempt is to be repeated.
bool may_retry(const pipeline::RetryPolicy& policy, const JobResult& result, int attempts_done);
bool allowed(const pipeline::AllowFailure& allow, const JobResult& result);

/// Whether a step runs now. An Error is a condition that cannot be evaluated.
Result<bool> step_is_due(const pipeline::StepPlan& step, const pipeline::EvalContext& context);

}  // namespace slipway::runner
