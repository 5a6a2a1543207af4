// runner convert: what is written is a native file with the same jobs.
#include <gtest/gtest.h>

#include <algorithm>

#include "pipeline/gitlab.h"

namespace slipway::pipeline {
namespace {

Compiled from_gitlab(const std::string& text) {
  GitlabRequest request;
  request.file = {".gitlab-ci.yml", text, {}};
  request.event.name = "push";
  request.event.branch = "main";
  return compile_gitlab(request);
}

struct RoundTrip {
  Compiled theirs;
  std::string text;
  Compiled ours;
};

RoundTrip convert(const std::string& text) {
  RoundTrip trip;
  trip.theirs = from_gitlab(text);
  EXPECT_TRUE(trip.theirs.plan) << render(trip.theirs.diagnostics, trip.theirs.sources,
                                          Colour::kNo);
  if (!trip.theirs.plan) return trip;
  trip.text = convert_gitlab(*trip.theirs.plan, trip.theirs.sources);
  CompileRequest request;
  request.file = {".slipway.yml", trip.text, {}};
  trip.ours = compile(request);
  EXPECT_TRUE(trip.ours.plan) << render(trip.ours.diagnostics, trip.ours.sources, Colour::kNo)
                              << trip.text;
  return trip;
}

std::vector<std::vector<std::size_t>> edges(const Plan& plan) {
  std::vector<std::vector<std::size_t>> all;
  for (const JobPlan& job : plan.jobs) {
    std::vector<std::size_t> needs;
    for (const Need& need : job.needs) needs.push_back(need.job);
    std::sort(needs.begin(), needs.end());
    all.push_back(std::move(needs));
  }
  return all;
}

TEST(Convert, KeepsJobsAndTheirOrder) {
  const RoundTrip trip = convert(R"yml(stages: [build, test]
default: { image: "debian:12", before_script: [echo before] }
variables: { GREETING: "hello $CI_COMMIT_BRANCH" }
compile:
  stage: build
  script: [make, 'echo "$GREETING" in $CI_COMMIT_SHA']
  artifacts: { paths: [out/], expire_in: 1 day }
"unit (fast)":
  parallel: { matrix: [{ CC: [gcc, clang] }] }
  script: [make test CC=$CC]
  retry: 2
  tags: [linux]
lint: { needs: [], script: make lint, allow_failure: { exit_codes: [3] }, after_script: [echo bye] }
deploy:
  stage: .post
  when: manual
  environment: { name: prod, url: "https://x" }
  script: ./deploy
  resource_group: prod
clean: { stage: .post, when: on_failure, script: ./clean }
)yml");
  ASSERT_TRUE(trip.ours.plan);
  ASSERT_EQ(trip.ours.plan->jobs.size(), trip.theirs.plan->jobs.size());
  EXPECT_EQ(edges(*trip.ours.plan), edges(*trip.theirs.plan)) << trip.text;
  EXPECT_NE(trip.text.find("was called unit (fast): [gcc]"), std::string::npos) << trip.text;
}

TEST(Convert, ScriptsKeepTheirTextAndVariablesTheirValue) {
  const RoundTrip trip =
      convert("j: { variables: { A: 'a ${{ b', C: '$$x' }, script: ['echo \"${{ no }}\" $A'] }\n");
  ASSERT_TRUE(trip.ours.plan);
  const JobPlan& job = trip.ours.plan->jobs.front();
  EXPECT_EQ(job.steps.front().script.variables.size(), 0U) << trip.text;
  std::vector<std::string> values;
  for (const EnvLayer& layer : job.env)
    for (const EnvEntry& entry : layer)
      values.push_back(entry.name + "=" + entry.value.evaluate_text({}).value_or("?"));
  EXPECT_EQ(values, (std::vector<std::string>{"A=a ${{ b", "C=$x"}));
}

TEST(Convert, SaysWhatTheNativeFileHasNoWordFor) {
  const RoundTrip trip = convert(
      "j:\n  script: echo\n  when: delayed\n  start_in: 1 hour\n  coverage: /x(\\d+)/\n  release: "
      "{ tag_name: v1, description: d }\n"
      "  services: [redis:7]\n  cache: { key: { files: [a, b], prefix: p }, paths: [x], untracked: "
      "true }\n"
      "  artifacts: { untracked: true, reports: { dotenv: b.env, junit: j.xml } }\n"
      "c: { trigger: { include: child.yml } }\n");
  for (const char* said : {"after its needs", "is not read from the log", "release:", "ready:",
                           "untracked", "SLIPWAY_OUTPUT", "started a child pipeline of child.yml"})
    EXPECT_NE(trip.text.find(said), std::string::npos) << said << "\n" << trip.text;
}

}  // namespace
}  // namespace slipway::pipeline
