// System call wrappers and host commands.
#include "base/sys.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <thread>

#include "base/files.h"

namespace slipway::sys {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;

TEST(Pipe, EndsAreCloseOnExec) {
  const Pipe pipe = make_pipe().value();
  EXPECT_NE(::fcntl(pipe.read.get(), F_GETFD) & FD_CLOEXEC, 0);
  EXPECT_NE(::fcntl(pipe.write.get(), F_GETFD) & FD_CLOEXEC, 0);
}

TEST(Memfd, IsSealedAgainstEveryChangeButMayBeExecuted) {
  const Fd fd = memfd_sealed("test", "content").value();
  EXPECT_EQ(read_fd(open_file("/proc/self/fd/" + std::to_string(fd.get()), O_RDONLY)->get(), 1_KiB,
                    "memfd")
                .value(),
            "content");
  EXPECT_LT(::write(fd.get(), "x", 1), 0);
  EXPECT_NE(::ftruncate(fd.get(), 0), 0);
  struct stat info {};
  ASSERT_EQ(::fstat(fd.get(), &info), 0);
  EXPECT_NE(info.st_mode & 0100, 0U);
}

TEST(Pidfd, WaitTellsExitFromSignalAndReaps) {
  for (const int how : {0, 7, -SIGKILL}) {
    const pid_t pid = ::fork();
    if (pid == 0) {
      if (how < 0) ::raise(-how);
      ::_exit(how);
    }
    const Fd pidfd = pidfd_open(pid).value();
    const ExitInfo info = wait_pidfd(pidfd.get()).value();
    EXPECT_EQ(info.signalled, how < 0);
    EXPECT_EQ(info.code, how < 0 ? -how : how);
    EXPECT_EQ(::waitpid(pid, nullptr, 0), -1);
    EXPECT_EQ(pidfd_signal(pidfd.get(), 0).error().code(), ErrorCode::kNotFound);
  }
}

TEST(WaitReadable, IsFalseAtTheDeadlineAndTrueWithData) {
  const Pipe pipe = make_pipe().value();
  EXPECT_FALSE(wait_readable(pipe.read.get(), real_clock().mono()).value());
  ASSERT_TRUE(write_all(pipe.write.get(), "x", "pipe"));
  EXPECT_TRUE(wait_readable(pipe.read.get(), std::nullopt).value());
  EXPECT_FALSE(wait_readable(1'000'000, std::nullopt));
}

TEST(RunCommand, CapturesBothStreamsAndTheExitCode) {
  const CommandResult result =
      run_command({"sh", "-c", "echo out; echo err >&2; read x; exit 3"}, CancelToken(), minutes(1))
          .value();
  EXPECT_EQ(result.out, "out\n");
  EXPECT_EQ(result.err, "err\n");
  EXPECT_FALSE(result.exit.signalled);
  EXPECT_EQ(result.exit.code, 3);
}

TEST(RunCommand, GivesInputOfAnySizeOnStandardInput) {
  const std::string input(300'000, 'x');
  const CommandResult result = run_command({"wc", "-c"}, CancelToken(), minutes(1), input).value();
  EXPECT_EQ(result.out, "300000\n");
}

TEST(RunCommand, KeepsTheFirstMebibyteAndReadsOn) {
  const CommandResult result =
      run_command({"head", "-c", "5000000", "/dev/zero"}, CancelToken(), minutes(1)).value();
  EXPECT_EQ(result.out.size(), std::size_t{1} << 20);
  EXPECT_EQ(result.exit.code, 0);
}

TEST(RunCommand, NamesAProgramThatIsNotThere) {
  const auto result = run_command({"/no/such/program"}, CancelToken(), minutes(1));
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().text(), "run /no/such/program: no such file or directory");
  EXPECT_EQ(result.error().code(), ErrorCode::kNotFound);
  EXPECT_FALSE(run_command({}, CancelToken(), minutes(1)));
}

TEST(RunCommand, KillsTheWholeGroupAtTheDeadlineEvenIfItIgnoresTermination) {
  const auto result = run_command({"sh", "-c", "trap '' TERM; sleep 600 & wait; sleep 600"},
                                  CancelToken(), milliseconds(50));
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code(), ErrorCode::kTimeout);
}

TEST(RunCommand, EndsOnCancel) {
  const CancelToken cancel;
  std::thread canceller([&] { cancel.cancel(CancelLevel::kTerminate); });
  const auto result = run_command({"sleep", "600"}, cancel, minutes(10));
  canceller.join();
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code(), ErrorCode::kCancelled);
}

TEST(RunCommand, DoesNotWaitForAGrandchildThatHoldsTheOutputOpen) {
  const CommandResult result =
      run_command({"sh", "-c", "sleep 600 & echo $!"}, CancelToken(), minutes(10)).value();
  const pid_t left = static_cast<pid_t>(std::stol(result.out));
  EXPECT_EQ(::kill(left, SIGKILL), 0);
}

TEST(RunCommand, InheritsNoDescriptor) {
  const Fd open = open_file("/dev/null", O_RDONLY).value();
  const CommandResult result =
      run_command({"sh", "-c", "ls /proc/$$/fd"}, CancelToken(), minutes(1)).value();
  EXPECT_EQ(result.out.find(std::to_string(open.get()) + "\n"), std::string::npos) << result.out;
}

}  // namespace
}  // namespace slipway::sys
