// Errors, results, cancel tokens, the clock, digests and descriptors.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <set>
#include <thread>
#include <vector>

#include "base/cancel.h"
#include "base/clock.h"
#include "base/digest.h"
#include "base/fd.h"
#include "base/guarded.h"
#include "base/random.h"
#include "base/result.h"

namespace slipway {
namespace {

bool readable(int fd) {
  pollfd entry{fd, POLLIN, 0};
  return ::poll(&entry, 1, 0) == 1;
}

Result<int> half(int value) {
  if (value % 2 != 0) return fail(ErrorCode::kInvalid, "halve " + std::to_string(value) + ": odd");
  return value / 2;
}
Result<int> quarter(int value) {
  const int once = SLIP_TRY(half(value));
  return SLIP_TRY_WITHIN("second time", half(once));
}

TEST(Error, EveryCodeHasItsOwnNameAndAnExitCodeThatIsNotSuccess) {
  std::set<std::string_view> names;
  for (int i = 0; i <= static_cast<int>(ErrorCode::kInternal); ++i) {
    const auto code = static_cast<ErrorCode>(i);
    EXPECT_TRUE(names.insert(error_code_name(code)).second) << error_code_name(code);
    EXPECT_GE(http_status(code), 400);
    EXPECT_GE(exit_code(code), 2);
  }
}

TEST(Error, ExitCodesAreTheDocumentedOnes) {
  EXPECT_EQ(exit_code(ErrorCode::kInvalid), 2);
  EXPECT_EQ(exit_code(ErrorCode::kInternal), 3);
  EXPECT_EQ(exit_code(ErrorCode::kUnauthenticated), 4);
  EXPECT_EQ(exit_code(ErrorCode::kNotFound), 5);
  EXPECT_EQ(exit_code(ErrorCode::kTimeout), 6);
  EXPECT_EQ(exit_code(ErrorCode::kCancelled), 130);
}

TEST(Error, FromErrnoSaysTheCauseInLowerCaseAndKeepsTheNumber) {
  const Error error = errno_error(ENOENT, "open /nowhere");
  EXPECT_EQ(error.text(), "open /nowhere: no such file or directory");
  EXPECT_EQ(error.code(), ErrorCode::kNotFound);
  EXPECT_EQ(error.sys_errno(), ENOENT);
  EXPECT_EQ(errno_error(EXFULL, "x").code(), ErrorCode::kInternal);
}

TEST(Error, WithinPutsTheOuterActionInFront) {
  EXPECT_EQ(Error(ErrorCode::kTimeout, "read socket: late").within("pulling a:1").text(),
            "pulling a:1: read socket: late");
}

TEST(Result, TryReturnsTheFirstErrorWithItsContext) {
  EXPECT_EQ(quarter(8).value(), 2);
  EXPECT_EQ(quarter(3).error().text(), "halve 3: odd");
  EXPECT_EQ(quarter(6).error().text(), "second time: halve 3: odd");
}

TEST(Fd, ClosesOnceAndKeepsErrno) {
  int raw = -1;
  {
    Fd fd(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    raw = fd.get();
    Fd moved = std::move(fd);
    EXPECT_FALSE(fd.valid());  // NOLINT: the moved-from state is the claim
    EXPECT_EQ(moved.get(), raw);
    errno = ENOTTY;
  }
  EXPECT_EQ(errno, ENOTTY);
  EXPECT_EQ(::fcntl(raw, F_GETFD), -1);
}

TEST(CancelToken, OnlyEverGrowsAndWakesThePollerOfEachLevel) {
  const CancelToken token;
  const int terminate = token.poll_fd();
  const int kill = token.poll_fd(CancelLevel::kKill);
  EXPECT_FALSE(readable(terminate));
  token.cancel(CancelLevel::kTerminate);
  EXPECT_TRUE(readable(terminate));
  EXPECT_FALSE(readable(kill));
  token.cancel(CancelLevel::kKill);
  EXPECT_TRUE(readable(kill));
  token.cancel(CancelLevel::kTerminate);
  EXPECT_EQ(token.level(), CancelLevel::kKill);
}

TEST(CancelToken, ChildFiresWithItsAncestorsButNotTheOtherWayRound) {
  const CancelToken root;
  const CancelToken child = root.child();
  const CancelToken grandchild = child.child();
  const CancelToken sibling = root.child();
  const int grandchild_fd = grandchild.poll_fd();
  const int sibling_fd = sibling.poll_fd();
  child.cancel(CancelLevel::kTerminate);
  EXPECT_TRUE(grandchild.cancelled());
  EXPECT_TRUE(readable(grandchild_fd));
  EXPECT_FALSE(root.cancelled());
  EXPECT_FALSE(sibling.cancelled());
  EXPECT_FALSE(readable(sibling_fd));
  root.cancel(CancelLevel::kKill);
  EXPECT_EQ(grandchild.level(), CancelLevel::kKill);
  EXPECT_TRUE(readable(grandchild.poll_fd(CancelLevel::kKill)));
  EXPECT_TRUE(readable(sibling_fd));
}

TEST(CancelToken, PollDescriptorMadeAfterTheCancelIsReadableAtOnce) {
  const CancelToken root;
  root.cancel(CancelLevel::kKill);
  EXPECT_TRUE(readable(root.child().child().poll_fd()));
  EXPECT_TRUE(readable(root.poll_fd(CancelLevel::kKill)));
}

TEST(CancelToken, DeepChainsAreNotLimitedByTheKernelsNesting) {
  const CancelToken root;
  CancelToken token = root;
  for (int i = 0; i < 40; ++i) {
    token = token.child();
    EXPECT_FALSE(readable(token.poll_fd()));
  }
  root.cancel(CancelLevel::kTerminate);
  EXPECT_TRUE(readable(token.poll_fd()));
}

TEST(CancelToken, RacingCancelAndFirstPollNeverLosesTheWakeUp) {
  for (int round = 0; round < 300; ++round) {
    const CancelToken root;
    const CancelToken child = root.child();
    std::thread canceller([&] { root.cancel(CancelLevel::kTerminate); });
    std::thread other([&] { (void)child.poll_fd(); });
    const int fd = child.poll_fd();
    canceller.join();
    other.join();
    EXPECT_TRUE(readable(fd));
    EXPECT_EQ(child.poll_fd(), fd);
  }
}

TEST(CancelToken, CanBeCancelledFromASignalHandler) {
  static CancelToken token;
  const int fd = token.child().poll_fd();
  (void)fd;
  struct sigaction action {};
  struct sigaction before {};
  action.sa_handler = [](int) { token.cancel(CancelLevel::kTerminate); };
  ::sigaction(SIGUSR1, &action, &before);
  ::raise(SIGUSR1);
  ::sigaction(SIGUSR1, &before, nullptr);
  EXPECT_TRUE(token.cancelled());
  EXPECT_TRUE(readable(token.poll_fd()));
}

TEST(CancelToken, DescriptorsGoWithTheLastCopy) {
  int fd = -1;
  {
    const CancelToken root;
    const CancelToken child = root.child();
    fd = child.poll_fd();
    EXPECT_NE(::fcntl(fd, F_GETFD) & FD_CLOEXEC, 0);
  }
  EXPECT_EQ(::fcntl(fd, F_GETFD), -1);
}

TEST(Clock, FormatsRfc3339InUtcWithMilliseconds) {
  EXPECT_EQ(format_rfc3339(WallTime(std::chrono::milliseconds(1767323045678))),
            "2026-01-02T03:04:05.678Z");
  EXPECT_EQ(format_rfc3339(WallTime(std::chrono::milliseconds(-1))), "1969-12-31T23:59:59.999Z");
}

TEST(Digest, IsSha256OfTheBytes) {
  EXPECT_EQ(Digest::of("").str(),
            "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(Digest::of("abc").hex(),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(Digest, IncrementalEqualsWhole) {
  Sha256 hasher;
  hasher.update("a");
  Sha256 moved = std::move(hasher);
  moved.update(std::as_bytes(std::span("bc", 2)));
  EXPECT_EQ(moved.finish(), Digest::of("abc"));
}

TEST(Digest, ParsesOnlyItsOwnSpelling) {
  const Digest digest = Digest::of("abc");
  EXPECT_EQ(Digest::parse(digest.str()).value(), digest);
  std::string upper = digest.str();
  upper.back() = 'D';
  const std::string bad[] = {"",
                             "sha256:",
                             digest.hex(),
                             digest.str() + "0",
                             "sha512:" + digest.hex(),
                             upper,
                             "sha256:../" + digest.hex().substr(3),
                             " " + digest.str()};
  for (const std::string& text : bad) {
    const Result<Digest> parsed = Digest::parse(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_EQ(parsed.error().code(), ErrorCode::kInvalid);
  }
}

TEST(Random, HexHasTwoDigitsAByteAndDiffers) {
  EXPECT_EQ(random_hex(8).size(), 16U);
  EXPECT_EQ(random_hex(16).find_first_not_of("0123456789abcdef"), std::string::npos);
  EXPECT_NE(random_hex(16), random_hex(16));
}

TEST(Guarded, WaitWakesWhenTheValueIsReady) {
  Guarded<int> value(0);
  std::thread setter([&] {
    value.with([](int& v) { v = 7; });
    value.notify_all();
  });
  EXPECT_EQ(value.wait([](int v) { return v == 7; }, [](int& v) { return v; }), 7);
  setter.join();
}

}  // namespace
}  // namespace slipway
