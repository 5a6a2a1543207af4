// Processes that are put into a running container: what they are, and that they are as confined as its own.
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>

#include <map>

#include "base/text.h"
#include "tests/sandbox/container_fixture.h"

namespace slipway::sandbox {
namespace {

class Exec : public ContainerTest {
 protected:
  void TearDown() override { end(); }
  void end() {
    if (!container_) return;
    CancelToken cancel;
    cancel.cancel(CancelLevel::kKill);
    (void)container_->wait(cancel, std::nullopt, {});
    container_.reset();
  }
  void start(ContainerSpec wanted) {
    end();
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
  void start_waiting() { start(spec({"probe", "wait-signal", "0"})); }

  static ExecSpec command(std::vector<std::string> argv) {
    ExecSpec made;
    made.process.argv = std::move(argv);
    made.process.env = {"PATH=/bin"};
    return made;
  }
  Ran exec(ExecSpec wanted) {
    Ran ran;
    auto out = sys::make_pipe();
    wanted.process.stdout_fd = out->write.get();
    wanted.process.stderr_fd = out->write.get();
    auto process = container_->exec(wanted);
    out->write.reset();
    if (!process) {
      ADD_FAILURE() << process.error().text();
      return ran;
    }
    ran.outcome = (*process)->wait(CancelToken(), std::nullopt, {});
    ran.out = drain(out->read.get());
    return ran;
  }
  std::string exec_output(std::vector<std::string> argv) {
    const Ran ran = exec(command(std::move(argv)));
    EXPECT_TRUE(ran.outcome.success()) << ran.outcome.describe() << ran.out;
    return ran.out;
  }
  static std::map<std::string, std::string> status_lines(const std::string& text) {
    std::map<std::string, std::string> lines;
    for (const auto line : split(text, '\n')) {
      const std::size_t colon = line.find(':');
      if (colon != line.npos)
        lines[std::string(line.substr(0, colon))] = trim(line.substr(colon + 1));
    }
    return lines;
  }

  std::unique_ptr<Container> container_;
  Fd out_;
};

TEST_F(Exec, RunsInTheContainerAndTellsItsCode) {
  start_waiting();
  EXPECT_EQ(exec(command({"probe", "exit", "7"})).outcome.code, 7);
  EXPECT_EQ(exec(command({"/bin/probe", "print", "hello"})).out, "hello\n");
  const Outcome killed = exec(command({"probe", "raise", "9"})).outcome;
  EXPECT_EQ(killed.kind, Outcome::Kind::kSignalled);
  EXPECT_EQ(killed.signal, SIGKILL);
}

TEST_F(Exec, SeesWhatTheContainerSees) {
  ContainerSpec wanted = spec({"probe", "wait-signal", "0"});
  wanted.mounts = {FileMount{"/run/only-here", "content"}};
  wanted.hostname = "inside";
  start(wanted);
  EXPECT_EQ(exec_output({"probe", "cat", "/run/only-here"}), "content");
  EXPECT_EQ(exec_output({"probe", "hostname"}), "inside\n");
  for (const char* kind : {"user", "pid", "mnt", "net", "ipc", "uts", "cgroup"}) {
    const std::string path = std::string("/proc/self/ns/") + kind;
    EXPECT_EQ(exec_output({"probe", "link", path}),
              exec_output({"probe", "link", std::string("/proc/1/ns/") + kind}))
        << kind;
  }
}

TEST_F(Exec, MissingCommandUserAndDirectoryAreTheJobsTrouble) {
  start_waiting();
  Outcome outcome = exec(command({"no-such-program"})).outcome;
  EXPECT_EQ(outcome.kind, Outcome::Kind::kSetupFailed);
  EXPECT_EQ(outcome.shell_code(), 127);
  ExecSpec wanted = command({"true"});
  wanted.process.user = "eve";
  EXPECT_EQ(exec(wanted).outcome.reason, "find user eve: no such user in /etc/passwd");
  wanted = command({"true"});
  wanted.process.cwd = "/nowhere";
  EXPECT_NE(exec(wanted).outcome.reason.find("enter working directory /nowhere: no such file"),
            std::string::npos);
}

TEST_F(Exec, HasTheContainersPowersAndNoMore) {
  start_waiting();
  const std::string text = exec_output({"probe", "cat", "/proc/self/status"});
  auto own = status_lines(text);
  EXPECT_EQ(own["CapEff"], "00000000800405fb");
  EXPECT_EQ(own["CapBnd"], "00000000800405fb");
  EXPECT_EQ(own["CapInh"], "0000000000000000");
  EXPECT_EQ(own["CapAmb"], "0000000000000000");
  EXPECT_EQ(own["NoNewPrivs"], "1");
  EXPECT_EQ(own["Seccomp"], "2");
  ExecSpec wanted = command({"probe", "cat", "/proc/self/status"});
  wanted.process.user = "12:34";
  own = status_lines(exec(wanted).out);
  EXPECT_EQ(own["CapEff"], "0000000000000000");
  EXPECT_EQ(own["Uid"], "12\t12\t12\t12");
  EXPECT_EQ(own["Groups"], "");
}

TEST_F(Exec, PrivilegedExecGetsTheCapabilitiesAlone) {
  start_waiting();
  ExecSpec wanted = command({"probe", "cat", "/proc/self/status"});
  wanted.privileged = true;
  auto own = status_lines(exec(wanted).out);
  EXPECT_NE(own["CapEff"], "00000000800405fb");
  EXPECT_EQ(own["Seccomp"], "2");
}

TEST_F(Exec, LimitsAndFilesAreTheContainers) {
  ContainerSpec limited = spec({"probe", "wait-signal", "0"});
  limited.isolation.ulimits = {{"nproc", 100, 200}};
  start(limited);
  EXPECT_EQ(exec_output({"probe", "limit", std::to_string(RLIMIT_NPROC)}), "100 200\n");
  EXPECT_EQ(exec_output({"probe", "umask"}), "022\n");
  EXPECT_EQ(exec_output({"probe", "descriptors"}), "0\n1\n2\n");
}

TEST_F(Exec, IsCountedAndBoundedByTheContainersLimit) {
  ContainerSpec limited = spec({"probe", "wait-signal", "0"});
  limited.limits.pids = 10;
  start(limited);
  auto out = sys::make_pipe();
  ExecSpec wanted = command({"probe", "fork-many", "50"});
  wanted.process.stdout_fd = out->write.get();
  auto process = container_->exec(wanted);
  ASSERT_TRUE(process) << process.error().text();
  (*process)->wait(CancelToken(), std::nullopt, {});
  // What it left in the background lives on and has the pipe open.
  char line[64] = {};
  ASSERT_GT(::read(out->read.get(), line, sizeof line - 1), 0);
  EXPECT_NE(std::string(line).find("Resource temporarily unavailable"), std::string::npos) << line;
}

TEST_F(Exec, HasATerminalOfTheContainer) {
  start_waiting();
  ExecSpec wanted = command({"probe", "tty"});
  wanted.process.terminal = Terminal{40, 132};
  auto process = container_->exec(wanted);
  ASSERT_TRUE(process) << process.error().text();
  ASSERT_GE((*process)->terminal_fd(), 0);
  const std::string text = drain((*process)->terminal_fd());
  EXPECT_NE(text.find("tty=1 rows=40 columns=132 name=/dev/pts/0 controlling=1 leader=1"),
            std::string::npos)
      << text;
  EXPECT_TRUE((*process)->wait(CancelToken(), std::nullopt, {}).success());
}

TEST_F(Exec, SignalsReachItAndCancelEndsItAlone) {
  start_waiting();
  auto out = sys::make_pipe();
  ExecSpec wanted = command({"probe", "wait-signal", "3"});
  wanted.process.stdout_fd = out->write.get();
  auto process = container_->exec(wanted);
  ASSERT_TRUE(process);
  out->write.reset();
  char line[6];
  ASSERT_EQ(::read(out->read.get(), line, sizeof line), 6);
  ASSERT_TRUE((*process)->signal(SIGUSR1));
  EXPECT_EQ((*process)->wait(CancelToken(), std::nullopt, {}).code, 3);
  EXPECT_EQ(drain(out->read.get()), "caught 10\n");
  process = container_->exec(command({"probe", "ignore-signals"}));
  ASSERT_TRUE(process);
  CancelToken cancel;
  cancel.cancel(CancelLevel::kKill);
  EXPECT_EQ((*process)->wait(cancel, std::nullopt, {}).kind, Outcome::Kind::kCancelled);
  EXPECT_EQ(exec(command({"true"})).outcome.code, 0);
}

TEST_F(Exec, EndsWithTheContainerWhoeverWaits) {
  start_waiting();
  auto process = container_->exec(command({"probe", "ignore-signals"}));
  ASSERT_TRUE(process);
  ASSERT_TRUE(container_->signal(SIGUSR1));
  // Nobody has waited for the process yet: the container's end must not wait for that.
  EXPECT_TRUE(container_->wait(CancelToken(), std::nullopt, {}).success());
  const Outcome outcome = (*process)->wait(CancelToken(), std::nullopt, {});
  EXPECT_EQ(outcome.kind, Outcome::Kind::kSignalled);
  EXPECT_EQ(outcome.signal, SIGKILL);
  EXPECT_EQ(container_->exec(command({"true"})).error().code(), ErrorCode::kNotFound);
  container_.reset();
}

TEST_F(Exec, PausedContainerTakesNone) {
  start_waiting();
  ASSERT_TRUE(container_->pause());
  EXPECT_EQ(container_->exec(command({"true"})).error().code(), ErrorCode::kUnavailable);
  ASSERT_TRUE(container_->resume());
  EXPECT_TRUE(exec(command({"true"})).outcome.success());
}

TEST_F(Exec, ManyAtOnceLeaveNothing) {
  start_waiting();
  std::vector<std::unique_ptr<ExecProcess>> all;
  for (int i = 0; i < 20; i++) {
    auto process = container_->exec(command({"probe", "exit", std::to_string(i)}));
    ASSERT_TRUE(process) << process.error().text();
    all.push_back(std::move(*process));
  }
  for (int i = 0; i < 20; i++)
    EXPECT_EQ(all[static_cast<std::size_t>(i)]->wait(CancelToken(), std::nullopt, {}).code, i);
  EXPECT_EQ(container_->processes()->size(), 2u);
}

}  // namespace
}  // namespace slipway::sandbox
