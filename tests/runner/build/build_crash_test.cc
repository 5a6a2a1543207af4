// A build that is killed leaves nothing, and the next one works.
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/sys.h"
#include "tests/runner/build/build_fixture.h"

namespace slipway::runner {
namespace {

/// Tells another process as soon as a command speaks.
class Herald : public BuildWitness {
 public:
  explicit Herald(int fd) : fd_(fd) {}
  void output(std::size_t /*vertex*/, int /*stream*/, std::string_view bytes) override {
    (void)!::write(fd_, bytes.data(), bytes.size());
  }

 private:
  int fd_;
};

class BuildCrash : public BuildTest {};

TEST_F(BuildCrash, KilledInTheMiddleLeavesNothingAndTheNextBuildWorks) {
  const std::string dockerfile =
      "FROM busybox\nRUN echo 1 > /1\nRUN --mount=type=cache,target=/c,sharing=locked "
      "test -e /c/again || { touch /c/again; echo started; while :; do sleep 1; done; }\n";
  Result<sys::Pipe> made = sys::make_pipe();
  ASSERT_TRUE(made);
  sys::Pipe pipe = *std::move(made);
  const pid_t child = ::fork();
  if (child == 0) {
    // As a process of its own would be: its mounts go with it.
    if (::unshare(CLONE_NEWNS) != 0) ::_exit(1);
    open_state();  // A store's descriptors and locks are one process's own.
    Herald herald(pipe.write.get());
    (void)build_raw(dockerfile, herald);
    ::_exit(0);
  }
  pipe.write.reset();
  char first = 0;
  ASSERT_EQ(::read(pipe.read.get(), &first, 1), 1);
  ASSERT_EQ(::kill(child, SIGKILL), 0);
  ASSERT_EQ(::waitpid(child, nullptr, 0), child);
  // The command's end closes the pipe's last copies: nothing of it runs any more.
  char rest[64];
  while (::read(pipe.read.get(), rest, sizeof rest) > 0) {
  }
  open_state();
  build(dockerfile);
  EXPECT_EQ(seen.in_state(VertexState::kCached).size(), 2U);  // The base and the first step.
  std::size_t drafts = 0;
  for (const auto& entry : std::filesystem::directory_iterator(state() + "/drafts"))
    drafts += entry.is_directory() ? 1 : 0;
  EXPECT_EQ(drafts, 0U);
}

}  // namespace
}  // namespace slipway::runner
