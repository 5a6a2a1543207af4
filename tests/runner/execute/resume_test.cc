// --job and --from.
#include "runner/execute/resume.h"

#include <gtest/gtest.h>

namespace slipway::runner {
namespace {

using pipeline::JobPlan;
using pipeline::Need;
using pipeline::Plan;
using pipeline::StepPlan;

JobPlan job(const std::string& name, std::vector<std::string> steps,
            std::vector<std::size_t> needs = {}) {
  JobPlan plan;
  plan.name = plan.instance = name;
  for (const std::string& id : steps) {
    StepPlan step;
    step.id = step.name = id;
    plan.steps.push_back(step);
  }
  for (const std::size_t need : needs) plan.needs.push_back(Need{.job = need});
  return plan;
}

Plan three_jobs() {
  Plan plan;
  plan.jobs = {job("lint", {"check"}), job("build", {"configure", "compile"}, {0}),
               job("test", {"run"}, {1})};
  return plan;
}

RunRecord run_that_failed_in_compile() {
  RunRecord run;
  run.id = "r";
  StepRecord configure;
  configure.job = "build";
  configure.step = "configure";
  configure.image = "busybox";
  configure.root_stack = {"l"};
  configure.work_stack = {"w", "s"};
  run.steps.push_back(configure);
  JobResult ok;
  ok.status = RunStatus::kSucceeded;
  run.jobs.push_back({"lint", ok});
  return run;
}

TEST(SelectJobs, TakesWhatTheNamedJobNeeds) {
  const auto selection = select_jobs(three_jobs(), {"build"}, false);
  ASSERT_TRUE(selection);
  EXPECT_EQ(selection->jobs, (std::set<std::size_t>{0, 1}));
}

TEST(SelectJobs, LeavesNeedsOutWhenToldTo) {
  EXPECT_EQ(select_jobs(three_jobs(), {"build"}, true)->jobs, (std::set<std::size_t>{1}));
}

TEST(SelectJobs, NamesTheNearestOfAnUnknownJob) {
  const auto selection = select_jobs(three_jobs(), {"biuld"}, false);
  ASSERT_FALSE(selection);
  EXPECT_EQ(selection.error().text(), "select job biuld: no such job; did you mean build?");
}

TEST(SelectFrom, GoesOnAfterTheStepsBeforeAndTakesOtherResultsOver) {
  const auto selection = select_from(three_jobs(), "compile", run_that_failed_in_compile());
  ASSERT_TRUE(selection) << selection.error().text();
  EXPECT_EQ(selection->jobs, (std::set<std::size_t>{1, 2}));
  ASSERT_TRUE(selection->known[0]);
  const ResumePoint& point = selection->resume.at(1);
  EXPECT_EQ(point.first_step, 1u);
  ASSERT_TRUE(point.before);
  EXPECT_EQ(point.before->step, "configure");
  EXPECT_EQ(point.image_stacks.at("busybox"), std::vector<std::string>{"l"});
}

TEST(SelectFrom, RefusesAStepWhosePredecessorsNeverRan) {
  const auto selection = select_from(three_jobs(), "build/compile", RunRecord{});
  ASSERT_FALSE(selection);
  EXPECT_EQ(selection.error().code(), ErrorCode::kNotFound);
}

TEST(SelectFrom, AsksWhichJobWhenSeveralHaveTheStep) {
  Plan plan;
  plan.jobs = {job("a", {"x"}), job("b", {"x"})};
  const auto selection = select_from(plan, "x", RunRecord{});
  ASSERT_FALSE(selection);
  EXPECT_EQ(selection.error().text(), "resume from x: several jobs have this step; say a/x");
  EXPECT_TRUE(select_from(plan, "b/x", RunRecord{}));
}

}  // namespace
}  // namespace slipway::runner
