// `runner exec` as a person uses it, on the machine's own tools.
#include "tests/runner/execute/exec_fixture.h"

namespace slipway::runner {
namespace {

using ::testing::Test;

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

std::string status_of_job(const std::vector<Json>& events, const std::string& job) {
  for (const Json& event : events) {
    if (event["kind"].string_or("") == "job_end" && event["job"].string_or("") == job) {
      return std::string(event["status"].string_or(""));
    }
  }
  return "absent";
}

TEST_F(ExecTest, TheShortestPipelineRunsOnTheMachinesOwnTools) {
  const Ran ran = exec("steps:\n  - echo hello from $SLIPWAY_JOB\n");
  EXPECT_EQ(ran.code, 0) << ran.all();
  EXPECT_TRUE(has(ran.all(), "$ echo hello from $SLIPWAY_JOB")) << ran.all();
  EXPECT_TRUE(has(ran.all(), "hello from default")) << ran.all();
}

TEST_F(ExecTest, AFailedStepEndsItsJobAndTheRunWithOne) {
  const Ran ran = exec("steps:\n  - exit 3\n  - echo never\n");
  EXPECT_EQ(ran.code, 1);
  EXPECT_TRUE(has(ran.all(), "exit code 3")) << ran.all();
  EXPECT_FALSE(has(ran.all(), "never\n")) << ran.all();
  EXPECT_TRUE(has(ran.all(), "--job default")) << ran.all();
}

TEST_F(ExecTest, WhatAStepWritesTheNextOneSeesAndTheCheckoutDoesNot) {
  write("input.txt", "from the person\n");
  const Ran ran = exec(
      "steps:\n"
      "  - cat input.txt && echo changed > input.txt && echo installed > /tmp/tool\n"
      "  - grep changed input.txt && grep installed /tmp/tool\n");
  EXPECT_EQ(ran.code, 0) << ran.all();
  EXPECT_EQ(read("input.txt"), "from the person\n");
}

TEST_F(ExecTest, OutputsGoFromStepToStepAndFromJobToJob) {
  const Ran ran = exec(R"(
jobs:
  build:
    steps:
      - { id: count, run: 'echo "n=41" >> "$SLIPWAY_OUTPUT"' }
      - 'test "${{ steps.count.n }}" = 41'
    outputs: { total: "${{ steps.count.n }}2" }
  use:
    needs: [build]
    steps: ['echo "got ${{ needs.build.outputs.total }} ${{ needs.build.result }}"']
)");
  EXPECT_EQ(ran.code, 0) << ran.all();
  EXPECT_TRUE(has(ran.all(), "got 412 success")) << ran.all();
}

TEST_F(ExecTest, EnvAndPathFilesCarryOverToLaterSteps) {
  const Ran ran = exec(R"(
steps:
  - |
    echo "GREETING=hi there" >> "$SLIPWAY_ENV"
    mkdir -p /tmp/bin && printf '#!/bin/sh\necho tool runs\n' > /tmp/bin/mytool && chmod +x /tmp/bin/mytool
    echo /tmp/bin >> "$SLIPWAY_PATH"
  - echo "$GREETING" && mytool
)");
  EXPECT_EQ(ran.code, 0) << ran.all();
  EXPECT_TRUE(has(ran.all(), "hi there")) << ran.all();
  EXPECT_TRUE(has(ran.all(), "tool runs")) << ran.all();
}

TEST_F(ExecTest, ArtifactsReachDependentJobsAndTheGivenFolder) {
  const Ran ran = exec(R"(
jobs:
  build:
    steps: ["mkdir -p dist/sub && echo binary > dist/sub/app && echo skip > dist/app.o && echo other > other.txt"]
    artifacts: { paths: [dist], exclude: ["**/*.o"] }
  test:
    needs: [build]
    steps: ["grep binary dist/sub/app && test ! -e dist/app.o && test ! -e other.txt"]
  free:
    needs: [{ job: build, artifacts: false }]
    steps: ["test ! -e dist"]
)",
                       "--artifacts out");
  EXPECT_EQ(ran.code, 0) << ran.all();
  EXPECT_EQ(read("out/build/dist/sub/app"), "binary\n");
  EXPECT_FALSE(std::filesystem::exists(project() + "/out/build/dist/app.o"));
}

TEST_F(ExecTest, AlwaysAndOnFailureStepsRunAfterAFailure) {
  const Ran ran = exec(R"(
steps:
  - "false"
  - { run: echo cleaning up, always: true }
  - { run: echo because it failed, on-failure: true }
  - echo not this
)");
  EXPECT_EQ(ran.code, 1);
  EXPECT_TRUE(has(ran.all(), "cleaning up")) << ran.all();
  EXPECT_TRUE(has(ran.all(), "because it failed")) << ran.all();
  EXPECT_FALSE(has(ran.all(), "$ echo not this")) << ran.all();
}

TEST_F(ExecTest, AFailedNeedSkipsDependantsUnlessTheySayAlways) {
  const auto all = events(R"(
jobs:
  bad: { steps: ["false"] }
  after: { needs: [bad], steps: ["true"] }
  notify: { needs: [bad], always: true, steps: ["true"] }
  conditional: { needs: [bad], if: failure(), steps: ["true"] }
)");
  EXPECT_EQ(status_of_job(all, "bad"), "failed");
  EXPECT_EQ(status_of_job(all, "after"), "skipped");
  EXPECT_EQ(status_of_job(all, "notify"), "succeeded");
  EXPECT_EQ(status_of_job(all, "conditional"), "succeeded");
}

TEST_F(ExecTest, AnAllowedFailureIsAWarningAndTheRunIsGreen) {
  write(".slipway.yml", "jobs:\n  flaky: { allow-failure: { exit: [42] }, steps: [exit 42] }\n");
  EXPECT_EQ(runner("exec --progress quiet").code, 0);
  EXPECT_EQ(status_of_job(events(read(".slipway.yml")), "flaky"), "warning");
  EXPECT_EQ(exec("jobs:\n  flaky: { allow-failure: { exit: [42] }, steps: [exit 41] }\n").code, 1);
}

TEST_F(ExecTest, MatrixInstancesGetTheirValues) {
  const Ran ran = exec(R"(
jobs:
  test:
    matrix: { compiler: [gcc, clang], level: [1, 2] }
    steps: ['echo "cc=${{ matrix.compiler }} O${{ matrix.level }}"']
)");
  EXPECT_EQ(ran.code, 0) << ran.all();
  for (const char* line : {"cc=gcc O1", "cc=gcc O2", "cc=clang O1", "cc=clang O2"}) {
    EXPECT_TRUE(has(ran.all(), line)) << line << "\n" << ran.all();
  }
}

TEST_F(ExecTest, AStepThatTakesTooLongIsTimedOut) {
  const auto all = events("jobs:\n  slow: { steps: [{ run: sleep 60, timeout: 300ms }] }\n");
  EXPECT_EQ(status_of_job(all, "slow"), "timed-out");
  EXPECT_EQ(runner("exec --progress quiet").code, 6);
}

TEST_F(ExecTest, RetriesGiveEveryAttemptAFreshWorkspace) {
  const Ran ran = exec(
      "jobs:\n  flaky:\n    retry: { max: 2 }\n    steps: ['test ! -e mark && touch mark && exit "
      "1']\n");
  EXPECT_EQ(ran.code, 1);
  EXPECT_TRUE(has(ran.all(), "attempt 2 failed")) << ran.all();
  EXPECT_FALSE(has(ran.all(), "attempt 3 failed")) << ran.all();
}

TEST_F(ExecTest, SecretsAreMaskedAlsoWhenSplitAndEncoded) {
  const Ran ran = exec(R"(
jobs:
  a:
    secrets: [TOKEN, { name: TOKEN, as: TOKEN_FILE, file: true }]
    steps:
      - |
        printf 's3cret-'; sleep 0.05; echo 'value!'
        printf 's3cret-value!' | base64
        printf 'xs3cret-value!' | base64
        echo "len ${#TOKEN}"
        cat "$TOKEN_FILE" | tr a-z A-Z | head -c 6; echo
)",
                       "--secret TOKEN", "TOKEN='s3cret-value!'");
  EXPECT_EQ(ran.code, 0) << ran.all();
  EXPECT_FALSE(has(ran.all(), "s3cret-value!")) << ran.all();
  EXPECT_FALSE(has(ran.all(), "czNjcmV0LXZhbHVl")) << ran.all();
  EXPECT_TRUE(has(ran.all(), "len 13")) << ran.all();
  EXPECT_TRUE(has(ran.all(), "S3CRET")) << ran.all();
}

