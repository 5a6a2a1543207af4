// The terminal sink on a real pty, its screen read through a small terminal emulator; layout at all sizes.
#include "runner/logs/tty_sink.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <pty.h>
#include <unistd.h>

#include <condition_variable>
#include <mutex>
#include <thread>

#include "base/fd.h"
#include "base/text.h"
#include "base/units.h"
#include "runner/logs/live_area.h"
#include "tests/runner/logs/run_script.h"
#include "tests/runner/logs/tiny_terminal.h"
#include "tests/support/golden.h"

namespace slipway::runner {
namespace {

class SetClock : public Clock {
 public:
  MonoTime mono() const override { return MonoTime(std::chrono::seconds(seconds.load())); }
  WallTime wall() const override { return WallTime(); }
  std::atomic<int> seconds{1'000};
};

/// A pty whose other end is read all the time into a TinyTerminal.
class TtyTest : public ::testing::Test {
 protected:
  void start(unsigned short columns, unsigned short rows, const Style& style = {}) {
    struct winsize size {
      rows, columns, 0, 0
    };
    int master = -1;
    int slave = -1;
    ASSERT_EQ(::openpty(&master, &slave, nullptr, nullptr, &size), 0);
    master_ = Fd(master);
    slave_ = Fd(slave);
    terminal_ = std::make_unique<TinyTerminal>(columns, rows);
    ProgressOptions options;
    options.fd = slave;
    options.repeat_command = "runner exec ci.yml";
    sink_ = make_tty_sink(options, style, clock_);
    reader_ = std::thread([this] { read_all(); });
  }
  /// Closes the sink and returns what a person then sees, scrolled lines included.
  std::string finish() {
    sink_->close();
    sink_.reset();
    stop_reading();
    return terminal_->text();
  }
  void TearDown() override { stop_reading(); }

  void stop_reading() {
    slave_.reset();
    if (reader_.joinable()) reader_.join();
  }
  void emit(const std::vector<Event>& events) {
    for (const Event& event : events) sink_->on_event(event);
  }
  /// Blocks until the screen shows `text` (drawn by the sink's own thread).
  void wait_for(const std::string& text) {
    std::unique_lock lock(mutex_);
    const bool seen = changed_.wait_for(lock, std::chrono::seconds(60), [&] {
      return terminal_->text().find(text) != std::string::npos;
    });
    ASSERT_TRUE(seen) << "no \"" << text << "\" on:\n" << terminal_->text();
  }
  std::string screen() {
    std::lock_guard lock(mutex_);
    return terminal_->text();
  }

  SetClock clock_;
  std::shared_ptr<EventSink> sink_;
  std::unique_ptr<TinyTerminal> terminal_;
  std::string raw_;

