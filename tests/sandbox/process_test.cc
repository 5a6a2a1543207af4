// What the command finds itself to be: user, groups, streams, terminal, signals, limits.
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>

#include "base/text.h"
#include "tests/sandbox/container_fixture.h"

namespace slipway::sandbox {
namespace {

class ContainerProcess : public ContainerTest {
 protected:
  void write_user_files() {
    ASSERT_TRUE(make_dirs(base_ + "/etc", 0755));
    ASSERT_TRUE(write_file_atomic(base_ + "/etc/passwd",
                                  "root:x:0:0::/root:/bin/sh\nana:x:1000:100::/home/ana:/bin/sh\n",
                                  0644));
    ASSERT_TRUE(write_file_atomic(base_ + "/etc/group",
                                  "root:x:0:\nusers:x:100:\nwheel:x:10:ana,bob\naudio:x:29:ana\n",
                                  0644));
  }
  std::string ids(const std::string& user) {
    ContainerSpec wanted = spec({"probe", "ids"});
    wanted.process.user = user;
    return output(wanted);
  }
  std::string status_line(const std::string& field, const std::string& user = "") {
    ContainerSpec wanted = spec({"probe", "cat", "/proc/self/status"});
    wanted.process.user = user;
    const std::string status = output(wanted);
    for (const auto line : split(status, '\n')) {
      if (line.rfind(field + ":", 0) == 0) return std::string(trim(line.substr(field.size() + 1)));
    }
    return "?";
  }
};

TEST_F(ContainerProcess, UserIsLookedUpInTheImagesFiles) {
  write_user_files();
  EXPECT_EQ(ids(""), "0:0\n");
  EXPECT_EQ(ids("ana"), "1000:100 10 29\n");
  EXPECT_EQ(ids("1000"), "1000:100 10 29\n");
  EXPECT_EQ(ids("ana:wheel"), "1000:10\n");
  EXPECT_EQ(ids("7:9"), "7:9\n");
}

TEST_F(ContainerProcess, UnknownUserFailsTheJobAndNamesIt) {
  write_user_files();
  ContainerSpec wanted = spec({"true"});
  wanted.process.user = "eve";
  const Outcome outcome = run(wanted).outcome;
  EXPECT_EQ(outcome.kind, Outcome::Kind::kSetupFailed);
  EXPECT_EQ(outcome.reason, "find user eve: no such user in /etc/passwd");
  wanted = spec({"true"});
  wanted.process.user = "70000";
  EXPECT_EQ(run(wanted).outcome.kind, Outcome::Kind::kSetupFailed);
}

TEST_F(ContainerProcess, OutputAndErrorsAreApart) {
  const Ran ran = run_argv({"probe", "both", "one", "two"});
  EXPECT_EQ(ran.out, "one");
  EXPECT_EQ(ran.err, "two");
}

TEST_F(ContainerProcess, ReadsItsInput) {
  auto input = sys::make_pipe();
  ASSERT_TRUE(write_all(input->write.get(), "typed", "pipe"));
  input->write.reset();
  ContainerSpec wanted = spec({"probe", "cat", "/dev/stdin"});
  wanted.process.stdin_fd = input->read.get();
  EXPECT_EQ(output(wanted), "typed");
}

TEST_F(ContainerProcess, CommandIsFoundInThePathOfTheSpec) {
  ASSERT_TRUE(make_dirs(base_ + "/opt", 0755));
  std::filesystem::rename(base_ + "/bin/true", base_ + "/opt/true");
  ContainerSpec wanted = spec({"true"});
  wanted.process.env = {"PATH=/nowhere:/bin/probe:/opt"};
  EXPECT_TRUE(run(wanted).outcome.success());
}

TEST_F(ContainerProcess, MissingCommandIs127AndUnusableOne126) {
  Outcome outcome = run_argv({"nope"}).outcome;
  EXPECT_EQ(outcome.shell_code(), 127);
  EXPECT_NE(outcome.reason.find("exec nope: no such file or directory (step "), std::string::npos)
      << outcome.reason;
  ASSERT_TRUE(write_file_atomic(base_ + "/bin/data", "no program", 0644));
  EXPECT_EQ(run_argv({"data"}).outcome.shell_code(), 126);
  EXPECT_EQ(run_argv({"/bin"}).outcome.shell_code(), 126);
  ASSERT_TRUE(write_file_atomic(base_ + "/bin/garbage", "no program", 0755));
  EXPECT_EQ(run_argv({"garbage"}).outcome.shell_code(), 126);
}

TEST_F(ContainerProcess, TerminalHasSizeSessionAndNoInjection) {
  ContainerSpec wanted = spec({"probe", "tty"});
  wanted.process.terminal = Terminal{33, 99};
  auto container = engine_->start(wanted);
  ASSERT_TRUE(container) << container.error().text();
  std::string text;
  char buffer[1024];
  for (ssize_t size; (size = ::read((*container)->terminal_fd(), buffer, sizeof buffer)) > 0;) {
    text.append(buffer, static_cast<std::size_t>(size));
  }
  EXPECT_TRUE((*container)->wait(CancelToken(), std::nullopt, {}).success());
  EXPECT_NE(text.find("tty=1 rows=33 columns=99 name=/dev/pts/0 controlling=1 leader=1"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("inject=Operation not permitted"), std::string::npos) << text;
}

TEST_F(ContainerProcess, SignalsAreForwardedToTheCommand) {
  auto out = sys::make_pipe();
  ContainerSpec wanted = spec({"probe", "wait-signal", "5"});
  wanted.process.stdout_fd = out->write.get();
  auto container = engine_->start(wanted);
  ASSERT_TRUE(container) << container.error().text();
  out->write.reset();
  char ready[6];
  ASSERT_EQ(::read(out->read.get(), ready, sizeof ready), 6);
  ASSERT_TRUE((*container)->signal(SIGHUP));
  const Outcome outcome = (*container)->wait(CancelToken(), std::nullopt, {});
  EXPECT_EQ(outcome.code, 5);
  EXPECT_EQ(drain(out->read.get()), "caught 1\n");
}

TEST_F(ContainerProcess, CancelTerminatesAndThenKills) {
  for (const char* guest : {"wait-signal", "ignore-signals"}) {
    auto out = sys::make_pipe();
    ContainerSpec wanted = spec({"probe", guest, "0"});
    wanted.process.stdout_fd = out->write.get();
    auto container = engine_->start(wanted);
    ASSERT_TRUE(container) << container.error().text();
    char ready[6];
    ASSERT_EQ(::read(out->read.get(), ready, sizeof ready), 6);
    CancelToken cancel;
    cancel.cancel(CancelLevel::kTerminate);
    const Outcome outcome = (*container)->wait(cancel, std::nullopt, {SIGTERM, Millis(20)});
    EXPECT_EQ(outcome.kind, Outcome::Kind::kCancelled);
    EXPECT_EQ(outcome.shell_code(), 130);
  }
}

TEST_F(ContainerProcess, BackgroundChildrenEndWithTheCommand) {
  // drain() in run() would never see the end of file if one of them lived.
  EXPECT_TRUE(run_argv({"probe", "daemon"}).outcome.success());
}

TEST_F(ContainerProcess, HasItsOwnLoopbackOnly) {
  EXPECT_EQ(output_of({"probe", "interface", "lo"}), "up\n");
  EXPECT_EQ(output_of({"probe", "list", "/sys/class/net"}), "lo\n");
}

TEST_F(ContainerProcess, CanUseTheHostsNetwork) {
  ContainerSpec wanted = spec({"probe", "cat", "/proc/self/ns/net"});
  wanted.network = Network::kHost;
  EXPECT_FALSE(run(wanted).outcome.kind == Outcome::Kind::kSetupFailed);
}

TEST_F(ContainerProcess, StartsWithTheUsualLimitsAndUmask) {
  EXPECT_EQ(output_of({"probe", "umask"}), "022\n");
  EXPECT_EQ(output_of({"probe", "limit", std::to_string(RLIMIT_CORE)}).substr(0, 2), "0 ");
  EXPECT_EQ(output_of({"probe", "limit", std::to_string(RLIMIT_NOFILE)}).substr(0, 5), "1024 ");
}

TEST_F(ContainerProcess, CapabilitiesAreTheDefaultForRootAndNoneForOthers) {
  EXPECT_EQ(status_line("CapEff"), "00000000800405fb");
  EXPECT_EQ(status_line("CapBnd"), "00000000800405fb");
  EXPECT_EQ(status_line("CapEff", "1000"), "0000000000000000");
  EXPECT_EQ(status_line("NoNewPrivs"), "1");
  EXPECT_EQ(status_line("Seccomp"), "2");
  EXPECT_EQ(status_line("SigIgn"), "0000000000000000");
  EXPECT_EQ(status_line("SigBlk"), "0000000000000000");
}

TEST_F(ContainerProcess, InitHasOnlyTheRightToForwardSignalsAndTheSameFilter) {
  const std::string status = output_of({"probe", "cat", "/proc/1/status"});
  EXPECT_NE(status.find("CapEff:\t0000000000000020\n"), std::string::npos) << status;
  EXPECT_NE(status.find("Seccomp:\t2\n"), std::string::npos) << status;
  EXPECT_NE(status.find("NoNewPrivs:\t1\n"), std::string::npos) << status;
}

TEST_F(ContainerProcess, PrivilegesCanBeGainedWhereTheSpecAllowsIt) {
  ContainerSpec wanted = spec({"probe", "cat", "/proc/self/status"});
  wanted.isolation.no_new_privileges = false;
  wanted.process.user = "1000";
  const std::string status = output(wanted);
  EXPECT_NE(status.find("NoNewPrivs:\t0\n"), std::string::npos);
  EXPECT_NE(status.find("Seccomp:\t2\n"), std::string::npos);
}

}  // namespace
}  // namespace slipway::sandbox
