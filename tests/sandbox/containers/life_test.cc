// A container's life as its clients see it.
#include <signal.h>

#include <thread>

#include "tests/sandbox/containers/containers_fixture.h"

namespace slipway::sandbox {
namespace {

using ContainersLife = ContainersTest;

TEST_F(ContainersLife, RunsACommandAndKeepsItsExitCodeAndOutput) {
  const std::string id = create(shell("echo out; echo err >&2; exit 3"));
  EXPECT_EQ(state(id).status, ContainerStatus::kCreated);
  start(id);
  EXPECT_EQ(wait(id), 3);
  EXPECT_EQ(state(id).status, ContainerStatus::kExited);
  EXPECT_EQ(state(id).exit_code, 3);
  EXPECT_EQ(state(id).pid, 0);
  LogRequest only_out;
  only_out.standard_error = false;
  LogRequest only_err;
  only_err.standard_output = false;
  EXPECT_EQ(logs(id, only_out), "out\n");
  EXPECT_EQ(logs(id, only_err), "err\n");
}

TEST_F(ContainersLife, KeepsItsFilesFromRunToRun) {
  const std::string id = run(shell("echo x >> /tmp/runs; exec wc -l /tmp/runs"));
  wait(id);
  start(id);
  EXPECT_EQ(wait(id), 0);
  EXPECT_EQ(logs(id), "1 /tmp/runs\n2 /tmp/runs\n");
}

TEST_F(ContainersLife, AttachedBeforeStartMissesNothing) {
  const std::string id = create(shell("echo first; echo second >&2"));
  const Attachment attached = attach(id);
  EXPECT_FALSE(attached.tty);
  start(id);
  const Unframed got = unframe(read_all(attached.stream.get()));
  EXPECT_TRUE(got.whole);
  EXPECT_EQ(got.out, "first\n");
  EXPECT_EQ(got.err, "second\n");
}

TEST_F(ContainersLife, HalfCloseOfTheFirstClientEndsStdin) {
  ContainerConfig wanted = config({"cat"});
  wanted.open_stdin = true;
  wanted.stdin_once = true;
  const std::string id = create(wanted);
  const Attachment attached = attach(id);
  start(id);
  ASSERT_TRUE(write_all(attached.stream.get(), "typed\n", "stdin"));
  ::shutdown(attached.stream.get(), SHUT_WR);
  EXPECT_EQ(unframe(read_all(attached.stream.get())).out, "typed\n");
  EXPECT_EQ(wait(id), 0);
}

TEST_F(ContainersLife, AMebibyteGoesThroughCatWhole) {
  ContainerConfig wanted = config({"cat"});
  wanted.open_stdin = true;
  wanted.stdin_once = true;
  const std::string id = create(wanted);
  const Attachment attached = attach(id);
  start(id);
  std::string data;
  for (int i = 0; data.size() < (1U << 20); ++i) data += std::to_string(i) + "\n";
  std::thread writer([&] {
    EXPECT_TRUE(write_all(attached.stream.get(), data, "stdin"));
    ::shutdown(attached.stream.get(), SHUT_WR);
  });
  const Unframed got = unframe(read_all(attached.stream.get()));
  writer.join();
  EXPECT_TRUE(got.out == data);
  EXPECT_EQ(wait(id), 0);
  EXPECT_TRUE(logs(id) == data);
}

TEST_F(ContainersLife, ATerminalIsRawAndHasTheSizeAskedForBeforeTheStart) {
  ContainerConfig wanted = shell("test -t 0 && stty size");
  wanted.tty = true;
  wanted.open_stdin = true;
  const std::string id = create(wanted);
  const Attachment attached = attach(id);
  EXPECT_TRUE(attached.tty);
  ASSERT_TRUE(containers_->resize(id, {33, 101}));
  start(id);
  EXPECT_EQ(read_all(attached.stream.get()), "33 101\r\n");
}

TEST_F(ContainersLife, ACommandThatIsNotThereIsCode127) {
  const std::string id = create(config({"/bin/nope"}));
  const Status started = containers_->start(id);
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().code(), ErrorCode::kInvalid);
  EXPECT_EQ(state(id).exit_code, 127);
  EXPECT_EQ(state(id).status, ContainerStatus::kCreated);
  EXPECT_NE(state(id).error.find("/bin/nope"), std::string::npos);
  const std::string directory = create(config({"/tmp"}));
  EXPECT_FALSE(containers_->start(directory));
  EXPECT_EQ(state(directory).exit_code, 126);
}

TEST_F(ContainersLife, StartingTwiceIsAConflict) {
  const std::string id = run(config({"sleep", "1000"}));
  const Status again = containers_->start(id);
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code(), ErrorCode::kConflict);
}

