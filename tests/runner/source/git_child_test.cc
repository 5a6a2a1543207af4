// The reading child: its frames, its limits, what it cannot do.
#include "runner/source/git_child.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/files.h"
#include "runner/source/tree_path.h"

namespace slipway::runner {
namespace {

using Work = std::function<Status(const GitApi&, FrameWriter&)>;

Status run(const Work& work, const FrameHandler& receive = nullptr, const CancelToken& cancel = {},
           GitChildLimits limits = {}) {
  const FrameHandler ignore = [](FrameKind, std::string_view) { return Status{}; };
  Status status = run_git_child("read /repo", cancel, limits, work, receive ? receive : ignore);
  EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1) << "a child was left";
  return status;
}

/// What the child finds out about itself.
std::string told_by_child(const std::function<std::string()>& question) {
  std::string told;
  const Status status = run(
      [&](const GitApi&, FrameWriter& out) {
        out.field("answer", question());
        return Status{};
      },
      [&](FrameKind, std::string_view bytes) {
        told = bytes.substr(bytes.find('\0') + 1);
        return Status{};
      });
  EXPECT_TRUE(status) << status.error().text();
  return told;
}

TEST(GitChild, HandsOverFramesInOrder) {
  std::vector<std::string> got;
  ASSERT_TRUE(run(
      [](const GitApi&, FrameWriter& out) {
        for (int i = 0; i < 50'000; ++i) out.send(FrameKind::kWarning, std::to_string(i));
        out.send(FrameKind::kBytes, std::string(kMaxFrame, 'x'));
        return Status{};
      },
      [&](FrameKind, std::string_view bytes) {
        got.emplace_back(bytes);
        return Status{};
      }));
  ASSERT_EQ(got.size(), 50'001u);
  EXPECT_EQ(got[49'999], "49999");
  EXPECT_EQ(got.back().size(), kMaxFrame);
}

TEST(GitChild, CarriesErrorsOver) {
  const Status status = run([](const GitApi&, FrameWriter&) {
    return Status(fail(ErrorCode::kNotFound, "find x\x1b: no"));
  });
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code(), ErrorCode::kNotFound);
  EXPECT_EQ(status.error().text(), "find x\\x1b: no");
}

TEST(GitChild, ReportsACrashWithTheRepositorysName) {
  const Status status = run([](const GitApi&, FrameWriter&) {
    ::raise(SIGKILL);
    return Status{};
  });
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code(), ErrorCode::kCorrupt);
  EXPECT_EQ(status.error().text(),
            "read /repo: libgit2 stopped with signal 9; is the repository damaged?");
}

TEST(GitChild, KillsWhatDoesNotAnswer) {
  GitChildLimits limits;
  limits.stall = std::chrono::milliseconds(20);
  const Status status = run(
      [](const GitApi&, FrameWriter&) {
        for (;;) ::pause();
        return Status{};
      },
      nullptr, {}, limits);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code(), ErrorCode::kTimeout);
}

TEST(GitChild, KillsWhatNeverStopsAnswering) {
  GitChildLimits limits;
  limits.total = std::chrono::milliseconds(100);
  const Status status = run(
      [](const GitApi&, FrameWriter& out) {
        for (;;) out.send(FrameKind::kWarning, std::string(1'000, 'x'));
        return Status{};
      },
      nullptr, {}, limits);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code(), ErrorCode::kTimeout);
}

TEST(GitChild, DiesOnCancelAndOnTheHandlersError) {
  const CancelToken cancel;
  const Work endless = [](const GitApi&, FrameWriter& out) {
    out.field("a", "b");
    out.flush();
    for (;;) ::pause();
    return Status{};
  };
  const Status cancelled = run(
      endless,
      [&](FrameKind, std::string_view) {
        cancel.cancel(CancelLevel::kTerminate);
        return Status{};
      },
      cancel);
  ASSERT_FALSE(cancelled);
  EXPECT_EQ(cancelled.error().code(), ErrorCode::kCancelled);
  const Status refused = run(
      endless, [](FrameKind, std::string_view) { return Status(fail(ErrorCode::kInvalid, "no")); });
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().text(), "no");
}

TEST(GitChild, CanWriteNoFile) {
  const auto dir = TempDir::make("/tmp", "git-child-");
  ASSERT_TRUE(dir);
  const std::string path = dir->path() + "/existing";
  ASSERT_TRUE(write_file_atomic(path, "kept", 0666));
  EXPECT_EQ(told_by_child([&] {
              const int made = ::open((dir->path() + "/new").c_str(), O_WRONLY | O_CREAT, 0600);
              const bool wrote_new = made >= 0 && ::write(made, "x", 1) == 1;
              const int old = ::open(path.c_str(), O_WRONLY);
              const bool wrote_old = old >= 0 && ::write(old, "y", 1) == 1;
              return std::string(wrote_new ? "wrote new " : "") + (wrote_old ? "wrote old" : "");
            }),
            "");
  EXPECT_EQ(*read_file(path, 1_KiB), "kept");
}

TEST(GitChild, HasNoneOfOurDescriptors) {
  const Fd ours(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  EXPECT_EQ(told_by_child(
                [&] { return std::string(::fcntl(ours.get(), F_GETFD) < 0 ? "closed" : "open"); }),
            "closed");
}

TEST(GitChild, RefusesMalformedFrames) {
  const FrameHandler ignore = [](FrameKind, std::string_view) { return Status{}; };
  FrameReader too_long;
  EXPECT_FALSE(too_long.feed(std::string("\x03\xff\xff\xff\x7f", 5), ignore));
  FrameReader after_end;
  EXPECT_FALSE(after_end.feed(std::string("\x01\0\0\0\0\x03\0\0\0\0", 10), ignore));
  FrameReader half;
  EXPECT_TRUE(half.feed(std::string("\x03\x05\0\0\0ab", 7), ignore));
  EXPECT_FALSE(half.done());
}

TEST(GitChild, ReadsFramesByteByByte) {
  std::vector<std::string> got;
  FrameReader reader;
  for (const char c : std::string("\x03\x02\0\0\0hi\x04\0\0\0\0\x01\0\0\0\0", 17)) {
    ASSERT_TRUE(reader.feed(std::string_view(&c, 1), [&](FrameKind, std::string_view bytes) {
      got.emplace_back(bytes);
      return Status{};
    }));
  }
  EXPECT_TRUE(reader.done());
  EXPECT_EQ(got, (std::vector<std::string>{"hi", ""}));
}

struct PathCase {
  std::string path;
  bool disk;
  bool commit;
};

TEST(TreePath, AcceptsOnlyPlainRelativePaths) {
  const std::vector<PathCase> cases{
      {"a", true, true},
      {"a/b.c/d e", true, true},
      {".gitignore", true, true},
      {".github/x", true, true},
      {"..a", true, true},
      {"git~2", true, true},
      {".GIT", true, false},
      {"a/Git~1/b", true, false},
      {".git...", true, false},
      {".git:stream", true, false},
      {".git\\x", true, false},
      {"\xe2\x80\x8d.git", true, false},
      {".git", false, false},
      {"a/.git/config", false, false},
      {"", false, false},
      {"/a", false, false},
      {"a/", false, false},
      {"a//b", false, false},
      {"./a", false, false},
      {"a/..", false, false},
      {std::string("a\0b", 3), false, false},
      {std::string(256, 'x'), false, false},
      {std::string(255, 'x'), true, true},
  };
  for (const PathCase& one : cases) {
    EXPECT_EQ(check_tree_path(one.path, PathOrigin::kDisk).has_value(), one.disk) << one.path;
    EXPECT_EQ(check_tree_path(one.path, PathOrigin::kCommit).has_value(), one.commit) << one.path;
  }
}

}  // namespace
}  // namespace slipway::runner
