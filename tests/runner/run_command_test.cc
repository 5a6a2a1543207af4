// `runner run` through the program itself: real containers, docker's exit codes, streams, terminal and signals.
#include <csignal>

#include "base/text.h"
#include "tests/runner/runner_fixture.h"

namespace slipway::runner {
namespace {

using testing::Program;
using testing::ProgramRun;
using testing::Stdio;

class RunCommand : public RunnerTest {};

TEST_F(RunCommand, ReturnsTheCommandsExitCode) {
  EXPECT_EQ(shell("exit 0").exit_code, 0);
  EXPECT_EQ(shell("exit 42").exit_code, 42);
  EXPECT_EQ(shell("kill -TERM $$").exit_code, 143);
  EXPECT_EQ(shell("kill -KILL $$").exit_code, 137);
}

TEST_F(RunCommand, Returns127ForAMissingCommandAnd126ForOneThatCannotRun) {
  const ProgramRun missing = runner({"run", "--rm", "busybox", "nope"});
  EXPECT_EQ(missing.exit_code, 127);
  EXPECT_EQ(missing.err, "runner: error: run nope: command not found in busybox\n");
  EXPECT_EQ(runner({"run", "--rm", "busybox", "/bin/nope"}).exit_code, 127);
  const ProgramRun plain = runner({"run", "--rm", "busybox", "/etc/plain"});
  EXPECT_EQ(plain.exit_code, 126);
  EXPECT_EQ(plain.err, "runner: error: exec /etc/plain: permission denied\n");
}

TEST_F(RunCommand, Returns125ForTheEnginesTrouble) {
  const ProgramRun image = runner({"run", "--rm", "127.0.0.1:1/nope", "true"});
  EXPECT_EQ(image.exit_code, 125);
  EXPECT_NE(image.err.find("runner image import ROOTFS.tar 127.0.0.1:1/nope"), std::string::npos)
      << image.err;
  EXPECT_EQ(runner({"run", "--nope", "busybox"}).exit_code, 125);
  EXPECT_EQ(runner({"run", "--rm", "-u", "stranger", "busybox", "true"}).exit_code, 125);
  EXPECT_EQ(runner({"run", "--rm", "busybox"}).exit_code, 125)
      << "neither the line nor the image names a command";
}

TEST_F(RunCommand, KeepsStreamsApartAndPassesStdinOnlyWhenAsked) {
  const ProgramRun both = shell("echo out; echo err >&2");
  EXPECT_EQ(both.out, "out\n");
  EXPECT_EQ(both.err, "err\n");
  EXPECT_EQ(shell("cat", {"-i"}, "typed\n").out, "typed\n");
  EXPECT_EQ(shell("cat", {}, "typed\n").out, "");
}

TEST_F(RunCommand, CarriesAMegabyteThroughStdinAndStdout) {
  const std::string data(1 << 20, 'x');
  Program program(command_line({"run", "--rm", "-i", "busybox", "wc", "-c"}), environment(),
                  Stdio::kPipes);
  program.type(data);
  EXPECT_EQ(program.finish().out, "1048576\n");
}

TEST_F(RunCommand, GivesDockersEnvironment) {
  const ProgramRun run = shell("echo $A $B $HOME $PATH; test $HOSTNAME = $(hostname) && echo same",
                               {"-e", "A=1", "-eB=2 3"});
  EXPECT_EQ(run.out,
            "1 2 3 /root /usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\nsame\n");
}

TEST_F(RunCommand, TakesUserDirectoryAndHostName) {
  const ProgramRun run = shell("id -u; id -G; echo $HOME; echo $PWD; hostname",
                               {"-u", "app", "-w", "/srv/new", "-h", "box"});
  EXPECT_EQ(run.out, "1000\n1000 55\n/home/app\n/srv/new\nbox\n") << run.err;
  EXPECT_EQ(shell("id -u; id -g; echo $HOME", {"-u", "7:8"}).out, "7\n8\n/\n");
}

TEST_F(RunCommand, SharesVolumesAndKeepsReadOnlyOnesSo) {
  const std::string volume = directory_->path() + "/volume";
  std::filesystem::create_directory(volume);
  EXPECT_EQ(shell("echo from container > /data/file; id -u", {"-v", volume + ":/data"}).exit_code,
            0);
  EXPECT_EQ(read_file(volume + "/file", 1_KiB).value_or(""), "from container\n");
  EXPECT_EQ(shell("cat /data/file; echo x > /data/file", {"-v", volume + ":/data:ro"}).exit_code,
            1);
  EXPECT_EQ(shell("cat /data/file", {"-v", "./volume:/data:ro"}).out, "from container\n")
      << "relative to the directory";
}

TEST_F(RunCommand, ForgetsWhatAContainerWrote) {
  EXPECT_EQ(shell("echo x > /bin/new && test -f /bin/new").exit_code, 0);
  EXPECT_EQ(shell("test -e /bin/new").exit_code, 1);
}

TEST_F(RunCommand, HonoursReadOnlyAndTmpfs) {
  EXPECT_EQ(shell("touch /x", {"--read-only"}).exit_code, 1);
  EXPECT_EQ(shell("touch /scratch/x", {"--read-only", "--tmpfs", "/scratch:size=1m"}).exit_code, 0);
}

TEST_F(RunCommand, ReplacesAndClearsTheEntrypoint) {
  EXPECT_EQ(runner({"run", "--rm", "--entrypoint", "echo", "busybox", "own"}).out, "own\n");
  const ProgramRun import = runner({"image", "import", "-c", "ENTRYPOINT [\"echo\", \"entry\"]",
                                    "-c", "CMD [\"cmd\"]", archive(), "ep"});
  ASSERT_EQ(import.exit_code, 0) << import.err;
  EXPECT_EQ(runner({"run", "--rm", "ep"}).out, "entry cmd\n");
  EXPECT_EQ(runner({"run", "--rm", "ep", "other"}).out, "entry other\n");
  EXPECT_EQ(runner({"run", "--rm", "--entrypoint", "", "ep", "echo", "plain"}).out, "plain\n");
}

TEST_F(RunCommand, EndsAtItsTimeout) {
  const ProgramRun run = runner({"run", "--rm", "--timeout", "100ms", "busybox", "sleep", "60"});
  EXPECT_EQ(run.exit_code, 124);
  EXPECT_EQ(run.err, "runner: error: timed out\n");
}

TEST_F(RunCommand, ForwardsSignalsToTheCommand) {
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1}) {
    Program program(
        command_line(
            {"run", "--rm", "busybox", "sh", "-c",
             "trap 'exit 33' INT TERM HUP QUIT USR1; echo ready; while :; do sleep 0.01; done"}),
        environment(), Stdio::kPipes);
    ASSERT_TRUE(program.wait_for("ready"));
    program.signal(signal);
    EXPECT_EQ(program.finish().exit_code, 33) << signal;
  }
}

