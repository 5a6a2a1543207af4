// From events to the state of a run that the terminal shows.
#include "runner/logs/run_view.h"

#include "runner/logs/style.h"

namespace slipway::runner {
namespace {

// The live area shows at most one screen line of it.
constexpr std::size_t kMaxLastLine = 400;

std::size_t step_count(const Json& steps) {
  if (!steps.items().empty()) return steps.items().size();
  return static_cast<std::size_t>(std::max<std::int64_t>(0, steps.int_or(0)));
}

}  // namespace

JobView& RunView::find_or_add(const std::string& name) {
  const auto [entry, added] = index_.try_emplace(name, jobs_.size());
  if (added) jobs_.emplace_back().name = name;
  return jobs_[entry->second];
}

const JobView* RunView::job(const std::string& name) const {
  const auto found = index_.find(name);
  return found == index_.end() ? nullptr : &jobs_[found->second];
}

void RunView::apply(const Event& event, MonoTime now) {
  switch (event.kind) {
    case Event::Kind::kRunStart:
      return start_run(event, now);
    case Event::Kind::kJobStart:
      return start_job(event, now);
    case Event::Kind::kStepStart:
      return start_step(event, now);
    case Event::Kind::kLog:
      if (event.stream != "slipway" && event.stream != "service" && !event.line.empty()) {
        JobView& job = find_or_add(event.job);
        job.last_line = event.line.substr(0, kMaxLastLine);
        job.progress.clear();
      }
      return;
    case Event::Kind::kProgress:
      find_or_add(event.job).progress = event.line.substr(0, kMaxLastLine);
      return;
    case Event::Kind::kStepEnd: {
      JobView& job = find_or_add(event.job);
      job.step.clear();
      job.last_line.clear();
      job.progress.clear();
      job.steps_done++;
      return;
    }
    case Event::Kind::kJobEnd:
      return end_job(event);
    case Event::Kind::kRunEnd:
    case Event::Kind::kNotice:
      return;
  }
}

void RunView::start_run(const Event& event, MonoTime now) {
  started_ = now;
  for (const Json& entry : event.details["jobs"].items()) {
    find_or_add(std::string(entry["name"].string_or(""))).steps = step_count(entry["steps"]);
  }
}

void RunView::start_job(const Event& event, MonoTime now) {
  JobView& job = find_or_add(event.job);
  if (job.phase != JobView::Phase::kRunning) ++running_;
  job.phase = JobView::Phase::kRunning;
  job.started = now;
  job.step_started = now;
  job.steps_done = 0;
  if (const std::size_t steps = step_count(event.details["steps"])) job.steps = steps;
}

void RunView::start_step(const Event& event, MonoTime now) {
  JobView& job = find_or_add(event.job);
  job.step = event.name.empty() ? event.step : event.name;
  job.step_started = now;
  job.last_line.clear();
  job.progress.clear();
  if (job.steps != 0 && job.steps_done >= job.steps) job.steps_done = 0;  // another attempt
}

void RunView::end_job(const Event& event) {
  JobView& job = find_or_add(event.job);
  if (job.phase == JobView::Phase::kRunning) --running_;
  if (job.phase != JobView::Phase::kEnded) ++ended_;
  job.phase = JobView::Phase::kEnded;
  job.status = event.status;
  job.last_line.clear();
  job.progress.clear();
  if (look_of(event.status).failure) ++failed_;
}

}  // namespace slipway::runner
