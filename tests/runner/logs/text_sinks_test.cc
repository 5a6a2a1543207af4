// Plain and quiet output and the summary, compared with golden files; bounds of what a summary keeps.
#include "runner/logs/text_sinks.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/files.h"
#include "runner/logs/summary.h"
#include "tests/runner/logs/run_script.h"
#include "tests/support/golden.h"

namespace slipway::runner {
namespace {

using MakeSink = std::shared_ptr<EventSink> (*)(const ProgressOptions&, const Style&);

std::string output_of(MakeSink make, const std::vector<Event>& events, const Style& style = {}) {
  const Fd file(::memfd_create("output", MFD_CLOEXEC));
  ProgressOptions options;
  options.fd = file.get();
  options.repeat_command = "runner exec ci.yml";
  const auto sink = make(options, style);
  for (const Event& event : events) sink->on_event(event);
  sink->close();
  ::lseek(file.get(), 0, SEEK_SET);
  auto text = read_fd(file.get(), 10_MiB, "output");
  return text ? *text : "";
}

TEST(PlainSink, ShowsOneJobWithoutPrefix) {
  testing::expect_golden("logs/plain_green.txt", output_of(make_plain_sink, green_run()));
}

TEST(PlainSink, PrefixesLinesOfSeveralJobsAndEndsWithTheSummary) {
  testing::expect_golden("logs/plain_red.txt", output_of(make_plain_sink, red_run()));
}

TEST(PlainSink, UsesAsciiAndNoColourWhereAskedTo) {
  const std::string text = output_of(make_plain_sink, red_run(), {.colour = false, .utf8 = false});
  for (const char c : text) EXPECT_LT(static_cast<unsigned char>(c), 0x80);
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
}

TEST(PlainSink, ColoursStatesAndKeepsTheColoursOfJobs) {
  std::vector<Event> events = green_run();
  events.insert(events.begin() + 5,
                log("default", "compile", "\x1b[35mpurple\x1b]0;title\x07\x1b[2J rain"));
  const std::string text = output_of(make_plain_sink, events, {.colour = true});
  EXPECT_NE(text.find("\x1b[35mpurple rain\x1b[0m\n"), std::string::npos);
  EXPECT_NE(text.find("\x1b[32m✓\x1b[0m"), std::string::npos);
}

TEST(PlainSink, LetsNoEscapeOfANameThrough) {
  const std::string evil = "a\x1b[2J\x1b]0;t\x07\nb\xc2\x9b";
  const std::string text = output_of(
      make_plain_sink, {run_start({evil, "b"}), job_start(evil), step_start(evil, evil),
                        log(evil, evil, evil), step_end(evil, evil, "failed", 1, 1, evil),
                        job_end(evil, "failed", 1, 1, evil), notice(evil), run_end("failed", 1)});
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
  EXPECT_EQ(text.find('\x07'), std::string::npos);
  EXPECT_EQ(text.find("\xc2\x9b"), std::string::npos);
}

TEST(PlainSink, KeepsEmptyLinesOfOutput) {
  const std::string text = output_of(make_plain_sink, {run_start({"a"}), log("a", "s", "one"),
                                                       log("a", "s", ""), log("a", "s", "two")});
  EXPECT_NE(text.find("one\n\ntwo\n"), std::string::npos);
}

TEST(QuietSink, SaysNothingOfSuccess) { EXPECT_EQ(output_of(make_quiet_sink, green_run()), ""); }

TEST(QuietSink, ShowsOnlyTheSummaryOfAFailure) {
  testing::expect_golden("logs/quiet_red.txt", output_of(make_quiet_sink, red_run()));
}

TEST(RunSummary, KeepsTheLastTwentyLinesCutToABound) {
  RunSummary summary;
  summary.on_event(run_start({"a"}));
  summary.on_event(job_start("a"));
  summary.on_event(step_start("a", "s"));
  for (int i = 0; i < 1'000; ++i)
    summary.on_event(log("a", "s", std::to_string(i) + std::string(100'000, 'x')));
  const LogTail* tail = summary.tail("a");
  ASSERT_NE(tail, nullptr);
  ASSERT_EQ(tail->lines().size(), LogTail::kLines);
  EXPECT_TRUE(tail->lines().front().line.starts_with("980x"));
  for (const Event& line : tail->lines()) EXPECT_LE(line.line.size(), LogTail::kLineBytes + 3);
}

TEST(RunSummary, BlamesTheFirstFailedStepNotTheCleanUp) {
  RunSummary summary;
  for (const Event& event :
       {job_start("a"), step_start("a", "work"), log("a", "work", "boom"),
        step_end("a", "work", "failed", 1, 3, "exit code 3"), step_start("a", "clean"),
        log("a", "clean", "swept"), step_end("a", "clean", "failed", 1, 1, "exit code 1"),
        job_end("a", "failed", 2, 3)}) {
    summary.on_event(event);
  }
  const std::string text = summary.failures({}, "");
  EXPECT_NE(text.find("step \"work\" failed: exit code 3"), std::string::npos) << text;
  EXPECT_NE(text.find("boom"), std::string::npos);
  EXPECT_EQ(text.find("swept"), std::string::npos);
}

TEST(RunSummary, ForgetsTheFailureOfAnEarlierAttempt) {
  RunSummary summary;
  for (const Event& event :
       {job_start("a"), step_start("a", "one"), step_end("a", "one", "failed", 1, 3, "exit code 3"),
        step_start("a", "one"), step_end("a", "one", "succeeded", 1), step_start("a", "two"),
        log("a", "two", "late"), step_end("a", "two", "timed-out", 1, 124, "timed out"),
        job_end("a", "timed-out", 2, 124)}) {
    summary.on_event(event);
  }
  EXPECT_EQ(summary.failed_step("a"), "two");
  EXPECT_NE(summary.failures({}, "").find("step \"two\" timed out\n"), std::string::npos)
      << summary.failures({}, "");
}

TEST(RunSummary, CountsEveryKindOfEnd) {
  RunSummary summary;
  int number = 0;
  for (const char* status : {"succeeded", "succeeded", "warning", "failed", "timed-out",
                             "out-of-memory", "error", "cancelled", "skipped"}) {
    summary.on_event(job_end("job" + std::to_string(number++), status, 1));
  }
  summary.on_event(run_end("failed", 65));
  EXPECT_EQ(summary.total({}),
            "2 succeeded, 1 failed but allowed to, 4 failed, 1 cancelled, 1 skipped in 1m05s\n");
}

TEST(RunSummary, QuotesTheNameInTheRepeatCommand) {
  RunSummary summary;
  summary.on_event(job_end("it's (a, b)", "failed", 1, 1));
  EXPECT_NE(summary.failures({}, "runner exec ci.yml")
                .find("repeat: runner exec ci.yml --job 'it'\\''s (a, b)'\n"),
            std::string::npos)
      << summary.failures({}, "runner exec ci.yml");
}

TEST(ProgressMode, ParsesItsNamesAndSuggests) {
  EXPECT_EQ(*parse_progress_mode("json"), ProgressMode::kJson);
  const auto bad = parse_progress_mode("plian");
  ASSERT_FALSE(bad);
  EXPECT_EQ(bad.error().text(),
            "parse progress mode plian: not one of auto, tty, plain, json, rawjson, quiet; did you "
            "mean plain?");
}

}  // namespace
}  // namespace slipway::runner