 private:
  void read_all() {
    std::string buffer(65'536, '\0');
    for (;;) {
      const ssize_t got = ::read(master_.get(), buffer.data(), buffer.size());
      if (got <= 0) return;  // EIO: the last writer has closed
      std::lock_guard lock(mutex_);
      raw_.append(buffer, 0, static_cast<std::size_t>(got));
      terminal_->feed(std::string_view(buffer).substr(0, static_cast<std::size_t>(got)));
      changed_.notify_all();
    }
  }
  Fd master_;
  Fd slave_;
  std::thread reader_;
  std::mutex mutex_;
  std::condition_variable changed_;
};

TEST_F(TtyTest, LeavesTheLogOfASingleJobAndItsStepsBehind) {
  start(80, 24);
  emit(green_run());
  testing::expect_golden("logs/tty_green.txt", finish() + "\n");
  EXPECT_TRUE(terminal_->cursor_shown);
  EXPECT_FALSE(terminal_->unknown);
}

TEST_F(TtyTest, LeavesOneLineAJobAndTheSummaryBehind) {
  start(80, 24);
  emit(red_run());
  testing::expect_golden("logs/tty_red.txt", finish() + "\n");
}

TEST_F(TtyTest, ShowsRunningJobsWithStepTimerAndCount) {
  start(80, 24);
  emit({run_start({"build", "test (gcc)", "deploy"}), job_start("build"), job_start("test (gcc)"),
        step_start("build", "compile"), log("build", "compile", "cc \tmain.c"),
        job_end("deploy", "skipped", 0, 0, "not due")});
  clock_.seconds += 75;
  wait_for("1m15s");
  wait_for("1/3 done");
  const std::string text = screen();
  EXPECT_NE(text.find("1/2 compile  cc  main.c"), std::string::npos) << text;
  EXPECT_NE(text.find("2 running"), std::string::npos) << text;
  EXPECT_NE(text.find("– deploy  skipped: not due"), std::string::npos) << text;
  EXPECT_EQ(finish().find("running"), std::string::npos);
}

TEST_F(TtyTest, RedrawsInPlace) {
  start(60, 10);
  emit({run_start({"a", "b"}), job_start("a"), job_start("b"), step_start("a", "one")});
  wait_for("0/2 done");
  for (int second = 1; second <= 5; ++second) {
    clock_.seconds += 1;
    wait_for(std::to_string(second) + "s");
  }
  EXPECT_TRUE(terminal_->scrolled.empty());
  EXPECT_EQ(split(screen(), '\n').size(), 3u) << screen();
  EXPECT_EQ(finish(), "");
}

TEST_F(TtyTest, GivesTheTerminalAwayWhilePaused) {
  start(60, 10);
  emit({run_start({"a"}), job_start("a"), step_start("a", "compile")});
  wait_for("compile");
  sink_->pause();
  // A marker written by "the shell"; nothing of the sink may follow it until it is resumed.
  emit({log("a", "compile", "held back")});
  clock_.seconds += 10;
  const std::string paused = screen();
  EXPECT_EQ(paused.find("held back"), std::string::npos);
  sink_->resume();
  wait_for("held back");
  finish();
  EXPECT_TRUE(terminal_->cursor_shown);
}

TEST_F(TtyTest, SurvivesAFloodOfLinesAndKeepsThemAll) {
  start(80, 24);
  emit({run_start({"a"}), job_start("a"), step_start("a", "flood")});
  for (int i = 0; i < 20'000; ++i) emit({log("a", "flood", "line " + std::to_string(i))});
  emit({step_end("a", "flood", "succeeded", 1), job_end("a", "succeeded", 1),
        run_end("succeeded", 1)});
  const std::string text = finish();
  std::size_t at = 0;
  for (int i = 0; i < 20'000; ++i) {
    at = text.find("line " + std::to_string(i) + "\n", at);
    ASSERT_NE(at, std::string::npos) << i;
  }
  EXPECT_FALSE(terminal_->unknown);
}

TEST_F(TtyTest, LetsNoEscapeOfAJobReachTheTerminal) {
  start(80, 24, {.colour = true});
  const std::string evil =
      "\x1b]0;owned\x07\x1b[2J\x1b[?1049h\x1b[31mred\xc2\x9b"
      "5n";
  emit({run_start({"a"}), job_start("a"), step_start("a", evil), log("a", "s", evil)});
  wait_for("red");
  finish();
  EXPECT_FALSE(terminal_->unknown);
  EXPECT_EQ(raw_.find("\x1b]"), std::string::npos);
  EXPECT_EQ(raw_.find("\x1b[2J"), std::string::npos);
}

TEST_F(TtyTest, MayBeClosedTwiceAndDestroyedUnclosed) {
  start(80, 24);
  emit({run_start({"a"}), job_start("a"), step_start("a", "s")});
  wait_for("s");
  sink_->close();
  sink_->close();
  emit({log("a", "s", "too late")});
  EXPECT_EQ(finish().find("too late"), std::string::npos);
  EXPECT_TRUE(terminal_->cursor_shown);
}

TEST_F(TtyTest, TakesEventsFromManyThreads) {
  start(80, 24);
  EventStream stream(clock_, "run");
  stream.add(sink_);
  std::vector<std::string> names;
  for (int i = 0; i < 8; ++i) names.push_back("job" + std::to_string(i));
  stream.emit(run_start(names));
  std::vector<std::thread> jobs;
  for (const std::string& name : names) {
    jobs.emplace_back([&stream, name] {
      stream.emit(job_start(name));
      stream.emit(step_start(name, "s"));
      for (int i = 0; i < 300; ++i) stream.emit(log(name, "s", "line"));
      stream.emit(step_end(name, "s", "succeeded", 1));
      stream.emit(job_end(name, "succeeded", 1));
    });
  }
  for (std::thread& job : jobs) job.join();
  stream.emit(run_end("succeeded", 2));
  stream.close();
  EXPECT_NE(finish().find("8 succeeded in 2.0s"), std::string::npos);
}

RunView busy_view(std::size_t jobs, const std::string& name) {
  RunView view;
  std::vector<std::string> names;
  for (std::size_t i = 0; i < jobs; ++i) names.push_back(name + std::to_string(i));
  view.apply(run_start(names), MonoTime());
  for (const std::string& job : names) {
    view.apply(job_start(job), MonoTime());
    view.apply(step_start(job, "a step with a longish name 長い名前"), MonoTime());
    view.apply(log(job, "s", "\x1b[31moutput\twith\ttabs and 幅広い文字 and more text than fits"),
               MonoTime());
  }
  return view;
}

TEST(LiveArea, FitsEveryScreen) {
  const MonoTime now(std::chrono::hours(30));
  for (const std::size_t jobs : {1u, 2u, 7u, 100u}) {
    for (const std::string name :
         {"j", "a job with a very long name, even in a matrix (長い, gcc-13, release)"}) {
      const RunView view = busy_view(jobs, name);
      for (std::size_t columns = 1; columns < 130; columns += columns < 40 ? 1 : 13) {
        for (const std::size_t rows : {1u, 2u, 3u, 4u, 10u, 50u}) {
          for (const bool colour : {false, true}) {
            const auto lines = draw_live_area(view, now, 3, {columns, rows}, {.colour = colour});
            EXPECT_LT(lines.size(), rows) << columns;
            for (const std::string& line : lines) {
              EXPECT_LT(display_width(line), columns) << line;
              EXPECT_EQ(line.find_first_of("\n\t"), std::string::npos);
            }
          }
        }
      }
    }
  }
}

TEST(LiveArea, SaysHowManyMoreJobsRun) {
  const auto lines = draw_live_area(busy_view(20, "j"), MonoTime(), 0, {80, 10}, {});
  ASSERT_EQ(lines.size(), 9u);
  EXPECT_EQ(lines[7], "  and 13 more");
  EXPECT_NE(lines[8].find("0/20 done · 20 running"), std::string::npos) << lines[8];
}

TEST(LiveArea, UsesOnlyAsciiWithoutAUtf8Locale) {
  RunView view;
  view.apply(run_start({"a", "b"}), MonoTime());
  view.apply(job_start("a"), MonoTime());
  view.apply(step_start("a", std::string(200, 'x')), MonoTime());
  for (const std::string& line : draw_live_area(view, MonoTime(), 1, {80, 24}, {.utf8 = false})) {
    for (const char c : line) EXPECT_LT(static_cast<unsigned char>(c), 0x80) << line;
  }
}

TEST(RunView, CountsStepsAgainInTheNextAttempt) {
  RunView view;
  for (const Event& event : {run_start({"a"}), job_start("a"), step_start("a", "one"),
                             step_end("a", "one", "succeeded", 1), step_start("a", "two"),
                             step_end("a", "two", "failed", 1, 1), step_start("a", "one")}) {
    view.apply(event, MonoTime());
  }
  EXPECT_EQ(view.job("a")->steps_done, 0u);
}

}  // namespace
}  // namespace slipway::runner
