// Further processes in a running container, and the health checks made of them.
#include <signal.h>
#include <sys/socket.h>

#include "base/text.h"
#include "sandbox/containers/health.h"
#include "tests/sandbox/containers/containers_fixture.h"

namespace slipway::sandbox {
namespace {

class ContainersExec : public ContainersTest {
 protected:
  struct Executed {
    int code = -1;
    Unframed streams;
  };
  Executed exec(const std::string& id, const ExecConfig& config, const std::string& input = "") {
    Executed done;
    const auto exec_id = containers_->create_exec(id, config);
    EXPECT_TRUE(exec_id) << exec_id.error().text();
    if (!exec_id) return done;
    const auto attached = containers_->start_exec(*exec_id);
    EXPECT_TRUE(attached) << attached.error().text();
    if (!attached) return done;
    const Status typed = write_all(attached->stream.get(), input, "stdin");
    EXPECT_TRUE(typed);
    ::shutdown(attached->stream.get(), SHUT_WR);
    done.streams = unframe(read_all(attached->stream.get()));
    const auto code = containers_->wait_exec(*exec_id, CancelToken());
    EXPECT_TRUE(code) << code.error().text();
    done.code = code.value_or(-1);
    return done;
  }
  static ExecConfig script(const std::string& text) {
    ExecConfig config;
    config.argv = {"sh", "-c", text};
    return config;
  }
};

TEST_F(ContainersExec, RunsInTheContainerWithItsOwnStreamsAndCode) {
  const std::string id = run(shell("echo of-main > /tmp/shared; exec sleep 1000"));
  ExecConfig config = script("echo out; echo err >&2; cat; echo $EXTRA; exit 9");
  config.attach_stdin = true;
  config.env = {"EXTRA=more"};
  const Executed done = exec(id, config, "typed\n");
  EXPECT_EQ(done.code, 9);
  EXPECT_EQ(done.streams.out, "out\ntyped\nmore\n");
  EXPECT_EQ(done.streams.err, "err\n");
  EXPECT_EQ(logs(id), "");  // The log is the container's.
}

TEST_F(ContainersExec, UserAndHomeAreThoseAskedFor) {
  const std::string id = run(config({"sleep", "1000"}));
  ExecConfig wanted = script("id -u; echo $HOME");
  wanted.user = "user";
  EXPECT_EQ(exec(id, wanted).streams.out, "7\n/home\n");
  wanted.user = "";
  wanted.working_dir = "/tmp";
  wanted.argv = {"sh", "-c", "id -u; echo $HOME; pwd"};
  EXPECT_EQ(exec(id, wanted).streams.out, "0\n/root\n/tmp\n");
}

TEST_F(ContainersExec, ATerminalHasItsSize) {
  const std::string id = run(config({"sleep", "1000"}));
  ExecConfig wanted = script("test -t 0 && stty size");
  wanted.tty = true;
  wanted.size = {40, 132};
  wanted.attach_stdin = true;
  const auto exec_id = containers_->create_exec(id, wanted);
  ASSERT_TRUE(exec_id);
  const auto attached = containers_->start_exec(*exec_id);
  ASSERT_TRUE(attached) << attached.error().text();
  EXPECT_TRUE(attached->tty);
  EXPECT_EQ(read_all(attached->stream.get()), "40 132\r\n");
}

TEST_F(ContainersExec, ACommandThatIsNotThereIsCode127) {
  const std::string id = run(config({"sleep", "1000"}));
  ExecConfig wanted;
  wanted.argv = {"/bin/nope"};
  const auto exec_id = containers_->create_exec(id, wanted);
  ASSERT_TRUE(exec_id);
  const auto attached = containers_->start_exec(*exec_id);
  ASSERT_FALSE(attached);
  EXPECT_EQ(attached.error().code(), ErrorCode::kInvalid);
  EXPECT_EQ(containers_->inspect_exec(*exec_id)->exit_code, 127);
  EXPECT_FALSE(containers_->start_exec(*exec_id));
}

TEST_F(ContainersExec, EndsWithTheContainerAndIsRemembered) {
  const std::string id = run(config({"sleep", "1000"}));
  const auto exec_id = containers_->create_exec(id, script("echo up; exec sleep 1000"));
  ASSERT_TRUE(exec_id);
  auto attached = containers_->start_exec(*exec_id);
  ASSERT_TRUE(attached) << attached.error().text();
  std::string text;
  EXPECT_TRUE(read_until(attached->stream.get(), "up\n", text));
  EXPECT_TRUE(containers_->inspect_exec(*exec_id)->running);
  EXPECT_TRUE(containers_->kill(id, SIGKILL));
  read_all(attached->stream.get());
  attached->stream.reset();
  wait(id);
  const auto after = containers_->inspect_exec(*exec_id);
  ASSERT_TRUE(after) << after.error().text();
  EXPECT_FALSE(after->running);
  EXPECT_EQ(after->exit_code, 137);
}

TEST_F(ContainersExec, WithoutAContainerThereIsNone) {
  const std::string id = create(config({"true"}));
  const auto refused = containers_->create_exec(id, script("true"));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), ErrorCode::kConflict);
  const auto unknown = containers_->inspect_exec(std::string(64, 'a'));
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().code(), ErrorCode::kNotFound);
}