TEST_F(ContainersLife, StopAsksAndThenKills) {
  const std::string polite =
      run(shell("trap 'exit 5' TERM; echo ready; while :; do sleep 0.01; done"));
  const std::string deaf = run(shell("trap '' TERM; echo ready; while :; do sleep 1000; done"));
  for (const std::string& id : {polite, deaf}) {
    LogRequest follow;
    follow.follow = true;
    CancelToken cancel;
    (void)containers_->logs(
        id, follow,
        [&](const LogRecord&) -> Status {
          cancel.cancel(CancelLevel::kTerminate);
          return {};
        },
        cancel);
  }
  EXPECT_TRUE(containers_->stop(polite, Millis(60'000)));
  EXPECT_EQ(state(polite).exit_code, 5);
  EXPECT_TRUE(containers_->stop(deaf, Millis(10)));
  EXPECT_EQ(state(deaf).exit_code, 137);
  EXPECT_TRUE(containers_->stop(deaf, Millis(10)));
}

TEST_F(ContainersLife, KillSendsTheSignal) {
  const std::string id = run(shell("trap 'exit 9' USR1; echo ready; while :; do sleep 0.01; done"));
  LogRequest follow;
  follow.follow = true;
  CancelToken cancel;
  (void)containers_->logs(
      id, follow,
      [&](const LogRecord&) -> Status {
        cancel.cancel(CancelLevel::kTerminate);
        return {};
      },
      cancel);
  EXPECT_TRUE(containers_->kill(id, SIGUSR1));
  EXPECT_EQ(wait(id), 9);
  const Status again = containers_->kill(id, SIGKILL);
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code(), ErrorCode::kConflict);
}

TEST_F(ContainersLife, RemovalNeedsForceWhileItRuns) {
  const std::string id = run(config({"sleep", "1000"}));
  const Status refused = containers_->remove(id, {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), ErrorCode::kConflict);
  EXPECT_TRUE(containers_->remove(id, {true, false}));
  const auto gone = containers_->inspect(id);
  ASSERT_FALSE(gone);
  EXPECT_EQ(gone.error().code(), ErrorCode::kNotFound);
  EXPECT_TRUE(std::filesystem::is_empty(state_ + "/containers/by-name"));
  EXPECT_TRUE(std::filesystem::is_empty(state_ + "/containers/.leaving"));
}

TEST_F(ContainersLife, AutoRemoveTakesItAwayAndWaitersGetItsCode) {
  ContainerConfig wanted = shell("exit 4");
  wanted.auto_remove = true;
  const std::string id = create(wanted, "once");
  EXPECT_EQ(containers_
                ->wait(id, WaitCondition::kRemoved, CancelToken(),
                       [&] { EXPECT_TRUE(containers_->start(id)); })
                .value_or(-1),
            4);
  EXPECT_FALSE(containers_->inspect("once"));
  EXPECT_FALSE(path_exists(state_ + "/containers/by-name/once"));
}

TEST_F(ContainersLife, NextExitWaitsForARunThatIsYetToCome) {
  const std::string id = create(shell("exit 6"));
  EXPECT_EQ(containers_
                ->wait(id, WaitCondition::kNextExit, CancelToken(),
                       [&] { EXPECT_TRUE(containers_->start(id)); })
                .value_or(-1),
            6);
}

TEST_F(ContainersLife, AWaitCanBeCancelled) {
  const std::string id = run(config({"sleep", "1000"}));
  const CancelToken cancel;
  const auto code = containers_->wait(id, WaitCondition::kNotRunning, cancel,
                                      [&] { cancel.cancel(CancelLevel::kTerminate); });
  ASSERT_FALSE(code);
  EXPECT_EQ(code.error().code(), ErrorCode::kCancelled);
}

TEST_F(ContainersLife, NamesAreUniqueAndPrefixesFindOne) {
  const std::string id = create(config({"true"}), "web");
  const auto twice = containers_->create(config({"true"}), {"web"});
  ASSERT_FALSE(twice);
  EXPECT_EQ(twice.error().code(), ErrorCode::kExists);
  EXPECT_EQ(containers_->resolve("web").value_or(""), id);
  EXPECT_EQ(containers_->resolve(id.substr(0, 10)).value_or(""), id);
  EXPECT_TRUE(containers_->rename("web", "shop"));
  EXPECT_FALSE(containers_->resolve("web"));
  EXPECT_EQ(containers_->inspect("shop")->name, "shop");
  const auto wrong = containers_->create(config({"true"}), {"-bad"});
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().code(), ErrorCode::kInvalid);
}

TEST_F(ContainersLife, GeneratedNamesAreThere) {
  const std::string id = create(config({"true"}));
  EXPECT_NE(containers_->inspect(id)->name.find('_'), std::string::npos);
}

}  // namespace
}  // namespace slipway::sandbox
