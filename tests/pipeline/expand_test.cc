// Matrices, templates, includes, inputs and triggers.
#include <gtest/gtest.h>

#include "tests/pipeline/compile_support.h"

namespace slipway::pipeline {
namespace {

std::vector<std::string> instances(const Compiled& compiled) {
  std::vector<std::string> names;
  if (compiled.plan)
    for (const JobPlan& job : compiled.plan->jobs) names.push_back(job.instance);
  return names;
}

std::vector<std::string> matrix_instances(const std::string& matrix) {
  return instances(compile_text("jobs:\n  j:\n    matrix: " + matrix + "\n    steps: [x]\n"));
}

using Names = std::vector<std::string>;

TEST(Matrix, IsTheProductOfItsAxesInOrder) {
  EXPECT_EQ(matrix_instances("{ a: [1, 2], b: [x, y] }"),
            (Names{"j (1, x)", "j (1, y)", "j (2, x)", "j (2, y)"}));
}

TEST(Matrix, ExcludeTakesEveryCombinationThatAgrees) {
  EXPECT_EQ(matrix_instances("{ a: [1, 2], b: [x, y], exclude: [{ b: x }] }"),
            (Names{"j (1, y)", "j (2, y)"}));
}

// The example of GitHub's documentation of include, with its result.
TEST(Matrix, IncludeExtendsWhatItDoesNotContradictAndElseAdds) {
  const Compiled compiled = compile_text(R"(
jobs:
  j:
    matrix:
      fruit: [apple, pear]
      animal: [cat, dog]
      include:
        - color: green
        - { color: pink, animal: cat }
        - { fruit: apple, shape: circle }
        - { fruit: banana }
        - { fruit: banana, animal: cat }
    steps: [x]
)");
  ASSERT_TRUE(compiled.plan) << findings(compiled);
  std::vector<std::string> rows;
  for (const JobPlan& job : compiled.plan->jobs) rows.push_back(job.matrix.to_json().dump());
  EXPECT_EQ(rows, (Names{
                      R"({"fruit":"apple","animal":"cat","color":"pink","shape":"circle"})",
                      R"({"fruit":"apple","animal":"dog","color":"green","shape":"circle"})",
                      R"({"fruit":"pear","animal":"cat","color":"pink"})",
                      R"({"fruit":"pear","animal":"dog","color":"green"})",
                      R"({"fruit":"banana"})",
                      R"({"fruit":"banana","animal":"cat"})",
                  }));
  EXPECT_EQ(compiled.plan->jobs[0].instance, "j (apple, cat)");
  EXPECT_EQ(compiled.plan->jobs[4].instance, "j (banana)");
}

TEST(Matrix, IncludeAloneMakesItsRows) {
  EXPECT_EQ(matrix_instances("{ include: [{ a: 1, b: 2 }, { a: 3 }] }"),
            (Names{"j (1, 2)", "j (3)"}));
}

TEST(Matrix, InstancesHaveDifferentNamesWhateverTheValues) {
  EXPECT_EQ(matrix_instances(R"({ a: ["1", 1, "x/y", "\x1b[2J"] })"),
            (Names{"j (1)", "j (1 #2)", "j (x-y)", "j (\\x1b[2J)"}));
}

TEST(Matrix, ValuesKeepTheirTypes) {
  const Compiled compiled =
      compile_text("jobs: { j: { matrix: { a: [1.5, true, \"2\", 0755] }, steps: [x] } }\n");
  ASSERT_TRUE(compiled.plan) << findings(compiled);
  EXPECT_EQ(*compiled.plan->jobs[0].matrix.find("a"), Value(1.5));
  EXPECT_EQ(*compiled.plan->jobs[1].matrix.find("a"), Value(true));
  EXPECT_EQ(*compiled.plan->jobs[2].matrix.find("a"), Value("2"));
  EXPECT_EQ(*compiled.plan->jobs[3].matrix.find("a"), Value("0755"));
}

TEST(Matrix, AnAxisMayBeAnExpressionOfInputs) {
  EXPECT_EQ(instances(compile_text(
                "on: { manual: { inputs: { v: { default: '1,2' } } } }\n"
                "jobs: { j: { matrix: { a: \"${{ split(inputs.v, ',') }}\" }, steps: [x] } }\n")),
            (Names{"j (1)", "j (2)"}));
}

TEST(Matrix, LargeOnesNeedingEachOtherFit) {
  std::string values;
  for (int value = 0; value < 200; ++value) values += std::to_string(value) + ",";
  const Compiled compiled = compile_text("jobs:\n  a: { matrix: { x: [" + values +
                                         "] }, steps: [x] }\n  b: { matrix: { x: [" + values +
                                         "] }, needs: a, steps: [x] }\n");
  ASSERT_TRUE(compiled.plan) << findings(compiled);
  EXPECT_EQ(compiled.plan->jobs.size(), 400u);
  EXPECT_EQ(compiled.plan->jobs.back().needs.size(), 200u);
}

TEST(Matrix, WarningsOfEveryInstanceLeaveThePlanWhole) {
  std::string values;
  for (int value = 0; value < 250; ++value) values += std::to_string(value) + ",";
  const Compiled compiled = compile_text("jobs:\n  a:\n    matrix: { x: [" + values +
                                         "] }\n    lock: \"l${{ matrix.x }}\"\n    steps: [\"echo "
                                         "${{ matrix.y }} ${{ steps.gone.z }}\"]\n");
  ASSERT_TRUE(compiled.plan) << findings(compiled);
  EXPECT_EQ(compiled.diagnostics.size(), 2u);
  ASSERT_EQ(compiled.plan->jobs.size(), 250u);
  EXPECT_EQ(compiled.plan->jobs.back().lock, "l249");
}

TEST(Matrix, CyclesThroughInstancesAreShownOnce) {
  const Compiled compiled = compile_text(
      "jobs:\n  a: { matrix: { x: [1, 2, 3] }, needs: b, steps: [x] }\n"
      "  b: { matrix: { x: [1, 2, 3] }, needs: a, steps: [x] }\n");
  ASSERT_EQ(compiled.diagnostics.size(), 1u) << findings(compiled);
  EXPECT_EQ(compiled.diagnostics[0].message, "jobs need each other in a circle: a -> b -> a");
}

TEST(Templates, MergeMapsDeeplyAndReplaceLists) {
  const Compiled compiled = compile_text(R"(
jobs:
  .base: { image: base, env: { A: base, B: base }, steps: [base] }
  .more: { extends: .base, env: { B: more }, labels: [x] }
  job: { extends: [.base, .more], env: { C: own }, steps: [own, own] }
)");
  const JobPlan* job = find_job(compiled, "job");
  ASSERT_NE(job, nullptr) << findings(compiled);
  EXPECT_EQ(job->image.name.source(), "base");
  std::map<std::string, std::string> env;
  for (const EnvEntry& entry : job->env[1]) env[entry.name] = entry.value.source();
  EXPECT_EQ(env, (std::map<std::string, std::string>{{"A", "base"}, {"B", "more"}, {"C", "own"}}));
  EXPECT_EQ(job->steps.size(), 2u);
  EXPECT_EQ(job->labels, Names{"x"});
}

TEST(Templates, MayHoldPartsThatOnlyTheirJobsComplete) {
  const Compiled compiled = compile_text(
      "jobs:\n  .t: { environment: { url: https://x }, steps: [x] }\n"
      "  a: { extends: .t, environment: { name: prod } }\n");
  EXPECT_EQ(findings(compiled), "");
  EXPECT_EQ(find_job(compiled, "a")->environment.name, "prod");
}

TEST(Include, FilesMergeUnderTheIncludingOne) {
  const Compiled compiled =
      FakeRepository()
          .with("ci/a.yml", "env: { A: a, B: a }\njobs: { lint: { steps: [a] } }\n")
          .with("ci/b.yml", "include: ci/c.yml\nenv: { B: b }\n")
          .with("ci/c.yml", "env: { C: c, B: c }\ndefaults: { image: deep }\n")
          .compile(
              "include: [ci/a.yml, ./ci/b.yml]\nenv: { A: own }\n"
              "jobs: { test: { needs: lint, steps: [x] } }\n");
  ASSERT_TRUE(compiled.plan) << findings(compiled);
  EXPECT_EQ(instances(compiled), (Names{"lint", "test"}));
  std::map<std::string, std::string> env;
  for (const EnvEntry& entry : compiled.plan->jobs[0].env[0])
    env[entry.name] = entry.value.source();
  EXPECT_EQ(env, (std::map<std::string, std::string>{{"A", "own"}, {"B", "b"}, {"C", "c"}}));
  EXPECT_EQ(compiled.plan->jobs[0].image.name.source(), "deep");
}

TEST(Include, InputsAreTypedAndStayDataInScripts) {
  const Compiled compiled =
      FakeRepository()
          .with("ci/go.yml",
                "inputs: { version: { type: string }, race: { default: false }, list: { default: "
                "[a] }, n: { default: 2 } }\n"
                "jobs:\n  go:\n    env: { GO: \"go-${{ inputs.version }}\" }\n    timeout: ${{ "
                "inputs.n }}m\n"
                "    interruptible: ${{ inputs.race }}\n    labels: ${{ inputs.list }}\n"
                "    if: inputs.race == true && event != 'inputs.race'\n"
                "    steps: [\"go test ${{ inputs.version }}\"]\n")
          .compile(
              "include: { file: ci/go.yml, with: { version: \"1.20'; rm -rf /\", race: true, list: "
              "[x, y] } }\n");
  const JobPlan* job = find_job(compiled, "go");
  ASSERT_NE(job, nullptr) << findings(compiled);
  EXPECT_EQ(job->env[1][0].value.source(), "go-1.20'; rm -rf /");
  EXPECT_EQ(job->timeout, std::chrono::minutes(2));
  EXPECT_TRUE(job->interruptible);
  EXPECT_EQ(job->labels, (Names{"x", "y"}));
  EXPECT_EQ(job->condition->text(), "true == true && event != 'inputs.race'");
  EXPECT_EQ(job->steps[0].script.text.find("rm"), std::string::npos);
  ASSERT_EQ(job->steps[0].script.variables.size(), 1u);
  EXPECT_EQ(job->steps[0].script.variables[0].expression.evaluate({})->to_text(),
            "1.20'; rm -rf /");
}

TEST(Include, JobsOfOtherFilesMayStandBesideSteps) {
  const FakeRepository repository = FakeRepository().with(
      "ci/lint.yml", "jobs: { lint: { steps: [x] }, default: { steps: [x] } }\n");
  EXPECT_NE(findings(repository.compile("include: ci/lint.yml\nsteps: [y]\n")).find("already"),
            std::string::npos);
  EXPECT_EQ(instances(FakeRepository()
                          .with("ci/lint.yml", "jobs: { lint: { steps: [x] } }\n")
                          .compile("include: ci/lint.yml\nsteps: [y]\n")),
            (Names{"lint", "default"}));
}

TEST(Include, DepthAndCountAreBounded) {
  FakeRepository deep;
  for (int level = 0; level < 20; ++level)
    deep.with("f" + std::to_string(level), "include: f" + std::to_string(level + 1) + "\n");
  EXPECT_NE(findings(deep.compile("include: f0\nsteps: [x]\n")).find("nested deeper than 8"),
            std::string::npos);
  FakeRepository wide;
  std::string text = "steps: [x]\ninclude:\n";
  for (int file = 0; file < 70; ++file) {
    wide.with("w" + std::to_string(file), "env: { A: x }\n");
    text += "  - w" + std::to_string(file) + "\n";
  }
  EXPECT_NE(findings(wide.compile(text)).find("more than 64 included files"), std::string::npos);
}

TEST(Include, NeverAsksForAPathOutsideTheRepository) {
  for (const char* path :
       {"../a", "/etc/passwd", "a/../../b", "a/..", ".", "\"a\\\\..\\\\b\"", "\"\""}) {
    CompileRequest request;
    request.file = {"ci.yml", "steps: [x]\ninclude: " + std::string(path) + "\n"};
    bool asked = false;
    request.include = [&](const std::string&) -> Result<SourceFile> {
      asked = true;
      return fail(ErrorCode::kNotFound, "no");
    };
    EXPECT_FALSE(compile(request).plan) << path;
    EXPECT_FALSE(asked) << path;
  }
}

struct TriggerCase {
  const char* on;
  Event event;
  bool triggered;
};

TEST(Triggers, FollowEventBranchTagAndPaths) {
  const TriggerCase cases[] = {
      {"", {.name = "push", .branch = "x"}, true},
      {"", {.name = "pull-request"}, true},
      {"", {.name = "manual"}, true},
      {"", {.name = "tag", .tag = "v1"}, false},
      {"on: push\n", {.name = "push"}, true},
      {"on: [push, tag]\n", {.name = "manual"}, false},
      {"on: { push: { branches: [main, \"release/**\"] } }\n",
       {.name = "push", .branch = "main"},
       true},
      {"on: { push: { branches: [main, \"release/**\"] } }\n",
       {.name = "push", .branch = "release/1/2"},
       true},
      {"on: { push: { branches: [main] } }\n", {.name = "push", .branch = "feature"}, false},
      {"on: { push: { branches: [\"!wip/**\"] } }\n", {.name = "push", .branch = "feature"}, true},
      {"on: { push: { branches: [\"!wip/**\"] } }\n", {.name = "push", .branch = "wip/a"}, false},
      {"on: { push: }\n", {.name = "push"}, true},
      {"on: { push: false }\n", {.name = "push"}, false},
      {"on: { tag: [\"v*\"] }\n", {.name = "tag", .tag = "v1.2"}, true},
      {"on: { tag: [\"v*\"] }\n", {.name = "tag", .tag = "beta"}, false},
      {"on: { pull-request: { branches: [main] } }\n",
       {.name = "pull-request", .target_branch = "main"},
       true},
      {"on: { pull-request: { branches: [main] } }\n",
       {.name = "pull-request", .target_branch = "dev"},
       false},
      {"on: { cron: [\"H 3 * * *\"] }\n", {.name = "cron"}, true},
      {"on: { push: { paths: [\"src/**\", \"!**/*.md\"] } }\n",
       {.name = "push", .changed_paths = {"src/a.md", "doc/x"}, .changed_known = true},
       false},
      {"on: { push: { paths: [\"src/**\", \"!**/*.md\"] } }\n",
       {.name = "push", .changed_paths = {"src/a.md", "src/x"}, .changed_known = true},
       true},
      {"on: { push: { paths: [\"src/**\"] } }\n", {.name = "push"}, true},
  };
  for (const TriggerCase& one : cases) {
    const Compiled compiled = compile_text(one.on + std::string("steps: [x]\n"), one.event);
    ASSERT_TRUE(compiled.plan) << findings(compiled);
    EXPECT_EQ(compiled.plan->triggered, one.triggered) << one.on << one.event.name;
  }
}

TEST(Inputs, WithoutValueAreNamedForWhoStartsTheRun) {
  const std::string text =
      "on: { push: , manual: { inputs: { level: { options: [a, b] } } } }\nsteps: [\"${{ "
      "inputs.level }}\"]\n";
  EXPECT_EQ(compile_text(text).plan->missing_inputs, Names{"level"});
  EXPECT_EQ(compile_text(text, {.inputs = {{"level", "a"}}}).plan->missing_inputs, Names{});
  EXPECT_EQ(compile_text(text, {.name = "push"}).plan->missing_inputs, Names{});
}

TEST(Inputs, OfAManualRunAreCheckedAndHaveDefaults) {
  const std::string text =
      "on: { manual: { inputs: { level: { default: fast, options: [fast, full] }, n: { type: "
      "number, default: 3 } } } }\n"
      "steps: [\"echo ${{ inputs.level }}\"]\n";
  const Compiled plain = compile_text(text);
  ASSERT_TRUE(plain.plan) << findings(plain);
  const Value roots = base_context({}, &plain.plan->jobs[0]);
  EXPECT_EQ(roots.find("inputs")->to_json().dump(), R"({"level":"fast","n":3})");
  const Compiled given = compile_text(text, {.inputs = {{"level", "full"}, {"n", "7"}}});
  EXPECT_EQ(given.plan->jobs[0].inputs.to_json().dump(), R"({"level":"full","n":7})");
  EXPECT_NE(
      findings(compile_text(text, {.inputs = {{"level", "slow"}}})).find("cannot be \"slow\""),
      std::string::npos);
  EXPECT_NE(
      findings(compile_text(text, {.inputs = {{"levle", "full"}}})).find("did you mean \"level\"?"),
      std::string::npos);
  EXPECT_NE(findings(compile_text(text, {.inputs = {{"n", "many"}}})).find("expects a number"),
            std::string::npos);
}

TEST(BaseContext, HoldsWhatIsKnownBeforeTheRun) {
  const Event event{.name = "push", .branch = "main", .sha = "abc", .repository = "team/app"};
  const Value roots = base_context(event, nullptr);
  EXPECT_EQ(roots.find("event")->to_text(), "push");
  EXPECT_EQ(roots.find("branch")->to_text(), "main");
  EXPECT_EQ(roots.find("sha")->to_text(), "abc");
  EXPECT_EQ(roots.find("repository")->to_text(), "team/app");
  EXPECT_NE(roots.find("matrix")->map(), nullptr);
  EXPECT_EQ(roots.find("secrets"), nullptr);
}

}  // namespace
}  // namespace slipway::pipeline
