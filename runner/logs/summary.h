#pragma once

#include <cstddef>
#include <deque>
#include <map>
#include <set>
#include <string>

#include "runner/logs/event.h"
#include "runner/logs/style.h"

namespace slipway::runner {

/// The last lines of a step, bounded in number and length: what a summary shows of a log that may be a gigabyte long.
class LogTail {
 public:
  static constexpr std::size_t kLines = 20;  ///< A screenful with its heading.
  static constexpr std::size_t kLineBytes =
      2'000;  ///< Longer lines are cut; 1,000 jobs then hold at most 40 MB.
  void add(const Event& log);
  void clear() { lines_.clear(); }
  /// Oldest first, each an event of kind log.
  const std::deque<Event>& lines() const { return lines_; }

 private:
  std::deque<Event> lines_;
};

/// Collects what the end of a run has to say. Feed it every event.
class RunSummary {
 public:
  void on_event(const Event& event);
  /// Failed jobs in the order in which they ended: step, reason, tail, command to repeat. Empty when none failed.
  std::string failures(const Style& style, const std::string& repeat_command) const;
  /// What steps and tests had to say: annotations, results of tests, coverage, step summaries. Bounded; may be empty.
  std::string reports(const Style& style) const;
  /// "3 succeeded, 1 failed, 2 skipped in 4.2s\n"; empty before any job ended.
  std::string total(const Style& style) const;
  bool failed() const { return !failed_.empty(); }
  /// Tail of the job's failed step, else of its current one; nullptr when nothing is known of the job.
  const LogTail* tail(const std::string& job) const;
  /// Name of the step that failed first in this job, or empty.
  std::string failed_step(const std::string& job) const;

 private:
  struct Job {
    std::set<std::string>
        seen;  ///< Steps of this attempt: one that starts again begins another attempt.
    std::string step_name;  ///< Running step.
    LogTail tail;
    bool step_failed = false;
    std::string failed_step;  ///< The first that failed; later always-steps do not replace it.
    std::string failed_how;
    LogTail failed_tail;
    std::map<std::string, LogTail> services;  ///< By name: a failure may be theirs.
  };
  void on_log(const Event& event);
  static void append_tests(std::string& out, const Event& end, const Style& style);
  static void append_coverage(std::string& out, const Event& end, const Style& style);
  void on_step_start(const Event& event);
  void on_step_end(const Event& event);
  void on_job_end(const Event& event);
  void append_failure(std::string& out, const Event& end, const Style& style,
                      const std::string& repeat_command) const;
  static void append_services(std::string& out, const Job& job, const Style& style);

  std::map<std::string, Job> jobs_;
  std::deque<Event> failed_;                  ///< job_end events.
  std::map<std::string, std::string> ended_;  ///< Job -> status; a retried job counts once.
  static constexpr std::size_t kMostAnnotations = 50;
  static constexpr std::size_t kMostSummaries = 50;
  std::deque<Event> annotations_;  ///< Errors and warnings.
  std::size_t annotations_left_out_ = 0;
  std::deque<Event> summaries_;  ///< step_end events that have one.
  std::deque<Event> reported_;   ///< job_end events with tests or coverage.
  double seconds_ = 0;
};

}  // namespace slipway::runner
