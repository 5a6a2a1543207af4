// compile() on sound files: what the plan says.
#include <gtest/gtest.h>

#include "tests/pipeline/compile_support.h"

namespace slipway::pipeline {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

TEST(Compile, TheShortestPipelineIsOneJobOnTheHost) {
  const Compiled compiled = compile_text("steps:\n  - make test\n");
  ASSERT_TRUE(compiled.plan) << findings(compiled);
  EXPECT_EQ(compiled.plan->name, "ci");
  ASSERT_EQ(compiled.plan->jobs.size(), 1u);
  const JobPlan& job = compiled.plan->jobs.front();
  EXPECT_EQ(job.name, "default");
  EXPECT_EQ(job.instance, "default");
  EXPECT_TRUE(job.image.is_host());
  ASSERT_EQ(job.steps.size(), 1u);
  EXPECT_EQ(job.steps[0].id, "step-1");
  EXPECT_EQ(job.steps[0].name, "make test");
  EXPECT_EQ(job.steps[0].script.text, "make test");
  EXPECT_TRUE(job.matrix.is_null());
}

constexpr const char* kEveryKey = R"(
name: ci
on:
  push: { branches: [main, "release/**"], paths: ["src/**", "!**/*.md"] }
  pull-request: { branches: [main] }
  tag: ["v*"]
  cron: ["H 3 * * * Europe/Paris"]
  manual: { inputs: { level: { default: fast, options: [fast, full] } } }
env: { CI_COLOR: "1" }
defaults: { image: debian:bookworm, shell: bash, timeout: 30m }
concurrency: { group: "deploy-${{ branch }}", policy: cancel }
include:
  - ci/common.yml
jobs:
  lint: { steps: [./lint] }
  build:
    image: { name: gcc:13, pull: always, user: "1000", platform: linux/amd64, entrypoint: [/init] }
    if: event != 'tag'
    paths: ["src/**"]
    extends: .base
    needs: [lint]
    matrix:
      compiler: [gcc, clang]
      os: [new, old]
      exclude: [{ compiler: clang, os: old }]
      max-parallel: 4
      fail-fast: false
    labels: [linux, x86_64]
    resources: { cpus: 2, memory: 2g, pids: 512, disk: 10g }
    network: none
    docker: true
    timeout: 20m
    retry: { max: 2, when: [agent-lost, timeout, exit: [75]] }
    allow-failure: { exit: [42] }
    interruptible: true
    environment: { name: production, url: https://app.example.com }
    approve: { by: [ops] }
    lock: production
    secrets: [NPM_TOKEN, { name: KEY, as: SIGNING_KEY, file: true }]
    services:
      db:
        { image: postgres:16, env: { POSTGRES_PASSWORD: x }, ready: { tcp: 5432, within: 20s },
          command: "postgres -c 'a b'", alias: sql, memory: 1g }
    cache:
      - { key: "npm-${{ hash('package-lock.json') }}", fallback: ["npm-"], paths: [node_modules], policy: pull }
    steps:
      - make -j2
      - name: tests
        id: tests
        run: |
          ./run-tests --junit out.xml
          echo "count=42" >> "$SLIPWAY_OUTPUT"
        image: other:tag
        env: { A: "${{ matrix.compiler }}" }
        workdir: sub/dir
        shell: sh
        timeout: 5m
        if: ${{ changed('src/**') }}
        memo: true
      - id: image
        build: { context: ., file: Dockerfile, tags: "registry.example.com/app:${{ sha }}",
                 push: true, args: { V: 1.10 } }
      - artifact: { push: "registry.example.com/app-files:${{ sha }}", paths: [dist] }
      - deploy: { app: shop, image: "${{ steps.image.digest }}" }
      - { run: ./cleanup, always: true }
      - { run: ./report, on-failure: true }
    outputs: { count: "${{ steps.tests.count }}" }
    artifacts: { paths: [dist/**], exclude: ["**/*.o"], expire: 7d, when: always,
                 reports: { junit: out.xml, coverage: cov.xml } }
  notify:
    needs: [build]
    always: true
    steps: ["echo ${{ needs.build.result }} ${{ needs.build.outputs.count }}"]
  ship:
    deploy:
      app: shop
      build: { context: . }
      processes:
        web: { replicas: 2, port: 8080, memory: 512m }
        worker: { run: ./work, replicas: 1 }
      env: { MODE: prod }
      release: { run: ./manage migrate, timeout: 10m }
      route: { hosts: [shop.example.com], path: /, tls: auto }
      health: { http: /up, every: 1s, timeout: 5s, within: 30s, successes: 2 }
      strategy: { type: blue-green, drain: 30s, stop-grace: 30s }
      watch: { for: 2m, rollback-if: { errors-over: 5%, restarts-over: 2 } }
      keep: 5
      preview: { branches: "feature/**", host: "{branch}.preview.example.com", ttl: 72h, max: 10 }
)";

Compiled compile_every_key() {
  return FakeRepository()
      .with("ci/common.yml", "jobs: { .base: { env: { B: base }, labels: [ignored] } }\n")
      .compile(kEveryKey);
}

TEST(Compile, TheWholeLanguageIsUnderstood) {
  const Compiled compiled = compile_every_key();
  ASSERT_TRUE(compiled.plan) << findings(compiled);
  EXPECT_EQ(findings(compiled), "");
  std::vector<std::string> names;
  for (const JobPlan& job : compiled.plan->jobs) names.push_back(job.instance);
  EXPECT_EQ(names, (std::vector<std::string>{"lint", "build (gcc, new)", "build (gcc, old)",
                                             "build (clang, new)", "notify", "ship"}));
  ASSERT_TRUE(compiled.plan->concurrency);
  EXPECT_EQ(compiled.plan->concurrency->policy, ConcurrencyPolicy::kCancel);
  EXPECT_EQ(compiled.plan->concurrency->group.source(), "deploy-${{ branch }}");
}

TEST(Compile, JobKeysReachThePlan) {
  const Compiled compiled = compile_every_key();
  const JobPlan* job = find_job(compiled, "build (gcc, old)");
  ASSERT_NE(job, nullptr);
  EXPECT_EQ(job->image.name.source(), "gcc:13");
  EXPECT_EQ(job->image.pull, PullPolicy::kAlways);
  EXPECT_EQ(job->image.user, "1000");
  EXPECT_EQ(job->image.entrypoint, (std::vector<std::string>{"/init"}));
  EXPECT_EQ(job->matrix.find("os")->to_text(), "old");
  EXPECT_EQ(job->max_parallel, 4);
  EXPECT_FALSE(job->fail_fast);
  EXPECT_EQ(job->labels, (std::vector<std::string>{"linux", "x86_64"}));
  EXPECT_EQ(job->resources.cpus, 2.0);
  EXPECT_EQ(job->resources.memory, 2_GiB);
  EXPECT_EQ(job->resources.pids, 512);
  EXPECT_EQ(job->network, NetworkMode::kNone);
  EXPECT_TRUE(job->docker_socket);
  EXPECT_EQ(job->timeout, minutes(20));
  EXPECT_EQ(job->retry.max, 2);
  EXPECT_EQ(job->retry.when, (std::vector<std::string>{"agent-lost", "timeout"}));
  EXPECT_EQ(job->retry.exit_codes, std::vector<int>{75});
  EXPECT_FALSE(job->allow_failure.any);
  EXPECT_EQ(job->allow_failure.exit_codes, std::vector<int>{42});
  EXPECT_TRUE(job->interruptible);
  EXPECT_EQ(job->environment.name, "production");
  EXPECT_EQ(job->environment.url.source(), "https://app.example.com");
  EXPECT_EQ(job->approvers, std::vector<std::string>{"ops"});
  EXPECT_EQ(job->lock, "production");
  EXPECT_EQ(job->paths, std::vector<std::string>{"src/**"});
  ASSERT_TRUE(job->condition);
  EXPECT_EQ(job->condition->text(), "event != 'tag'");
  EXPECT_EQ(find_job(compiled, "lint")->timeout, minutes(30));
}

TEST(Compile, WhatStandsBesideTheStepsReachesThePlan) {
  const Compiled compiled = compile_every_key();
  const JobPlan* job = find_job(compiled, "build (gcc, new)");
  ASSERT_NE(job, nullptr);
  ASSERT_EQ(job->secrets.size(), 2u);
  EXPECT_EQ(job->secrets[0].as, "NPM_TOKEN");
  EXPECT_EQ(job->secrets[1].name, "KEY");
  EXPECT_EQ(job->secrets[1].as, "SIGNING_KEY");
  EXPECT_TRUE(job->secrets[1].file);
  ASSERT_EQ(job->services.size(), 1u);
  const ServicePlan& db = job->services.front();
  EXPECT_EQ(db.name, "db");
  EXPECT_EQ(db.aliases, std::vector<std::string>{"sql"});
  EXPECT_EQ(db.command, (std::vector<std::string>{"postgres", "-c", "a b"}));
  EXPECT_EQ(db.resources.memory, 1_GiB);
  EXPECT_EQ(db.ready->target, "5432");
  EXPECT_EQ(db.ready->within, seconds(20));
  ASSERT_EQ(job->caches.size(), 1u);
  EXPECT_EQ(job->caches[0].policy, CachePolicy::kPull);
  EXPECT_EQ(job->caches[0].paths, std::vector<std::string>{"node_modules"});
  EXPECT_EQ(job->artifacts.when, ArtifactsWhen::kAlways);
  EXPECT_EQ(job->artifacts.expire, hours(24 * 7));
  EXPECT_EQ(job->artifacts.reports.at("junit"), std::vector<std::string>{"out.xml"});
  ASSERT_EQ(job->outputs.size(), 1u);
  EXPECT_EQ(job->outputs[0].name, "count");
}

TEST(Compile, StepsHaveTheirKindsTimesAndConditions) {
  const Compiled compiled = compile_every_key();
  const JobPlan* job = find_job(compiled, "build (gcc, new)");
  ASSERT_NE(job, nullptr);
  ASSERT_EQ(job->steps.size(), 7u);
  const StepPlan& tests = job->steps[1];
  EXPECT_EQ(tests.id, "tests");
  EXPECT_EQ(tests.image->name.source(), "other:tag");
  EXPECT_EQ(tests.workdir.source(), "sub/dir");
  EXPECT_EQ(tests.shell, "sh");
  EXPECT_EQ(tests.timeout, minutes(5));
  EXPECT_TRUE(tests.memo);
  EXPECT_EQ(tests.condition->text(), "changed('src/**')");
  EXPECT_EQ(job->steps[0].shell, "bash");
  EXPECT_EQ(job->steps[2].kind, StepKind::kBuild);
  EXPECT_EQ(job->steps[2].settings.to_json().dump(),
            R"({"context":".","file":"Dockerfile","tags":["registry.example.com/app:${{ sha }}"],)"
            R"("push":true,"args":{"V":"1.10"}})");
  EXPECT_EQ(job->steps[3].kind, StepKind::kArtifact);
  EXPECT_EQ(job->steps[4].kind, StepKind::kDeploy);
  EXPECT_EQ(job->steps[5].when, StepWhen::kAlways);
  EXPECT_EQ(job->steps[6].when, StepWhen::kOnFailure);
  const JobPlan* ship = find_job(compiled, "ship");
  ASSERT_EQ(ship->steps.size(), 1u);
  EXPECT_EQ(ship->steps[0].kind, StepKind::kDeploy);
  EXPECT_EQ(*ship->steps[0].settings.find("processes")->find("web")->find("port"), Value(8080));
}

TEST(Compile, EnvLayersGoFromPipelineToJobWithTemplatesBelow) {
  const Compiled compiled = compile_every_key();
  const JobPlan* job = find_job(compiled, "build (gcc, new)");
  ASSERT_NE(job, nullptr);
  ASSERT_EQ(job->env.size(), 2u);
  EXPECT_EQ(job->env[0][0].name, "CI_COLOR");
  EXPECT_EQ(job->env[1][0].name, "B");
  EXPECT_EQ(compiled.sources[static_cast<std::size_t>(job->env[1][0].origin.file)].path,
            "ci/common.yml");
}

TEST(Compile, NeedsOfAMatrixJobAreAllItsInstances) {
  const Compiled compiled = compile_every_key();
  const JobPlan* notify = find_job(compiled, "notify");
  ASSERT_NE(notify, nullptr);
  std::vector<std::size_t> indexes;
  for (const Need& need : notify->needs) indexes.push_back(need.job);
  EXPECT_EQ(indexes, (std::vector<std::size_t>{1, 2, 3}));
  EXPECT_TRUE(notify->run == RunPolicy::kAlways);
}

TEST(Compile, NamesAndLocksMayUseWhatIsKnownBeforeTheRun) {
  const Compiled compiled = compile_text(
      "jobs:\n  a:\n    matrix: { os: [one, two] }\n    lock: \"lock-${{ matrix.os }}\"\n"
      "    environment: \"${{ branch }}-${{ matrix.os }}\"\n    steps: [{ name: \"on ${{ matrix.os "
      "}}\", run: x }]\n",
      {.branch = "main"});
  const JobPlan* job = find_job(compiled, "a (two)");
  ASSERT_NE(job, nullptr) << findings(compiled);
  EXPECT_EQ(job->lock, "lock-two");
  EXPECT_EQ(job->environment.name, "main-two");
  EXPECT_EQ(job->steps[0].name, "on two");
}

TEST(Compile, EachMistakeIsShownOnceHoweverManyJobsRepeatIt) {
  std::string text = "jobs:\n  .t: { steps: [\"echo ${{ oops }}\"], tiemout: 5m }\n";
  for (int job = 0; job < 50; ++job) text += "  j" + std::to_string(job) + ": { extends: .t }\n";
  EXPECT_EQ(compile_text(text).diagnostics.size(), 2u);
}

TEST(Compile, FindingsAreCutAtAHundred) {
  std::string text = "steps: [x]\n";
  for (int key = 0; key < 500; ++key) text += "key" + std::to_string(key) + ": 1\n";
  const Compiled compiled = compile_text(text);
  ASSERT_EQ(compiled.diagnostics.size(), 101u);
  EXPECT_EQ(compiled.diagnostics.back().message, "400 more findings are not shown");
}

TEST(Compile, AThousandJobsCompileAndOneMoreIsRefused) {
  const auto chain = [](int count) {
    std::string text = "jobs:\n  j0: { steps: [x] }\n";
    for (int job = 1; job < count; ++job)
      text += "  j" + std::to_string(job) + ": { needs: j" + std::to_string(job - 1) +
              ", steps: [x] }\n";
    return text;
  };
  const Compiled fits = compile_text(chain(1000));
  ASSERT_TRUE(fits.plan) << findings(fits);
  EXPECT_EQ(fits.plan->jobs.size(), 1000u);
  const Compiled over = compile_text(chain(1001));
  EXPECT_NE(findings(over).find("more than 1,000 jobs"), std::string::npos);
}

TEST(Compile, TemplatesCannotFillTheMemory) {
  std::string text = "jobs:\n  .t: { steps: ['" + std::string(200'000, 'x') + "'] }\n";
  for (int job = 0; job < 900; ++job) text += "  j" + std::to_string(job) + ": { extends: .t }\n";
  EXPECT_NE(findings(compile_text(text)).find("expand to more than 16 MiB"), std::string::npos);
  std::string diamond =
      "jobs:\n  .t0: { steps: [x], env: { A: '" + std::string(1000, 'x') + "' } }\n";
  for (int level = 1; level < 15; ++level) {
    const std::string below = ".t" + std::to_string(level - 1);
    diamond += "  .t" + std::to_string(level) + ": { extends: [" + below;
    for (int copy = 0; copy < 9; ++copy) diamond += ", " + below;
    diamond += "] }\n";
  }
  EXPECT_NE(findings(compile_text(diamond + "  a: { extends: .t14 }\n")).find("16 MiB"),
            std::string::npos);
}

}  // namespace
}  // namespace slipway::pipeline
