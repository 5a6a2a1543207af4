// The end of a run in words: which jobs failed, where, with what last output, and how to repeat
// them.
#include "runner/logs/summary.h"

#include <algorithm>
#include <array>

#include "base/text.h"

namespace slipway::runner {
namespace {

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
  Job& job = jobs_[event.job];
  if (!look_of(event.status).failure || job.step_failed) return;
  job.step_failed = true;
  job.failed_step = event.name.empty() ? job.step_name : event.name;
  if (job.failed_step.empty()) job.failed_step = event.step;
  job.failed_how = outcome_text(event);
  job.failed_tail = job.tail;
}

void RunSummary::on_job_end(const Event& event) {
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
