// Restart policies: when, after how long, and who has the last word.
#include "sandbox/containers/restart.h"

#include <signal.h>

#include "tests/sandbox/containers/containers_fixture.h"

namespace slipway::sandbox {
namespace {

constexpr RestartPolicy kAlways{RestartPolicy::Kind::kAlways, 0};

TEST(RestartDecision, WaitsTwiceAsLongEachTimeUpToAMinute) {
  Restarter restarter;
  const RunEnd soon{1, Millis(50), false};
  std::vector<std::int64_t> delays;
  for (int i = 0; i < 12; ++i) delays.push_back(restarter.next(kAlways, i, soon)->count());
  EXPECT_EQ(delays, (std::vector<std::int64_t>{100, 200, 400, 800, 1600, 3200, 6400, 12800, 25600,
                                               51200, 60000, 60000}));
  EXPECT_EQ(restarter.next(kAlways, 12, {1, Millis(10'000), false})->count(), 100);
}

TEST(RestartDecision, OnFailureCountsAndSparesSuccess) {
  const RestartPolicy policy{RestartPolicy::Kind::kOnFailure, 2};
  Restarter restarter;
  EXPECT_FALSE(restarter.next(policy, 0, {0, Millis(1), false}));
  EXPECT_TRUE(restarter.next(policy, 0, {1, Millis(1), false}));
  EXPECT_TRUE(restarter.next(policy, 1, {1, Millis(1), false}));
  EXPECT_FALSE(restarter.next(policy, 2, {1, Millis(1), false}));
}

TEST(RestartDecision, NothingRestartsWhatAPersonStopped) {
  Restarter restarter;
  EXPECT_FALSE(restarter.next(kAlways, 0, {137, Millis(1), true}));
  EXPECT_FALSE(restarter.next({RestartPolicy::Kind::kNo, 0}, 0, {1, Millis(1), false}));
  EXPECT_TRUE(restarts_after_crash(kAlways, true));
  EXPECT_FALSE(restarts_after_crash({RestartPolicy::Kind::kUnlessStopped, 0}, true));
  EXPECT_TRUE(restarts_after_crash({RestartPolicy::Kind::kUnlessStopped, 0}, false));
  EXPECT_FALSE(restarts_after_crash({RestartPolicy::Kind::kNo, 0}, false));
}

using ContainersRestart = ContainersTest;

TEST_F(ContainersRestart, OnFailureTriesAsOftenAsAsked) {
  ContainerConfig wanted = shell("echo x >> /tmp/runs; wc -l /tmp/runs; exit 7");
  wanted.restart = {RestartPolicy::Kind::kOnFailure, 2};
  const std::string id = run(wanted);
  EXPECT_EQ(wait(id), 7);
  EXPECT_EQ(logs(id), "1 /tmp/runs\n2 /tmp/runs\n3 /tmp/runs\n");
  EXPECT_EQ(state(id).restart_count, 2);
  EXPECT_EQ(state(id).status, ContainerStatus::kExited);
}

TEST_F(ContainersRestart, StopEndsTheWaitingForTheNextRun) {
  ContainerConfig wanted = shell("exit 1");
  wanted.restart = kAlways;
  const std::string id = create(wanted);
  EXPECT_TRUE(containers_->wait(id, WaitCondition::kNextExit, CancelToken(), [&] { start(id); }));
  EXPECT_TRUE(containers_->stop(id, std::nullopt));
  EXPECT_EQ(wait(id), 1);
  EXPECT_EQ(state(id).status, ContainerStatus::kExited);
}

TEST_F(ContainersRestart, AKilledOneStaysDown) {
  ContainerConfig wanted = config({"sleep", "1000"});
  wanted.restart = kAlways;
  const std::string id = run(wanted);
  EXPECT_TRUE(containers_->kill(id, SIGKILL));
  EXPECT_EQ(wait(id), 137);
  EXPECT_EQ(state(id).status, ContainerStatus::kExited);
}

TEST_F(ContainersRestart, RestartGivesANewProcess) {
  const std::string id = run(config({"sleep", "1000"}));
  const int before = state(id).pid;
  EXPECT_TRUE(containers_->restart(id, Millis(0)));
  EXPECT_EQ(state(id).status, ContainerStatus::kRunning);
  EXPECT_NE(state(id).pid, before);
  EXPECT_TRUE(containers_->stop(id, Millis(0)));
  EXPECT_TRUE(containers_->restart(id, Millis(0)));
  EXPECT_EQ(state(id).status, ContainerStatus::kRunning);
}

TEST_F(ContainersRestart, UpdateChangesThePolicyOfARunningOne) {
  ContainerConfig wanted = config({"sleep", "1000"});
  const std::string id = run(wanted);
  EXPECT_TRUE(
      containers_->update(id, wanted.limits, RestartPolicy{RestartPolicy::Kind::kAlways, 0}));
  EXPECT_EQ(containers_->inspect(id)->config.restart.str(), "always");
  const std::string removed = create([] {
    ContainerConfig once = config({"true"});
    once.auto_remove = true;
    return once;
  }());
  EXPECT_FALSE(containers_->update(removed, wanted.limits, kAlways));
}

}  // namespace
}  // namespace slipway::sandbox