TEST_F(ExecTest, NoSecretStaysAnywhereInTheStore) {
  const Ran ran = exec(
      "jobs:\n  a:\n    secrets: [TOKEN]\n    env: { COPY: '${{ secrets.TOKEN }}' }\n    steps: "
      "['echo \"$COPY\"', 'false']\n",
      "--secret TOKEN --events events.json", "TOKEN=correct-horse");
  EXPECT_EQ(ran.code, 1);
  const Ran grep = shell("grep -ra correct-horse " + shell_quote(state()) + " events.json");
  EXPECT_EQ(grep.code, 1) << grep.out;
}

TEST_F(ExecTest, AMissingSecretFailsItsJobAndSaysHowToGiveIt) {
  const Ran ran =
      exec("jobs:\n  a: { secrets: [TOKEN], steps: ['true'] }\n  b: { steps: ['echo b ran'] }\n");
  EXPECT_NE(ran.code, 0);
  EXPECT_TRUE(has(ran.all(), "--secret TOKEN")) << ran.all();
  EXPECT_TRUE(has(ran.all(), "b ran")) << ran.all();
}

TEST_F(ExecTest, ASecretFileThatOthersCanReadIsRefused) {
  write("secrets", "TOKEN=abcdefgh\n");
  ASSERT_EQ(::chmod((project() + "/secrets").c_str(), 0644), 0);
  const Ran ran = exec("steps: ['true']\n", "--secret-file secrets");
  EXPECT_NE(ran.code, 0);
  EXPECT_TRUE(has(ran.err, "chmod 600")) << ran.err;
}