TEST_F(RunCommand, DiesOfASignalItDoesNotHandle) {
  Program program(command_line({"run", "--rm", "busybox", "sh", "-c", "echo ready; exec sleep 60"}),
                  environment(), Stdio::kPipes);
  ASSERT_TRUE(program.wait_for("ready"));
  program.signal(SIGTERM);
  EXPECT_EQ(program.finish().exit_code, 143);
}

TEST_F(RunCommand, GivesUpAskingAtTheThirdInterrupt) {
  Program program(command_line({"run", "--rm", "busybox", "sh", "-c",
                                "trap 'echo no' INT; echo ready; while :; do sleep 0.01; done"}),
                  environment(), Stdio::kPipes);
  ASSERT_TRUE(program.wait_for("ready"));
  program.signal(SIGINT);
  ASSERT_TRUE(program.wait_for("no\n"));
  program.signal(SIGINT);
  ASSERT_TRUE(program.wait_for("no\nno\n"));
  program.signal(SIGINT);
  EXPECT_NE(program.finish().exit_code, -1);
}

TEST_F(RunCommand, LeavesSignalsAtTheirDefaultInside) {
  EXPECT_EQ(shell("yes | head -n1").out, "y\n");
  // Without a shell between: busybox's ignores SIGQUIT itself.
  EXPECT_EQ(runner({"run", "--rm", "busybox", "grep", "SigIgn", "/proc/self/status"}).out,
            "SigIgn:\t0000000000000000\n");
  EXPECT_EQ(runner({"run", "--rm", "busybox", "grep", "SigBlk", "/proc/self/status"}).out,
            "SigBlk:\t0000000000000000\n");
}

