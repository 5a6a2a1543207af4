// Who says when a job runs: people, time, other runs, earlier failures, changed files. By the real program.
#include "tests/runner/execute/exec_fixture.h"
#include "tests/support/program.h"

namespace slipway::runner {
namespace {

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

class RunControl : public ExecTest {
 protected:
  std::vector<std::string> command(const std::string& arguments) const {
    return {"/bin/sh", "-c",
            "cd " + shell_quote(project()) + " && exec " + testing::runner_program() + " exec " +
                arguments};
  }
  std::map<std::string, std::string> environment() const {
    return {{"RUNNER_STATE", state()}, {"NO_COLOR", "1"}, {"CI", ""}, {"TERM", "xterm"}};
  }
};

constexpr const char* kPeople = R"yml(
jobs:
  build: { network: none, steps: [echo built] }
  deploy: { network: none, needs: [build], manual: true, steps: [echo deployed] }
  release: { network: none, needs: [build], approve: { by: [ops] }, steps: [echo released] }
)yml";

TEST_F(RunControl, JobsThatWaitForAPersonAreSkippedWithAWordOrRunWhenNamed) {
  const Ran skipped = exec(kPeople);
  EXPECT_EQ(skipped.code, 0) << skipped.all();
  EXPECT_TRUE(has(skipped.all(), "manual job; run it with --manual deploy")) << skipped.all();
  EXPECT_TRUE(has(skipped.all(), "needs approval by ops; give it with --approve release"))
      << skipped.all();
  const Ran both = exec(kPeople, "--manual deploy --approve release");
  EXPECT_TRUE(has(both.all(), "deployed") && has(both.all(), "released")) << both.all();
}

TEST_F(RunControl, AtATerminalThePersonIsAsked) {
  write(".slipway.yml", kPeople);
  testing::Program program(command("--progress plain"), environment(), testing::Stdio::kTerminal);
  ASSERT_TRUE(program.wait_for("[y/N]"));
  program.type("y\n");
  ASSERT_TRUE(program.wait_for("[y/N]"));
  program.type("n\n");
  const testing::ProgramRun ran = program.finish();
  EXPECT_EQ(ran.exit_code, 0) << ran.out;
  EXPECT_NE(has(ran.out, "deployed"), has(ran.out, "released")) << ran.out;
  EXPECT_TRUE(has(ran.out, "not wanted")) << ran.out;
}

TEST_F(RunControl, TheFirstFailureCancelsTheOthersWhenAskedTo) {
  const Ran ran = exec(R"yml(
jobs:
  bad: { network: none, steps: ["until test -e /workspace/never; do exit 3; done"] }
  slow: { network: none, steps: [sleep 600] }
)yml",
                       "--fail-fast --jobs 2");
  EXPECT_EQ(ran.code, 1) << ran.all();
  EXPECT_TRUE(has(ran.all(), "1 failed, 1 cancelled")) << ran.all();
}

TEST_F(RunControl, ALaterRunOfAGroupWaitsOrEndsTheEarlierOne) {
  const auto pipeline = [](const std::string& policy, const std::string& step) {
    return "concurrency: { group: deploy, policy: " + policy +
           " }\njobs:\n  a: { network: none, steps: ['" + step + "'] }\n";
  };
  write(".slipway.yml", pipeline("cancel", "echo first runs; sleep 600"));
  testing::Program first(command("--progress plain"), environment(), testing::Stdio::kPipes);
  ASSERT_TRUE(first.wait_for("\nfirst runs"));
  const Ran second = exec(pipeline("cancel", "echo second runs"));
  EXPECT_EQ(second.code, 0) << second.all();
  EXPECT_TRUE(has(second.all(), "ends run")) << second.all();
  EXPECT_EQ(first.finish().exit_code, 130);

  write(".slipway.yml", pipeline("queue", "echo third runs; sleep 600"));
  testing::Program third(command("--progress plain"), environment(), testing::Stdio::kPipes);
  ASSERT_TRUE(third.wait_for("\nthird runs"));
  write(".slipway.yml", pipeline("queue", "echo fourth runs"));
  testing::Program fourth(command("--progress plain"), environment(), testing::Stdio::kPipes);
  ASSERT_TRUE(fourth.wait_for("waits for run"));
  third.signal(SIGINT);
  third.signal(SIGINT);
  EXPECT_EQ(third.finish().exit_code, 130);
  const testing::ProgramRun ended = fourth.finish();
  EXPECT_EQ(ended.exit_code, 0) << ended.out << ended.err;
}

TEST_F(RunControl, PathsAreFiltersOfWhatDiffersFromACommit) {
  const std::string git = "git -c user.name=t -c user.email=t@example.com ";
  write("src/a", "1");
  write("doc/b", "1");
  const std::string pipeline =
      "jobs:\n  code: { network: none, paths: [src/**], steps: ['echo code ran'] }\n"
      "  docs: { network: none, paths: [doc/**], steps: ['echo docs ran'] }\n";
  write(".slipway.yml", pipeline);
  ASSERT_EQ(shell(git + "init -q && " + git + "add -A && " + git + "commit -qm one").code, 0);
  write("src/a", "2");
  const Ran some = exec(pipeline, "--changed-since HEAD");
  EXPECT_EQ(some.code, 0) << some.all();
  EXPECT_TRUE(has(some.all(), "code ran\n")) << some.all();
  EXPECT_TRUE(has(some.all(), "none of its paths changed")) << some.all();
  const Ran all = exec(pipeline);
  EXPECT_TRUE(has(all.all(), "docs ran\n")) << all.all();
  EXPECT_EQ(exec(pipeline, "--changed-since nope").code, 5);
}

TEST_F(RunControl, AChildPipelineWrittenByAJobRunsItsJobsWithTheVariablesOfTheTrigger) {
  write(".gitlab-ci.yml", R"yml(
stages: [make, run]
generate:
  stage: make
  image: host
  script:
    - 'printf "one:\n  image: host\n  script: [\"echo child says \$WORD\"]\ntwo:\n  image: host\n  script: [\"false\"]\n" > child.yml'
  artifacts: { paths: [child.yml] }
loose:
  stage: run
  variables: { WORD: hello }
  trigger: { include: [{ artifact: child.yml, job: generate }] }
strict:
  stage: run
  trigger: { include: [{ artifact: child.yml, job: generate }], strategy: depend }
)yml");
  const Ran ran = runner("exec --progress plain --file .gitlab-ci.yml");
  EXPECT_EQ(ran.code, 1) << ran.all();
  EXPECT_TRUE(has(ran.all(), "child says hello")) << ran.all();
  EXPECT_TRUE(has(ran.all(), "job loose: succeeded")) << ran.all();
  EXPECT_TRUE(has(ran.all(), "job strict: failed: 1 job of its pipeline failed")) << ran.all();
}

}  // namespace
}  // namespace slipway::runner
