// The ways a container can end are told apart.
#include <signal.h>

#include "tests/sandbox/container_fixture.h"

namespace slipway::sandbox {
namespace {

using Kind = Outcome::Kind;

class ContainerOutcome : public ContainerTest {};

TEST_F(ContainerOutcome, IsTheExitCode) {
  const Ran ran = run_argv({"probe", "exit", "3"});
  EXPECT_EQ(ran.outcome.kind, Kind::kExited) << ran.outcome.describe();
  EXPECT_EQ(ran.outcome.code, 3);
  EXPECT_EQ(ran.outcome.describe(), "exit code 3");
}

TEST_F(ContainerOutcome, IsSuccessForZero) { EXPECT_TRUE(run_argv({"true"}).outcome.success()); }

TEST_F(ContainerOutcome, IsTheSignal) {
  const Ran ran = run_argv({"probe", "raise", "11"});
  EXPECT_EQ(ran.outcome.kind, Kind::kSignalled);
  EXPECT_EQ(ran.outcome.describe(), "killed by SIGSEGV");
  EXPECT_EQ(ran.outcome.shell_code(), 139);
}

TEST_F(ContainerOutcome, IsTimedOutAtTheDeadline) {
  const Ran ran = run(spec({"probe", "ignore-signals"}), Millis(30));
  EXPECT_EQ(ran.outcome.kind, Kind::kTimedOut);
  EXPECT_EQ(ran.outcome.shell_code(), 124);
}

TEST_F(ContainerOutcome, IsOutOfMemoryWhenTheKernelKilledWithinTheLimit) {
  ContainerSpec wanted = spec({"probe", "hog", "256"});
  wanted.limits.memory = 32_MiB;
  const Ran ran = run(wanted);
  EXPECT_EQ(ran.outcome.kind, Kind::kOutOfMemory) << ran.outcome.describe() << ran.out;
  EXPECT_EQ(ran.outcome.shell_code(), 137);
}

TEST_F(ContainerOutcome, SaysWhatWasUsed) {
  const Ran ran = run_argv({"probe", "hog", "20"});
  EXPECT_GT(ran.outcome.peak_memory, 10_MiB);
  EXPECT_GT(ran.outcome.cpu_user.count() + ran.outcome.cpu_system.count(), 0);
  EXPECT_GT(ran.outcome.wall.count(), 0);
}

TEST_F(ContainerOutcome, OfAForkBombIsBoundedByThePidsLimit) {
  ContainerSpec wanted = spec({"probe", "fork-many", "500"});
  wanted.limits.pids = 20;
  const Ran ran = run(wanted);
  EXPECT_TRUE(ran.outcome.success());
  EXPECT_EQ(ran.out,
            "18 Resource temporarily unavailable\n");  // Init and the command are the other two.
}

TEST_F(ContainerOutcome, IsASignalWhenTheContainerIsKilledFromOutside) {
  auto container = engine_->start(spec({"probe", "ignore-signals"}));
  ASSERT_TRUE(container) << container.error().text();
  ASSERT_TRUE((*container)->signal(SIGKILL));
  const Outcome outcome = (*container)->wait(CancelToken(), std::nullopt, {});
  EXPECT_EQ(outcome.kind, Kind::kSignalled);
  EXPECT_EQ(outcome.signal, SIGKILL);
}

}  // namespace
}  // namespace slipway::sandbox
