// Services by the real program: who reaches whom, when a job may start, and what is left.
#include <signal.h>

#include "tests/runner/execute/image_fixture.h"
#include "tests/support/program.h"

namespace slipway::runner {
namespace {

constexpr const char* kHead = "defaults: { image: busybox, shell: sh }\n";

class Services : public ImageExecTest {
 protected:
  void SetUp() override {
    ExecTest::SetUp();
    if (::geteuid() != 0)
      GTEST_SKIP() << "an ordinary user's networks are tested in the sandbox room";
  }
  std::string networks() const { return runner("network ls --format '{{.Name}}'").out; }
};

TEST_F(Services, AreReachedByNameAndAliasWithTheirOwnEnvironmentAndUser) {
  const Ran ran = exec(std::string(kHead) + R"yml(
jobs:
  a:
    env: { TOPIC: weather }
    services:
      web:
        image: busybox
        command: [httpd, -f, -p, "8080", -h, /www]
        alias: [www, site--alias]
        ready: { http: 8080/index.html }
      db:
        image: busybox
        env: { GREETING: "hello about ${{ env.TOPIC }}" }
        entrypoint: [sh, -c]
        command: ['while :; do echo "$GREETING $(id -u)" | nc -l -p 5432; done']
        user: app
        ready: { tcp: 5432, every: 10ms }
    steps:
      - wget -q -O - http://web:8080/ && wget -q -O - http://www:8080/ && wget -q -O - http://site--alias:8080/
      - nc db 5432
)yml");
  EXPECT_EQ(ran.code, 0) << ran.all();
  const std::string hello = "hello from the service\n";
  EXPECT_TRUE(has(ran.all(), hello + hello + hello)) << ran.all();
  EXPECT_TRUE(has(ran.all(), "hello about weather 1000")) << ran.all();
  EXPECT_TRUE(has(ran.all(), "service web is ready after")) << ran.all();
  EXPECT_FALSE(has(networks(), "slipway-job-")) << networks();
}

TEST_F(Services, ACommandInsideDecidesAndItsFailureIsToldWithTheLastLines) {
  const Ran good = exec(std::string(kHead) + R"yml(
jobs:
  a:
    services:
      slow:
        image: busybox
        command: [sh, -c, 'sleep 0.2; touch /tmp/up; sleep 600']
        ready: { cmd: "test -e /tmp/up", every: 10ms }
    steps: ["true"]
)yml");
  EXPECT_EQ(good.code, 0) << good.all();
  const Ran bad = exec(std::string(kHead) + R"yml(
jobs:
  a:
    services:
      never:
        image: busybox
        command: [sh, -c, 'echo looking for its disk; sleep 600']
        ready: { cmd: "test -e /tmp/up", every: 10ms, within: 300ms }
    steps: [echo the job ran]
)yml");
  EXPECT_EQ(bad.code, 6) << bad.all();
  EXPECT_TRUE(has(bad.all(), "service never: not ready after 0.3s")) << bad.all();
  EXPECT_TRUE(has(bad.all(), "exit code 1")) << bad.all();
  EXPECT_TRUE(has(bad.all(), "last lines of service never:")) << bad.all();
  EXPECT_TRUE(has(bad.all(), "looking for its disk")) << bad.all();
  EXPECT_FALSE(has(bad.all(), "the job ran\n")) << bad.all();
}

TEST_F(Services, OneThatEndsBeforeItIsReadyFailsTheJobWithItsCode) {
  const Ran ran = exec(std::string(kHead) + R"yml(
jobs:
  a:
    services:
      db: { image: busybox, command: [sh, -c, 'echo no licence; exit 7'], ready: { tcp: 5432 } }
    steps: [echo the job ran]
)yml");
  EXPECT_EQ(ran.code, 3) << ran.all();
  EXPECT_TRUE(has(ran.all(), "service db: exit code 7 before it was ready")) << ran.all();
  EXPECT_TRUE(has(ran.all(), "no licence")) << ran.all();
  const Ran missing = exec(std::string(kHead) + R"yml(
jobs:
  a:
    services: { db: { image: busybox, command: [no-such-program] } }
    steps: [echo the job ran]
)yml");
  EXPECT_EQ(missing.code, 3) << missing.all();
  EXPECT_TRUE(has(missing.all(), "no-such-program")) << missing.all();
}

TEST_F(Services, OneThatEndsLaterIsNamedWhenTheJobFails) {
  const Ran ran = exec(std::string(kHead) + R"yml(
jobs:
  a:
    services:
      db:
        image: busybox
        command: [sh, -c, 'echo once | nc -l -p 5432; echo disk full; exit 4']
        ready: { cmd: "true" }
    steps: ["until nc db 5432; do sleep 0.01; done; until ! nc db 5432; do sleep 0.01; done; sleep 0.1; exit 1"]
)yml");
  EXPECT_EQ(ran.code, 1) << ran.all();
  EXPECT_TRUE(has(ran.all(), "service db ended: exit code 4")) << ran.all();
  EXPECT_TRUE(has(ran.all(), "disk full")) << ran.all();
}

TEST_F(Services, TheImagesHealthcheckCounts) {
  ASSERT_EQ(
      runner("create --name proto --health-cmd 'test -e /tmp/healthy' --health-interval 1s busybox "
             "sh -c 'sleep 0.1; touch /tmp/healthy; sleep 600'")
          .code,
      0);
  ASSERT_EQ(runner("commit proto checked").code, 0);
  ASSERT_EQ(runner("rm proto").code, 0);
  const auto all = events(std::string(kHead) + R"yml(
jobs:
  a: { services: { db: { image: checked } }, steps: ["true"] }
)yml");
  bool ready = false;
  for (const Json& event : all)
    ready |= has(std::string(event["line"].string_or("")), "service db is ready");
  EXPECT_TRUE(ready);
}

TEST_F(Services, TheirOutputIsAStreamOfItsOwnWithoutSecrets) {
  write("secrets", "TOKEN=very-secret-word\n");
  ASSERT_EQ(::chmod((project() + "/secrets").c_str(), 0600), 0);
  const auto all = events(std::string(kHead) + R"yml(
jobs:
  a:
    secrets: [TOKEN]
    services:
      db:
        image: busybox
        env: { PASSWORD: "${{ secrets.TOKEN }}" }
        command: [sh, -c, 'echo "password $PASSWORD"; touch /tmp/said; sleep 600']
        ready: { cmd: "test -e /tmp/said" }
    steps: ["true"]
)yml",
                          "--secret-file secrets");
  bool said = false;
  for (const Json& event : all) {
    EXPECT_FALSE(has(event.dump(), "very-secret-word")) << event.dump();
    said |= event["stream"].string_or("") == "service" && event["service"].string_or("") == "db" &&
            has(std::string(event["line"].string_or("")), "password ***");
  }
  EXPECT_TRUE(said);
}

TEST_F(Services, AreSeenByTheirOwnJobOnly) {
  const Ran ran = exec(std::string(kHead) + R"yml(
jobs:
  owner:
    services:
      db:
        image: busybox
        command: [sh, -c, 'while :; do echo reached | nc -l -p 5432; done']
        ready: { tcp: 5432 }
    steps: ["nc db 5432", "until nc outside 5432; do sleep 0.01; done"]
    timeout: 1500ms
    allow-failure: true
  stranger:
    services: { db2: { image: busybox, command: [sleep, "600"] } }
    steps: ["for i in $(seq 20); do if nslookup db; then exit 9; fi; sleep 0.02; done; echo no such name"]
)yml");
  EXPECT_EQ(ran.code, 0) << ran.all();
  EXPECT_TRUE(has(ran.all(), "no such name")) << ran.all();
}

TEST_F(Services, WithoutNetworkTheJobReachesThemAndNothingElse) {
  const Ran ran = exec(std::string(kHead) + R"yml(
jobs:
  a:
    network: none
    services:
      web: { image: busybox, command: [httpd, -f, -p, "80", -h, /www], ready: { tcp: 80 } }
    steps: ["wget -q -O - http://web/; if grep '00000000' /proc/net/route | grep -q '^[a-z0-9]*.00000000'; then exit 9; fi"]
)yml");
  EXPECT_EQ(ran.code, 0) << ran.all();
  EXPECT_TRUE(has(ran.all(), "hello from the service")) << ran.all();
}

TEST_F(Services, TheHostsNetworkAndTheDockerApiAreRefusedWithAReason) {
  const std::string services = "services: { db: { image: busybox, command: [sleep, '9'] } }";
  const Ran host = exec(
      std::string(kHead) + "jobs:\n  a: { network: host, " + services + ", steps: ['true'] }\n",
      "--allow-host-network");
  EXPECT_EQ(host.code, 3) << host.all();
  EXPECT_TRUE(has(host.all(), "services need a network of the job's own")) << host.all();
  const Ran docker = exec(std::string(kHead) + "jobs:\n  a: { docker: true, steps: ['true'] }\n");
  EXPECT_EQ(docker.code, 3) << docker.all();
  EXPECT_TRUE(has(docker.all(), "docker: true needs a Docker API")) << docker.all();
}

TEST_F(Services, WhatAKilledRunLeftIsTakenDownByTheNext) {
  write(".slipway.yml", std::string(kHead) + R"yml(
jobs:
  a:
    services: { db: { image: busybox, command: [sleep, "600"] } }
    steps: ["echo it runs now; sleep 600"]
)yml");
  {
    testing::Program program({"/bin/sh", "-c",
                              "cd " + shell_quote(project()) + " && exec " +
                                  testing::runner_program() + " exec --progress plain"},
                             {{"RUNNER_STATE", state()}, {"NO_COLOR", "1"}},
                             testing::Stdio::kPipes);
    ASSERT_TRUE(program.wait_for("\nit runs now"));
    EXPECT_TRUE(has(networks(), "slipway-job-"));
    program.signal(SIGKILL);
  }
  EXPECT_EQ(exec(std::string(kHead) + "jobs:\n  b: { steps: ['true'] }\n").code, 0);
  EXPECT_FALSE(has(networks(), "slipway-job-")) << networks();
}

}  // namespace
}  // namespace slipway::runner
