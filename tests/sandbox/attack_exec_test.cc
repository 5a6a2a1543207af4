// Attacks on the moment when a process is put into a running container, which is hostile by then: CVE-2016-9962,
// CVE-2019-5736, CVE-2024-21626, CVE-2025-52565. SECURITY, table 1a.
#include "tests/sandbox/container_fixture.h"

namespace slipway::sandbox {
namespace {

class ExecAttack : public ContainerTest {
 protected:
  void TearDown() override {
    if (!container_) return;
    CancelToken cancel;
    cancel.cancel(CancelLevel::kKill);
    (void)container_->wait(cancel, std::nullopt, {});
    container_.reset();
  }
  // The container runs `argv`, which says "ready" when it has begun.
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
  Ran exec(std::vector<std::string> argv, const std::string& cwd = "/") {
    ExecSpec wanted;
    wanted.process.argv = std::move(argv);
    wanted.process.env = {"PATH=/bin"};
    wanted.process.cwd = cwd;
    auto out = sys::make_pipe();
    wanted.process.stdout_fd = out->write.get();
    wanted.process.stderr_fd = out->write.get();
    auto process = container_->exec(wanted);
    out->write.reset();
    Ran ran;
    if (!process) {
      ran.err = process.error().text();
      return ran;
    }
    ran.outcome = (*process)->wait(CancelToken(), std::nullopt, {});
    ran.out = drain(out->read.get());
    return ran;
  }

  std::unique_ptr<Container> container_;
  Fd out_;
};

// CVE-2016-9962, CVE-2019-5736: a container that looks at every new process as fast as it can, and holds the power to
// trace. It must never get hold of memory, program or descriptors that are not of its own image.
TEST_F(ExecAttack, WatcherInsideSeesNothingOfTheEngine) {
  ContainerSpec wanted = spec({"attack", "watch"});
  wanted.isolation.powers = {power::AddedCapability{"SYS_PTRACE"}};
  start(wanted);
  for (int round = 0; round < 50; ++round) EXPECT_TRUE(exec({"true"}).outcome.success()) << round;
  ASSERT_TRUE(container_->signal(SIGTERM));
  const std::string seen = drain(out_.get());
  EXPECT_EQ(seen.find("leak"), std::string::npos) << seen;
  EXPECT_NE(seen.find("rounds="), std::string::npos) << seen;
}

// CVE-2019-5736, second way: the command is a script whose interpreter is whatever ran before it.
TEST_F(ExecAttack, InterpreterSelfIsNeverTheRunner) {
  ASSERT_TRUE(write_file_atomic(base_ + "/bin/script", "#!/proc/self/exe\n", 0755));
  start(spec({"probe", "wait-signal", "0"}));
  const Ran ran = exec({"/bin/script"});
  // What runs is the small program from the sealed memfd, which does nothing with these arguments.
  EXPECT_FALSE(ran.outcome.success());
  EXPECT_EQ(ran.out, "");
  const Ran first = run_argv({"/bin/script"});
  EXPECT_FALSE(first.outcome.success());
  EXPECT_EQ(first.out, "");
}

// CVE-2024-21626
TEST_F(ExecAttack, WorkingDirectoryThroughADescriptorLeadsNowhere) {
  start(spec({"probe", "wait-signal", "0"}));
  for (int number = 3; number < 40; ++number) {
    const std::string path = "/proc/self/fd/" + std::to_string(number);
    EXPECT_FALSE(exec({"probe", "cwd"}, path).outcome.success()) << path;
  }
  EXPECT_EQ(exec({"probe", "descriptors"}).out, "0\n1\n2\n");
}

// CVE-2025-52565: what lies at /dev/pts/ptmx is no terminal of the kernel.
TEST_F(ExecAttack, TerminalIsNeverTakenFromAFileOfTheContainer) {
  ContainerSpec wanted = spec({"probe", "wait-signal", "0"});
  wanted.mounts = {TmpfsMount{"/dev/pts"}, FileMount{"/dev/pts/ptmx", "not a terminal", 0666}};
  start(wanted);
  ExecSpec command;
  command.process.argv = {"/bin/probe", "tty"};
  command.process.terminal = Terminal{};
  const auto process = container_->exec(command);
  ASSERT_FALSE(process);
  EXPECT_NE(process.error().text().find("open terminal"), std::string::npos)
      << process.error().text();
}

// R21: the container has changed its user file since it was started.
TEST_F(ExecAttack, UserFileThatHangsIsAnError) {
  start(spec({"probe", "wait-signal", "0"}));
  ASSERT_TRUE(exec({"attack", "fifo", "/etc/passwd"}).outcome.success());
  const Ran ran = exec({"true"});
  EXPECT_EQ(ran.outcome.kind, Outcome::Kind::kSetupFailed);
}

TEST_F(ExecAttack, KillingEverythingInsideEndsNobodyOutside) {
  start(spec({"attack", "kill-all"}));
  for (int round = 0; round < 20; ++round) {
    const Ran ran = exec({"probe", "print", "x"});
    const bool fine =
        !ran.err.empty() || ran.outcome.success() || ran.outcome.kind == Outcome::Kind::kSignalled;
    EXPECT_TRUE(fine) << ran.outcome.describe();
  }
}

}  // namespace
}  // namespace slipway::sandbox
