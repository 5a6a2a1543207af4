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

}  // namespace
}  // namespace slipway::sandbox
