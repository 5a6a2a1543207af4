// Decisions about jobs and steps.
#include "runner/execute/job_rules.h"

#include <gtest/gtest.h>

#include "runner/execute/run_pipeline.h"

namespace slipway::runner {
namespace {

JobResult ended(RunStatus status, int code = 0) {
  JobResult result;
  result.status = status;
  result.exit_code = code;
  return result;
}

TEST(Retry, CountsExtraAttempts) {
  const pipeline::RetryPolicy policy{.max = 2};
  EXPECT_TRUE(may_retry(policy, ended(RunStatus::kFailed), 1));
  EXPECT_TRUE(may_retry(policy, ended(RunStatus::kFailed), 2));
  EXPECT_FALSE(may_retry(policy, ended(RunStatus::kFailed), 3));
  EXPECT_FALSE(may_retry(pipeline::RetryPolicy{}, ended(RunStatus::kFailed), 1));
}

TEST(Retry, NeverRepeatsSuccessCancellationOrTheEnginesTrouble) {
  const pipeline::RetryPolicy policy{.max = 5};
  for (const RunStatus status : {RunStatus::kSucceeded, RunStatus::kWarning, RunStatus::kCancelled,
                                 RunStatus::kError, RunStatus::kSkipped}) {
    EXPECT_FALSE(may_retry(policy, ended(status), 1)) << run_status_name(status);
  }
}

TEST(Retry, ConditionsChooseWhichFailures) {
  const pipeline::RetryPolicy timeouts{.max = 1, .when = {"timeout"}};
  EXPECT_TRUE(may_retry(timeouts, ended(RunStatus::kTimedOut), 1));
  EXPECT_FALSE(may_retry(timeouts, ended(RunStatus::kFailed, 1), 1));
  const pipeline::RetryPolicy codes{.max = 1, .exit_codes = {75}};
  EXPECT_TRUE(may_retry(codes, ended(RunStatus::kFailed, 75), 1));
  EXPECT_FALSE(may_retry(codes, ended(RunStatus::kFailed, 74), 1));
  EXPECT_FALSE(may_retry(codes, ended(RunStatus::kTimedOut, 75), 1));
}

TEST(AllowFailure, TakesAnyOrTheListedCodesButNeverTheEnginesTrouble) {
  EXPECT_TRUE(allowed({.any = true}, ended(RunStatus::kTimedOut)));
  EXPECT_TRUE(allowed({.exit_codes = {42}}, ended(RunStatus::kFailed, 42)));
  EXPECT_FALSE(allowed({.exit_codes = {42}}, ended(RunStatus::kFailed, 41)));
  EXPECT_FALSE(allowed({.any = true}, ended(RunStatus::kError)));
  EXPECT_FALSE(allowed({.any = true}, ended(RunStatus::kCancelled)));
}

TEST(StepIsDue, FollowsWhenAndState) {
  pipeline::StepPlan step;
  pipeline::EvalContext context;
  const auto due = [&](pipeline::StepWhen when, pipeline::RunState state) {
    step.when = when;
    context.state = state;
    return *step_is_due(step, context);
  };
  using pipeline::RunState;
  using pipeline::StepWhen;
  EXPECT_TRUE(due(StepWhen::kOnSuccess, RunState::kSuccess));
  EXPECT_FALSE(due(StepWhen::kOnSuccess, RunState::kFailure));
  EXPECT_FALSE(due(StepWhen::kOnFailure, RunState::kSuccess));
  EXPECT_TRUE(due(StepWhen::kOnFailure, RunState::kFailure));
  EXPECT_FALSE(due(StepWhen::kOnFailure, RunState::kCancelled));
  EXPECT_TRUE(due(StepWhen::kAlways, RunState::kCancelled));
}

TEST(NeedsContext, MergesTheInstancesOfAMatrixAndKeepsTheWorstResult) {
  pipeline::JobPlan job;
  job.needs = {{.job = 0, .name = "test"}, {.job = 1, .name = "test"}};
  JobResult good = ended(RunStatus::kSucceeded);
  good.outputs.set("a", "1");
  JobResult bad = ended(RunStatus::kFailed);
  bad.outputs.set("b", "2");
  const pipeline::Value needs =
      needs_context(JobRequest{.job = job, .needs = {bad, good}, .cancel = CancelToken()});
  const pipeline::Value* test = needs.find("test");
  ASSERT_NE(test, nullptr);
  EXPECT_EQ(*test->find("result"), pipeline::Value("failure"));
  EXPECT_EQ(*test->find("outputs")->find("a"), pipeline::Value("1"));
  EXPECT_EQ(*test->find("outputs")->find("b"), pipeline::Value("2"));
}

TEST(ExitCode, FollowsTheTable) {
  const CancelToken quiet;
  EXPECT_EQ(
      exit_code_of({ended(RunStatus::kSucceeded), ended(RunStatus::kSkipped), std::nullopt}, quiet),
      0);
  EXPECT_EQ(exit_code_of({ended(RunStatus::kWarning)}, quiet), 0);
  EXPECT_EQ(exit_code_of({ended(RunStatus::kFailed), ended(RunStatus::kError)}, quiet), 1);
  EXPECT_EQ(exit_code_of({ended(RunStatus::kError)}, quiet), 3);
  EXPECT_EQ(exit_code_of({ended(RunStatus::kTimedOut)}, quiet), 6);
  const CancelToken cancelled;
  cancelled.cancel(CancelLevel::kTerminate);
  EXPECT_EQ(exit_code_of({ended(RunStatus::kCancelled)}, cancelled), 130);
}

}  // namespace
}  // namespace slipway::runner
