// `$NAME` texts and how a job's are settled.
#include "pipeline/variables.h"

#include <gtest/gtest.h>

namespace slipway::pipeline {
namespace {

VariablePlan make(std::string name, std::string value, VariableLevel level = VariableLevel::kJob) {
  VariablePlan variable;
  variable.name = std::move(name);
  variable.value = std::move(value);
  variable.level = level;
  return variable;
}

std::string value_of(const JobPlan& job, const std::string& name) {
  for (const EnvEntry& entry : job.env.back())
    if (entry.name == name) return entry.value.source();
  return "(unset)";
}

Plan gitlab_plan() {
  Plan plan;
  plan.dialect = Dialect::kGitlab;
  plan.workspace = "/builds/group/project";
  return plan;
}

TEST(SettleVariables, StrongerLevelsHideWeakerOnes) {
  Plan plan = gitlab_plan();
  plan.variables = {make("A", "predefined", VariableLevel::kPredefined),
                    make("A", "project", VariableLevel::kProject)};
  JobPlan job;
  job.variables = {make("A", "job")};
  EXPECT_EQ(value_of(settle_variables(plan, job, {}), "A"), "project");
}

TEST(SettleVariables, DotenvIsOverTheJobsOwnAndBelowTheProjects) {
  Plan plan = gitlab_plan();
  plan.variables = {make("B", "project", VariableLevel::kProject)};
  JobPlan job;
  job.variables = {make("A", "job"), make("C", "<$A>")};
  job.image.name = Template("image:$A");
  const auto late = parse_dotenv("A=late\nB=late\n");
  ASSERT_TRUE(late);
  const JobPlan settled = settle_variables(plan, job, *late);
  EXPECT_EQ(value_of(settled, "A"), "late");
  EXPECT_EQ(value_of(settled, "B"), "project");
  EXPECT_EQ(value_of(settled, "C"), "<late>");
  EXPECT_EQ(settled.image.name.source(), "image:late");
}

TEST(SettleVariables, FileVariablesBecomePathsAndFiles) {
  JobPlan job;
  job.variables = {make("KEY", "$not a template"), make("ARGS", "--key=$KEY")};
  job.variables[0].file = true;
  const JobPlan settled = settle_variables(gitlab_plan(), job, {});
  ASSERT_EQ(settled.files.size(), 1U);
  EXPECT_EQ(settled.files[0].path, "/builds/group/project.tmp/KEY");
  EXPECT_EQ(settled.files[0].content, "$not a template");
  EXPECT_EQ(value_of(settled, "KEY"), "/builds/group/project.tmp/KEY");
  EXPECT_EQ(value_of(settled, "ARGS"), "--key=/builds/group/project.tmp/KEY");
}

TEST(SettleVariables, LeavesANativeJobAlone) {
  JobPlan job;
  job.image.name = Template("image:$A");
  EXPECT_EQ(settle_variables(Plan(), job, {make("A", "x")}).image.name.source(), "image:$A");
}

TEST(SettleVariables, ThatDoubleEachOtherStayBounded) {
  JobPlan job;
  job.variables.push_back(make("V0", std::string(1000, 'x')));
  for (int i = 1; i < 40; ++i) {
    const std::string before = "$V" + std::to_string(i - 1);
    job.variables.push_back(make("V" + std::to_string(i), before + before));
  }
  const JobPlan settled = settle_variables(gitlab_plan(), job, {});
  for (const EnvEntry& entry : settled.env.back())
    EXPECT_LE(entry.value.source().size(), std::size_t{1} << 20) << entry.name;
}

TEST(ParseDotenv, TakesPlainAndQuotedLines) {
  const auto variables = parse_dotenv("A=1\n\n# comment\nB=\"two words\"\r\n C = 3 \nD=a=b\n");
  ASSERT_TRUE(variables);
  std::vector<std::string> all;
  for (const VariablePlan& variable : *variables)
    all.push_back(variable.name + "=" + variable.value);
  EXPECT_EQ(all, (std::vector<std::string>{"A=1", "B=two words", "C=3", "D=a=b"}));
}

TEST(ParseDotenv, NamesTheLineItDoesNotTake) {
  EXPECT_NE(parse_dotenv("A=1\nnonsense\n").error().text().find("line 2"), std::string::npos);
  EXPECT_NE(parse_dotenv("1A=1\n").error().text().find("line 1"), std::string::npos);
  EXPECT_FALSE(parse_dotenv("A=" + std::string(6000, 'x')));
}

}  // namespace
}  // namespace slipway::pipeline
