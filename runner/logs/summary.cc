// The end of a run in words: which jobs failed, where, with what last output, and how to repeat
// them.
#include "runner/logs/summary.h"

#include <algorithm>
#include <array>
#include <cstdio>

#include "base/text.h"

namespace slipway::runner {
namespace {

constexpr std::int64_t kShownTests = 20;
constexpr std::size_t kShownLines = 40;  // of one step's summary; the journal has all of it

struct TotalRow {
  std::string_view word;
  std::array<std::string_view, 4> statuses;
  Paint paint;
};
// In the order of the line; a row without jobs is left out.
constexpr std::array<TotalRow, 5> kTotals{{
    {"succeeded", {"succeeded", "", "", ""}, Paint::kGood},
    {"failed but allowed to", {"warning", "", "", ""}, Paint::kWarn},
    {"failed", {"failed", "timed-out", "out-of-memory", "error"}, Paint::kBad},
    {"cancelled", {"cancelled", "", "", ""}, Paint::kWarn},
    {"skipped", {"skipped", "", "", ""}, Paint::kDim},
}};

}  // namespace

void LogTail::add(const Event& log) {
  if (lines_.size() == kLines) lines_.pop_front();
  Event kept;
  kept.stream = log.stream;
  kept.details = log.details;
  kept.line = log.line.size() <= kLineBytes
                  ? log.line
                  : to_valid_utf8(std::string_view(log.line).substr(0, kLineBytes)) + "…";
  lines_.push_back(std::move(kept));
}

void RunSummary::on_event(const Event& event) {
  switch (event.kind) {
    case Event::Kind::kJobStart:
      jobs_[event.job] = Job{};
      break;
    case Event::Kind::kStepStart:
      on_step_start(event);
      break;
    case Event::Kind::kLog:
      on_log(event);
      break;
    case Event::Kind::kStepEnd:
      on_step_end(event);
      break;
    case Event::Kind::kJobEnd:
      on_job_end(event);
      break;
    case Event::Kind::kRunEnd:
      seconds_ = event.seconds;
      break;
    case Event::Kind::kRunStart:
    case Event::Kind::kNotice:
    case Event::Kind::kProgress:
      break;
  }
}

void RunSummary::on_log(const Event& event) {
  if (event.stream == "group" || event.stream == "endgroup") return;
  if (event.stream == "annotation" && event.details["level"].string_or("") != "notice") {
    if (annotations_.size() < kMostAnnotations)
      annotations_.push_back(event);
    else
      ++annotations_left_out_;
  }
  Job& job = jobs_[event.job];
  (event.stream == "service" ? job.services[event.name] : job.tail).add(event);
}

void RunSummary::on_step_start(const Event& event) {
  Job& job = jobs_[event.job];
  if (!job.seen.insert(event.step).second) {
    job = Job{.seen = {event.step}, .services = std::move(job.services)};
  }
  job.step_name = event.name.empty() ? event.step : event.name;
  job.tail.clear();
}

void RunSummary::on_step_end(const Event& event) {
  if (!event.details["summary"].is_null() && summaries_.size() < kMostSummaries)
    summaries_.push_back(event);
  Job& job = jobs_[event.job];
  if (!look_of(event.status).failure || job.step_failed) return;
  job.step_failed = true;
  job.failed_step = event.name.empty() ? job.step_name : event.name;
  if (job.failed_step.empty()) job.failed_step = event.step;
  job.failed_how = outcome_text(event);
  job.failed_tail = job.tail;
}

void RunSummary::on_job_end(const Event& event) {
  if (!event.details.is_null()) reported_.push_back(event);
  ended_[event.job] = event.status;
  std::erase_if(failed_, [&](const Event& earlier) { return earlier.job == event.job; });
  if (look_of(event.status).failure) {
    failed_.push_back(event);
  } else {
    jobs_.erase(event.job);  // its tail will never be shown
  }
}

const LogTail* RunSummary::tail(const std::string& job) const {
  const auto found = jobs_.find(job);
  if (found == jobs_.end()) return nullptr;
  return found->second.step_failed ? &found->second.failed_tail : &found->second.tail;
}

std::string RunSummary::failed_step(const std::string& job) const {
  const auto found = jobs_.find(job);
  return found == jobs_.end() ? std::string() : found->second.failed_step;
}

std::string RunSummary::failures(const Style& style, const std::string& repeat_command) const {
  std::string out;
  for (const Event& end : failed_) append_failure(out, end, style, repeat_command);
  return out;
}

void RunSummary::append_failure(std::string& out, const Event& end, const Style& style,
                                const std::string& repeat_command) const {
  const auto found = jobs_.find(end.job);
  const Job* job = found == jobs_.end() ? nullptr : &found->second;
  out += "\n" + mark_of(end.status, style) + " " + style.paint(Paint::kBold, printable(end.job));
  if (job != nullptr && job->step_failed) {
    out += ": step \"" + printable(job->failed_step) + "\" " + job->failed_how + "\n";
  } else {
    out += " " + outcome_text(end) + "\n";
  }
  if (const LogTail* last = tail(end.job)) {
    for (const Event& line : last->lines()) {
      out += "  " + style.paint(Paint::kDim, style.bar()) + " " + style.log_line(line) + "\n";
    }
  }
  if (job != nullptr) append_services(out, *job, style);
  if (!repeat_command.empty()) {
    out += "  repeat: " + printable(repeat_command + " --job " + shell_quote(end.job)) + "\n";
  }
  const bool ran = end.status != "error";  // else there is no state to open a shell in
  if (job != nullptr && job->step_failed && ran) {
    out += "  shell:  " + printable("runner debug " + shell_quote(end.run + "/" + end.job)) + "\n";
  }
}

void RunSummary::append_services(std::string& out, const Job& job, const Style& style) {
  for (const auto& [name, tail] : job.services) {
    out += "  last lines of service " + printable(name) + ":\n";
    for (const Event& line : tail.lines())
      out += "  " + style.paint(Paint::kDim, style.bar()) + " " + style.log_line(line) + "\n";
  }
}

void RunSummary::append_tests(std::string& out, const Event& end, const Style& style) {
  const Json& tests = end.details["tests"];
  const auto count = [&](const char* name) { return tests[name].int_or(0); };
  std::string line = std::to_string(count("passed")) + " passed";
  if (count("failed") > 0)
    line += ", " + style.paint(Paint::kBad, std::to_string(count("failed")) + " failed");
  if (count("skipped") > 0) line += ", " + std::to_string(count("skipped")) + " skipped";
  out += "tests of " + style.paint(Paint::kBold, printable(end.job)) + ": " + line + "\n";
  std::int64_t shown = 0;
  for (const Json& test : tests["failures"].items()) {
    if (shown == kShownTests) break;
    ++shown;
    const std::string suite(test["suite"].string_or(""));
    const std::string name(test["name"].string_or(""));
    out += "  " + mark_of("failed", style) + " " +
           printable((suite.empty() ? "" : suite + ": ") + name);
    const std::string_view message = test["message"].string_or("");
    out += (message.empty() ? "" : ": " + printable(message)) + "\n";
  }
  if (count("failed") > shown)
    out += "  … and " + std::to_string(count("failed") - shown) + " more\n";
}

void RunSummary::append_coverage(std::string& out, const Event& end, const Style& style) {
  std::array<char, 32> percent{};
  std::snprintf(percent.data(), percent.size(), "%.1f %%", end.details["coverage"].double_or(0));
  out +=
      "coverage of " + style.paint(Paint::kBold, printable(end.job)) + ": " + percent.data() + "\n";
}

std::string RunSummary::reports(const Style& style) const {
  std::string out;
  for (const Event& event : annotations_)
    out += style.annotation_line(event) + "  " +
           style.paint(Paint::kDim, "(" + printable(event.job) + ")") + "\n";
  if (annotations_left_out_ > 0)
    out += "… and " + std::to_string(annotations_left_out_) + " more annotations\n";
  for (const Event& end : reported_) {
    if (!end.details["tests"].is_null()) append_tests(out, end, style);
    if (!end.details["coverage"].is_null()) append_coverage(out, end, style);
  }
  for (const Event& end : summaries_) {
    out += "summary of " + style.paint(Paint::kBold, printable(end.job)) + ":\n";
    std::size_t lines = 0;
    for (const std::string_view line : split(trim(end.details["summary"].string_or("")), '\n')) {
      if (++lines > kShownLines) break;
      out += "  " + style.job_line(line) + "\n";
    }
    if (lines > kShownLines) out += "  …\n";
  }
  return out.empty() ? out : "\n" + out;
}

std::string RunSummary::total(const Style& style) const {
  std::string out;
  for (const TotalRow& row : kTotals) {
    const auto count = std::count_if(ended_.begin(), ended_.end(), [&](const auto& entry) {
      return std::find(row.statuses.begin(), row.statuses.end(), entry.second) !=
             row.statuses.end();
    });
    if (count == 0) continue;
    if (!out.empty()) out += ", ";
    out += style.paint(row.paint, std::to_string(count) + " " + std::string(row.word));
  }
  if (!out.empty()) out += " in " + seconds_text(seconds_) + "\n";
  return out;
}

}  // namespace slipway::runner