HealthCheck check(int retries, Millis start_period) {
  HealthCheck made;
  made.test = {"CMD", "true"};
  made.retries = retries;
  made.start_period = start_period;
  return made;
}
HealthState::Probe probe(int code) {
  HealthState::Probe made;
  made.exit_code = code;
  return made;
}

TEST(HealthDecision, ThreeFailuresInARowAreUnhealthy) {
  HealthTracker tracker(check(3, Millis(0)));
  MonoTime now{};
  tracker.begin(now);
  EXPECT_EQ(tracker.state().status, HealthState::Status::kStarting);
  EXPECT_TRUE(tracker.take(probe(0), now));
  EXPECT_EQ(tracker.state().status, HealthState::Status::kHealthy);
  EXPECT_FALSE(tracker.take(probe(1), now));
  EXPECT_FALSE(tracker.take(probe(1), now));
  EXPECT_TRUE(tracker.take(probe(1), now));
  EXPECT_EQ(tracker.state().status, HealthState::Status::kUnhealthy);
  EXPECT_EQ(tracker.state().failing_streak, 3);
  EXPECT_TRUE(tracker.take(probe(0), now));
  EXPECT_EQ(tracker.state().failing_streak, 0);
}

TEST(HealthDecision, FailuresWhileStartingDoNotCountUntilTheFirstSuccess) {
  HealthTracker tracker(check(1, Millis(10'000)));
  MonoTime now{};
  tracker.begin(now);
  EXPECT_EQ(tracker.delay(now), Millis(5'000));
  EXPECT_FALSE(tracker.take(probe(1), now + Millis(1'000)));
  EXPECT_EQ(tracker.state().failing_streak, 0);
  EXPECT_TRUE(tracker.take(probe(0), now + Millis(2'000)));
  EXPECT_EQ(tracker.delay(now + Millis(2'000)), Millis(30'000));
  EXPECT_TRUE(tracker.take(probe(1), now + Millis(3'000)));
  EXPECT_EQ(tracker.state().status, HealthState::Status::kUnhealthy);
}

TEST(HealthDecision, KeepsTheLastFiveProbes) {
  HealthTracker tracker(check(3, Millis(0)));
  tracker.begin(MonoTime{});
  for (int code = 0; code < 8; ++code) tracker.take(probe(code), MonoTime{});
  ASSERT_EQ(tracker.state().log.size(), 5U);
  EXPECT_EQ(tracker.state().log.front().exit_code, 3);
}

class ContainersHealth : public ContainersTest {
 protected:
  // Waits for an event of the container.
  bool hear(const std::string& id, const std::string& action) {
    const CancelToken cancel;
    bool heard = false;
    const Status followed = containers_->events(
        WallTime{}, std::chrono::system_clock::now() + std::chrono::minutes(1),
        [&](const ContainerEvent& event) -> Status {
          if (event.id == id && event.action == action) {
            heard = true;
            cancel.cancel(CancelLevel::kTerminate);
          }
          return {};
        },
        cancel);
    return followed && heard;
  }
};

TEST_F(ContainersHealth, TurnsHealthyAndUnhealthyWithWhatTheProbeSees) {
  ContainerConfig wanted = shell("echo > /tmp/well; exec sleep 1000");
  wanted.health.emplace();
  wanted.health->test = {"CMD-SHELL", "echo looked; test -e /tmp/well"};
  wanted.health->interval = Millis(20);
  wanted.health->retries = 2;
  const std::string id = run(wanted);
  EXPECT_TRUE(hear(id, "health_status: healthy"));
  const HealthState well = state(id).health;
  EXPECT_EQ(well.status, HealthState::Status::kHealthy);
  ASSERT_FALSE(well.log.empty());
  EXPECT_EQ(well.log.back().output, "looked\n");
  ExecConfig remove;
  remove.argv = {"rm", "/tmp/well"};
  const auto exec_id = containers_->create_exec(id, remove);
  ASSERT_TRUE(exec_id);
  ASSERT_TRUE(containers_->start_exec(*exec_id));
  EXPECT_TRUE(hear(id, "health_status: unhealthy"));
  EXPECT_GE(state(id).health.failing_streak, 2);
}

TEST_F(ContainersHealth, AProbeThatTakesTooLongFails) {
  ContainerConfig wanted = config({"sleep", "1000"});
  wanted.health.emplace();
  wanted.health->test = {"CMD", "sleep", "1000"};
  wanted.health->interval = Millis(10);
  wanted.health->timeout = Millis(30);
  wanted.health->retries = 1;
  const std::string id = run(wanted);
  EXPECT_TRUE(hear(id, "health_status: unhealthy"));
  EXPECT_NE(state(id).health.log.back().output.find("exceeded timeout"), std::string::npos);
}

}  // namespace
}  // namespace slipway::sandbox
