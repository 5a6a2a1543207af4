// What a build looks like: the lines for files, the picture for terminals, JSON.
#include "runner/logs/build_progress.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/files.h"
#include "base/text.h"
#include "runner/logs/build_view.h"
#include "tests/support/golden.h"

namespace slipway::runner {
namespace {

using namespace std::chrono_literals;

/// Time stands still but for what the test adds.
class SetClock : public Clock {
 public:
  WallTime wall() const override { return {}; }
  MonoTime mono() const override { return now; }
  MonoTime now{};
};

pipeline::LintFinding finding(const std::string& rule, int line) {
  pipeline::LintFinding found;
  found.rule = rule;
  found.diagnostic.message = "Stage name 'One' should be lowercase\x1b[2J";
  found.diagnostic.span = {0, line, 1, line, 2};
  return found;
}

BuildVertex vertex(std::size_t id, const std::string& name, VertexState state, double seconds = 0,
                   const std::string& error = "") {
  return {id, name, "", state, seconds, error};
}

/// Two steps at once, one cached, one that fails with a last line that has no end.
void play(BuildObserver& build, SetClock& clock) {
  build.note("network: RUN sees loopback only");
  build.vertex(
      vertex(7, "[internal] load build definition from Dockerfile", VertexState::kRunning));
  build.progress(7, "transferring dockerfile", 56, 56);
  build.vertex(vertex(7, "[internal] load build definition from Dockerfile", VertexState::kDone));
  build.vertex(vertex(3, "[1/3] FROM base", VertexState::kCached));
  build.vertex(vertex(4, "[2/3] RUN make", VertexState::kRunning));
  build.vertex(vertex(5, "[test 2/2] RUN \x1b[31mtest", VertexState::kRunning));
  clock.now += 123ms;
  build.output(4, 1, "compiling a\ncompil");
  build.output(5, 2, "warning: odd\n");
  clock.now += 1s;
  build.output(4, 1, "ing b\n");
  build.warning(finding("StageNameCasing", 3));
  build.output(5, 1, "no end");
  build.vertex(vertex(5, "[test 2/2] RUN \x1b[31mtest", VertexState::kFailed, 1.1, "exit code: 2"));
  build.vertex(vertex(4, "[2/3] RUN make", VertexState::kCancelled, 1.2));
}

std::string output_of(ProgressMode mode) {
  const Fd file(::memfd_create("output", MFD_CLOEXEC));
  ProgressOptions options;
  options.mode = mode;
  options.fd = file.get();
  SetClock clock;
  const auto progress = make_build_progress(options, clock);
  play(*progress, clock);
  progress->finish();
  ::lseek(file.get(), 0, SEEK_SET);
  return read_fd(file.get(), 1_MiB, "output").value_or("");
}

TEST(BuildProgress, WritesDockersLinesToAFile) {
  testing::expect_golden("logs/build_plain.txt", output_of(ProgressMode::kPlain));
}

TEST(BuildProgress, IsQuietButForTheStepThatFailed) {
  testing::expect_golden("logs/build_quiet.txt", output_of(ProgressMode::kQuiet));
}

TEST(BuildView, DrawsStepsWithTheirNewestLines) {
  // The pure half of the terminal's form; how a screen is redrawn is tested with the transfers.
  class Recorder : public BuildObserver {
   public:
    explicit Recorder(const Clock& clock) : clock_(clock) {}
    void vertex(const BuildVertex& vertex) override { view.apply(vertex, clock_.mono()); }
    void output(std::size_t id, int stream, std::string_view bytes) override {
      view.output(id, stream, bytes, clock_.mono());
      text += join(draw_build(view, MonoTime{}, clock_.mono(), {60, 12}, {}), "\n") + "\n\n";
    }
    void progress(std::size_t id, const std::string& what, std::uint64_t done,
                  std::uint64_t total) override {
      view.progress(id, what, done, total);
      text += join(draw_build(view, MonoTime{}, clock_.mono(), {60, 12}, {}), "\n") + "\n\n";
    }
    void warning(const pipeline::LintFinding&) override {}
    void note(const std::string&) override {}
    BuildView view;
    std::string text;

   private:
    const Clock& clock_;
  };
  SetClock clock;
  Recorder recorder(clock);
  play(recorder, clock);
  recorder.text +=
      join(draw_build(recorder.view, MonoTime{}, clock.mono(), {60, 0}, {}), "\n") + "\n";
  testing::expect_golden("logs/build_tty.txt", recorder.text);
}

TEST(BuildView, ShowsNoMoreRowsThanTheScreenHas) {
  BuildView view;
  for (std::size_t id = 0; id < 50; ++id)
    view.apply(vertex(id, "[x] RUN " + std::string(300, 'y'), VertexState::kRunning), MonoTime{});
  for (const std::size_t rows : {4U, 10U, 24U}) {
    const auto lines = draw_build(view, MonoTime{}, MonoTime{}, {40, rows}, {});
    EXPECT_EQ(lines.size(), rows - 1);
    for (const std::string& line : lines) EXPECT_LT(display_width(line), 40U) << line;
  }
  EXPECT_TRUE(draw_build(view, MonoTime{}, MonoTime{}, {10, 24}, {}).empty());
}

TEST(BuildView, KeepsOnlyTheNewestLinesOfAStep) {
  BuildView view;
  view.apply(vertex(1, "x", VertexState::kRunning), MonoTime{});
  for (int i = 0; i < 1000; ++i) view.output(1, 1, "line " + std::to_string(i) + "\n", MonoTime{});
  EXPECT_EQ(view.step(1).tail.size(), BuildView::kTail);
  EXPECT_EQ(view.step(1).tail.back().text, "line 999");
}

}  // namespace
}  // namespace slipway::runner