TEST_F(RunCommand, GivesATerminalOfThisOnesSizeAndFollowsIt) {
  Program program(command_line({"run", "--rm", "-it", "busybox", "sh"}), environment(),
                  Stdio::kTerminal);
  program.type("stty size; tty\n");
  ASSERT_TRUE(program.wait_for("30 100\r\n/dev/pts/0"));
  program.resize(40, 120);
  program.type("until test \"$(stty size)\" = '40 120'; do sleep 0.01; done; echo re''sized\n");
  ASSERT_TRUE(program.wait_for("resized"));
  program.type("exit 5\n");
  EXPECT_EQ(program.finish().exit_code, 5);
}

TEST_F(RunCommand, SendsCtrlCThroughTheTerminal) {
  Program program(command_line({"run", "--rm", "-it", "busybox", "sh", "-c",
                                "trap 'exit 44' INT; echo re''ady; while :; do sleep 0.01; done"}),
                  environment(), Stdio::kTerminal);
  ASSERT_TRUE(program.wait_for("ready"));
  program.type("\x03");
  EXPECT_EQ(program.finish().exit_code, 44);
}

TEST_F(RunCommand, RestoresTheTerminal) {
  const std::string line = "stty -g > before; " +
                           shell_join(command_line({"run", "--rm", "-it", "busybox", "true"})) +
                           "; stty -g > after; cmp before after && echo sa''me";
  Program program({"sh", "-c", line}, environment(), Stdio::kTerminal, directory_->path());
  EXPECT_TRUE(program.wait_for("same"));
  EXPECT_EQ(program.finish().exit_code, 0);
}

TEST_F(RunCommand, RefusesATerminalWithoutOne) {
  const ProgramRun run = runner({"run", "--rm", "-it", "busybox", "true"});
  EXPECT_EQ(run.exit_code, 125);
  EXPECT_NE(run.err.find("standard input is not a terminal"), std::string::npos) << run.err;
}

TEST_F(RunCommand, PrintsThroughATerminalWithoutInput) {
  EXPECT_EQ(shell("tty", {"-t"}).out, "/dev/pts/0\r\n");
}

TEST_F(RunCommand, RunsTheMachinesOwnTools) {
  const ProgramRun run = runner({"run", "--rm", "host", "sh", "-c",
                                 "test ! -e /home && test ! -e /var/lib/slipway && echo ok"});
  EXPECT_EQ(run.out, "ok\n") << run.err;
}

TEST_F(RunCommand, LeavesNothingBehind) {
  const std::string ids = directory_->path() + "/id-";
  EXPECT_EQ(shell("sleep 60 & exit 0", {"--cidfile", ids + "1", "-m", "32m", "--pids-limit", "10"})
                .exit_code,
            0);
  EXPECT_EQ(
      runner({"run", "--rm", "--cidfile", ids + "2", "--timeout", "50ms", "busybox", "sleep", "60"})
          .exit_code,
      124);
  for (const char* number : {"1", "2"}) {
    const std::string id = read_file(ids + number, 1_KiB).value_or("");
    ASSERT_EQ(id.size(), 64U);
    EXPECT_FALSE(std::filesystem::exists(state() + "/containers/" + id));
    std::error_code ignored;
    for (const auto& hierarchy : std::filesystem::directory_iterator("/sys/fs/cgroup", ignored)) {
      for (const auto& group :
           std::filesystem::directory_iterator(hierarchy.path() / "slipway", ignored)) {
        EXPECT_EQ(group.path().filename().string().find(id.substr(0, 12)), std::string::npos)
            << group.path();
      }
    }
  }
  EXPECT_EQ(runner({"ps", "-aq"}).out, "");
  EXPECT_EQ(read_file("/proc/self/mountinfo", 4_MiB).value_or("").find(state()), std::string::npos);
  for (const auto& draft : std::filesystem::directory_iterator(state() + "/drafts")) {
    EXPECT_TRUE(draft.path().filename().string().starts_with("spare")) << draft.path();
  }
}

}  // namespace
}  // namespace slipway::runner