TEST_F(ExecTest, AValueFromOutsideNeverBecomesACommand) {
  const Ran ran =
      exec("steps: ['echo ${{ branch }}']\n", "--branch 'x; touch /tmp/owned; $(touch owned)'");
  EXPECT_EQ(ran.code, 0) << ran.all();
  EXPECT_TRUE(has(ran.all(), "x; touch /tmp/owned; $(touch owned)")) << ran.all();
}

TEST_F(ExecTest, ResumesFromAStepWithTheStateOfTheOnesBefore) {
  const std::string pipeline =
      "steps:\n  - { id: one, run: 'echo made > made.txt; echo v=7 >> $SLIPWAY_OUTPUT; echo E=8 >> "
      "$SLIPWAY_ENV' }\n"
      "  - { id: two, run: 'cat made.txt && cat fix.txt && echo \"v=${{ steps.one.v }} E=$E\"' }\n";
  EXPECT_EQ(exec(pipeline).code, 1);
  write("fix.txt", "repaired\n");
  const Ran ran = exec(pipeline, "--from two");
  EXPECT_EQ(ran.code, 0) << ran.all();
  EXPECT_TRUE(has(ran.all(), "v=7 E=8")) << ran.all();
  EXPECT_FALSE(has(ran.all(), "$ echo made")) << ran.all();
}

TEST_F(ExecTest, GivesJsonEventsWithTheFieldsTheSchemaNames) {
  const auto all = events("steps: ['echo out; echo err >&2']\n");
  ASSERT_FALSE(all.empty());
  EXPECT_EQ(all.front()["kind"], Json("run_start"));
  EXPECT_EQ(all.back()["kind"], Json("run_end"));
  std::int64_t seq = 0;
  bool out = false;
  bool err = false;
  for (const Json& event : all) {
    EXPECT_EQ(event["seq"].int_or(0), ++seq);
    for (const char* field : {"t", "run", "job", "step", "kind"})
      EXPECT_NE(event.find(field), nullptr) << field;
    out |= event["stream"].string_or("") == "stdout" && event["line"].string_or("") == "out";
    err |= event["stream"].string_or("") == "stderr" && event["line"].string_or("") == "err";
  }
  EXPECT_TRUE(out);
  EXPECT_TRUE(err);
}

TEST_F(ExecTest, WorkdirShellAndEnvAreTaken) {
  write("sub/file", "x");
  const Ran ran = exec(R"(
env: { A: pipeline, B: pipeline }
jobs:
  j:
    env: { B: "job-${{ env.A }}" }
    steps:
      - { run: 'pwd; echo "$A $B $C $0"', workdir: sub, shell: sh, env: { C: step } }
      - { run: 'print("from", "python")', shell: python }
)");
  EXPECT_EQ(ran.code, 0) << ran.all();
  EXPECT_TRUE(has(ran.all(), "/workspace/sub")) << ran.all();
  EXPECT_TRUE(has(ran.all(), "pipeline job-pipeline step sh")) << ran.all();
  EXPECT_TRUE(has(ran.all(), "from python")) << ran.all();
}

TEST_F(ExecTest, APipeThatFailsInTheMiddleFailsTheStep) {
  EXPECT_EQ(exec("steps: ['false | cat']\n").code, 1);
  EXPECT_EQ(exec("steps: [{ run: \"false\\necho no\", shell: sh }]\n").code, 1);
}

}  // namespace
}  // namespace slipway::runner
