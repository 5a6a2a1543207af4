// Order of jobs: needs, locks, matrices.
#include "runner/execute/job_board.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

namespace slipway::runner {
namespace {

using pipeline::JobPlan;
using pipeline::Need;
using pipeline::Plan;

JobPlan job(const std::string& name, std::size_t group, std::vector<std::size_t> needs = {}) {
  JobPlan plan;
  plan.name = plan.instance = name;
  plan.matrix_group = group;
  for (const std::size_t need : needs) plan.needs.push_back(Need{.job = need, .name = "need"});
  return plan;
}

std::set<std::size_t> all(const Plan& plan) {
  std::set<std::size_t> selected;
  for (std::size_t i = 0; i < plan.jobs.size(); ++i) selected.insert(i);
  return selected;
}

JobResult ended(RunStatus status) {
  JobResult result;
  result.status = status;
  return result;
}

TEST(JobBoard, HandsOutAJobOnlyAfterAllItNeedsHasEnded) {
  Plan plan;
  plan.jobs = {job("a", 0), job("b", 1), job("c", 2, {0, 1})};
  JobBoard board(plan, all(plan), {}, CancelToken());
  EXPECT_EQ(board.take()->job, 0u);
  EXPECT_EQ(board.take()->job, 1u);
  board.finish(0, ended(RunStatus::kSucceeded));
  std::atomic<bool> taken{false};
  std::thread waiter([&] {
    EXPECT_EQ(board.take()->job, 2u);
    taken = true;
  });
  EXPECT_FALSE(taken);
  board.finish(1, ended(RunStatus::kFailed));
  waiter.join();
  const auto needs = board.needs_of(2);
  ASSERT_EQ(needs.size(), 2u);
  EXPECT_EQ(needs[0]->status, RunStatus::kSucceeded);
  EXPECT_EQ(needs[1]->status, RunStatus::kFailed);
  board.finish(2, ended(RunStatus::kSkipped));
  EXPECT_FALSE(board.take());
}

TEST(JobBoard, NeverRunsTwoJobsWithOneLockAtOnce) {
  Plan plan;
  plan.jobs = {job("a", 0), job("b", 1), job("c", 2)};
  plan.jobs[0].lock = plan.jobs[1].lock = "production";
  JobBoard board(plan, all(plan), {}, CancelToken());
  EXPECT_EQ(board.take()->job, 0u);
  EXPECT_EQ(board.take()->job, 2u);
  board.finish(0, ended(RunStatus::kSucceeded));
  EXPECT_EQ(board.take()->job, 1u);
}

TEST(JobBoard, KeepsMaxParallelOfAMatrix) {
  Plan plan;
  for (int i = 0; i < 4; ++i) {
    plan.jobs.push_back(job("m" + std::to_string(i), 7));
    plan.jobs.back().max_parallel = 2;
  }
  plan.jobs.push_back(job("other", 8));
  JobBoard board(plan, all(plan), {}, CancelToken());
  EXPECT_EQ(board.take()->job, 0u);
  EXPECT_EQ(board.take()->job, 1u);
  EXPECT_EQ(board.take()->job, 4u);
}

TEST(JobBoard, AFailedInstanceCancelsItsFailFastSiblingsOnly) {
  Plan plan;
  plan.jobs = {job("m1", 1), job("m2", 1), job("x", 2)};
  for (std::size_t i : {0u, 1u})
    plan.jobs[i].matrix = pipeline::Value(pipeline::Value::Map{{"n", 1}});
  JobBoard board(plan, all(plan), {}, CancelToken());
  const auto first = board.take();
  const auto second = board.take();
  const auto other = board.take();
  board.finish(first->job, ended(RunStatus::kFailed));
  EXPECT_TRUE(second->cancel.cancelled());
  EXPECT_FALSE(other->cancel.cancelled());
}

TEST(JobBoard, AnAllowedFailureCancelsNobody) {
  Plan plan;
  plan.jobs = {job("m1", 1), job("m2", 1)};
  for (JobPlan& each : plan.jobs) each.matrix = pipeline::Value(pipeline::Value::Map{{"n", 1}});
  JobBoard board(plan, all(plan), {}, CancelToken());
  (void)board.take();
  const auto second = board.take();
  board.finish(0, ended(RunStatus::kWarning));
  EXPECT_FALSE(second->cancel.cancelled());
}

TEST(JobBoard, TheRunsCancelReachesEveryTakenJob) {
  Plan plan;
  plan.jobs = {job("a", 0)};
  const CancelToken cancel;
  JobBoard board(plan, all(plan), {}, cancel);
  const auto taken = board.take();
  cancel.cancel(CancelLevel::kTerminate);
  EXPECT_TRUE(taken->cancel.cancelled());
}

TEST(JobBoard, TakesOverKnownResultsWithoutRunningThem) {
  Plan plan;
  plan.jobs = {job("a", 0), job("b", 1, {0})};
  JobBoard board(plan, {1}, {ended(RunStatus::kSucceeded), std::nullopt}, CancelToken());
  EXPECT_EQ(board.take()->job, 1u);
  EXPECT_EQ(board.needs_of(1)[0]->status, RunStatus::kSucceeded);
}

}  // namespace
}  // namespace slipway::runner
