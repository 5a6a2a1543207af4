// A running container from outside: pausing, changing limits, counting, its processes and its root.
#include <poll.h>

#include "base/text.h"
#include "tests/sandbox/container_fixture.h"

namespace slipway::sandbox {
namespace {

// A container that prints "ready" and waits for a signal.
class Control : public ContainerTest {
 protected:
  void TearDown() override {
    if (container_) {
      CancelToken cancel;
      cancel.cancel(CancelLevel::kKill);
      (void)container_->wait(cancel, std::nullopt, {});
    }
    container_.reset();
  }
  void start(ContainerSpec wanted) {
    auto out = sys::make_pipe();
    wanted.process.stdout_fd = out->write.get();
    auto container = engine_->start(wanted);
    ASSERT_TRUE(container) << container.error().text();
    container_ = std::move(*container);
    out_ = std::move(out->read);
    out->write.reset();
    char line[6];
    ASSERT_EQ(::read(out_.get(), line, sizeof line), 6);
  }
  ContainerSpec waiting() { return spec({"probe", "wait-signal", "0"}); }

  std::unique_ptr<Container> container_;
  Fd out_;
};

TEST_F(Control, PausedContainerDoesNothingUntilResumed) {
  start(waiting());
  ASSERT_TRUE(container_->pause());
  EXPECT_EQ(container_->pause().error().code(), ErrorCode::kConflict);
  ASSERT_TRUE(container_->signal(SIGUSR1));
  struct pollfd answer = {out_.get(), POLLIN, 0};
  EXPECT_EQ(::poll(&answer, 1, 20), 0);
  const Status resumed = container_->resume();
  ASSERT_TRUE(resumed) << resumed.error().text();
  EXPECT_EQ(container_->resume().error().code(), ErrorCode::kConflict);
  EXPECT_EQ(drain(out_.get()), "caught 10\n");
}

TEST_F(Control, PausedContainerCanBeKilled) {
  start(waiting());
  ASSERT_TRUE(container_->pause());
  CancelToken cancel;
  cancel.cancel(CancelLevel::kKill);
  EXPECT_EQ(container_->wait(cancel, std::nullopt, {}).kind, Outcome::Kind::kCancelled);
  EXPECT_EQ(container_->pause().error().code(), ErrorCode::kNotFound);
  container_.reset();
}

TEST_F(Control, UsageIsCountedWhenAsked) {
  ContainerSpec wanted = waiting();
  wanted.count_usage = true;
  start(wanted);
  const auto usage = container_->usage();
  ASSERT_TRUE(usage) << usage.error().text();
  ASSERT_TRUE(usage->memory && usage->pids && usage->pids_limit && usage->cpu_total);
  EXPECT_GT(usage->memory->value, 0u);
  EXPECT_EQ(*usage->pids, 2u);  // Init and the command.
  EXPECT_EQ(*usage->pids_limit, 4096u);
  EXPECT_TRUE(usage->blkio_read.has_value());
}

TEST_F(Control, LimitsOfARunningContainerChange) {
  ContainerSpec wanted = waiting();  // Without a memory limit: its group is made by the update.
  start(wanted);
  Limits limits;
  limits.memory = 64_MiB;
  limits.pids = 17;
  const Status updated = container_->update(limits);
  ASSERT_TRUE(updated) << updated.error().text();
  auto usage = container_->usage();
  ASSERT_TRUE(usage && usage->memory_limit && usage->pids_limit);
  EXPECT_EQ(*usage->memory_limit, 64_MiB);
  EXPECT_EQ(*usage->pids_limit, 17u);
  limits.memory = 128_MiB;
  ASSERT_TRUE(container_->update(limits));
  EXPECT_EQ(*container_->usage()->memory_limit, 128_MiB);
  limits.memory = 1_KiB;
  EXPECT_EQ(container_->update(limits).error().code(), ErrorCode::kInvalid);
}

TEST_F(Control, ProcessesAreKnownByTheirHostPids) {
  start(waiting());
  const auto pids = container_->processes();
  ASSERT_TRUE(pids);
  EXPECT_EQ(pids->size(), 2u);
  EXPECT_EQ((*pids)[0], container_->pid());
}

TEST_F(Control, RootIsThatOfTheContainerWithItsMounts) {
  ContainerSpec wanted = waiting();
  wanted.mounts = {FileMount{"/etc/only-here", "content"}};
  start(wanted);
  const auto root = container_->open_root();
  ASSERT_TRUE(root) << root.error().text();
  const auto file = open_in_root(root->get(), "etc/only-here", O_RDONLY);
  ASSERT_TRUE(file) << file.error().text();
  EXPECT_EQ(drain(file->get()), "content");
}

TEST_F(Control, PidfdIsReadableAtTheEnd) {
  start(waiting());
  struct pollfd ended = {container_->pidfd(), POLLIN, 0};
  EXPECT_EQ(::poll(&ended, 1, 0), 0);
  ASSERT_TRUE(container_->signal(SIGUSR1));
  EXPECT_EQ(::poll(&ended, 1, 10'000), 1);
}

}  // namespace
}  // namespace slipway::sandbox
