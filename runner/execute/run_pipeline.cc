// The whole story of a run: jobs are taken from the board when what they need has ended, run by a few workers, and
// their results go back to the board. Everything else (containers, snapshots, output) is below run_job.
#include "runner/execute/run_pipeline.h"

#include <algorithm>
#include <thread>

#include "runner/execute/job_board.h"
#include "runner/execute/job_rules.h"
#include "runner/execute/run_job.h"

namespace slipway::runner {
namespace {

constexpr int kJobFailed = 1;  // the exit code when a job, not the engine, is at fault

std::size_t worker_count(const RunContext& run, const ResumeSelection& selection) {
  const unsigned processors = std::max(1u, std::thread::hardware_concurrency());
  const std::size_t wanted =
      run.options.parallel > 0 ? static_cast<std::size_t>(run.options.parallel) : processors;
  // A job that waits for its time keeps a worker, and may not keep others from working.
  const auto delayed = static_cast<std::size_t>(std::count_if(
      selection.jobs.begin(), selection.jobs.end(),
      [&](const std::size_t index) { return run.plan.jobs[index].start_in.has_value(); }));
  return std::max<std::size_t>(1, std::min(wanted + delayed, selection.jobs.size()));
}

void announce(const RunContext& run, const ResumeSelection& selection) {
  Json jobs = Json::array();
  for (const std::size_t index : selection.jobs) {
    const pipeline::JobPlan& job = run.plan.jobs[index];
    Json needs = Json::array();
    for (const pipeline::Need& need : job.needs) needs.push(run.plan.jobs[need.job].instance);
    jobs.push(Json::object(
        {{"name", job.instance}, {"needs", std::move(needs)}, {"steps", job.steps.size()}}));
  }
  Event event;
  event.kind = Event::Kind::kRunStart;
  event.name = run.plan.name;
  event.details = Json::object({{"jobs", std::move(jobs)}, {"commit", run.workspace.state.commit}});
  run.events.emit(std::move(event));
  for (const std::string& text : plan_notices(run.plan)) run.notice(text);
  for (const std::string& text : run.workspace.warnings) run.notice(text);
  for (const std::string& text : run.engine.notices()) run.notice(text);
}

void work(const RunContext& run, const ResumeSelection& selection, JobBoard& board) {
  while (const std::optional<JobBoard::Taken> taken = board.take()) {
    const auto resume = selection.resume.find(taken->job);
    const JobRequest request{
        .job = run.plan.jobs[taken->job],
        .needs = board.needs_of(taken->job),
        .cancel = taken->cancel,
        .resume = resume == selection.resume.end() ? nullptr : &resume->second};
    board.finish(taken->job, run_job(run, request));
  }
}

}  // namespace

std::vector<std::optional<JobResult>> run_jobs(const RunContext& run,
                                               const ResumeSelection& selection,
                                               const CancelToken& cancel) {
  const bool stops = run.plan.stop_on_failure || run.options.fail_fast;
  JobBoard board(run.plan, selection.jobs, selection.known, cancel,
                 stops ? JobBoard::OnFailure::kStop : JobBoard::OnFailure::kGoOn);
  std::vector<std::thread> workers;
  for (std::size_t i = 1; i < worker_count(run, selection); ++i) {
    workers.emplace_back([&] { work(run, selection, board); });
  }
  work(run, selection, board);
  for (std::thread& worker : workers) worker.join();

  std::vector<std::optional<JobResult>> results = board.results();
  for (std::size_t i = 0; i < results.size(); ++i) {
    if (!selection.jobs.contains(i)) results[i].reset();
  }
  return results;
}

std::vector<std::optional<JobResult>> run_pipeline(const RunContext& run,
                                                   const ResumeSelection& selection) {
  const MonoTime start = real_clock().mono();
  announce(run, selection);
  for (std::size_t i = 0; i < selection.known.size(); ++i) {
    if (selection.known[i])
      run.journal.add(JobRecord{run.plan.jobs[i].instance, *selection.known[i]});
  }
  std::vector<std::optional<JobResult>> results = run_jobs(run, selection, run.cancel);
  Event event;
  event.kind = Event::Kind::kRunEnd;
  event.exit_code = exit_code_of(results, run.cancel);
  if (event.exit_code == kJobFailed) {
    for (const std::string& hint : failure_hints(run.network.trouble())) run.notice(hint);
  }
  event.status = run.cancel.cancelled() ? "cancelled"
                 : event.exit_code == 0 ? "succeeded"
                                        : "failed";
  event.seconds = std::chrono::duration<double>(real_clock().mono() - start).count();
  run.events.emit(std::move(event));
  return results;
}

int exit_code_of(const std::vector<std::optional<JobResult>>& results, const CancelToken& cancel) {
  if (cancel.cancelled()) return 130;
  bool failed = false;
  bool timed_out = false;
  bool engine = false;
  for (const std::optional<JobResult>& result : results) {
    if (!result || counts_as_success(result->status) || result->status == RunStatus::kSkipped)
      continue;
    timed_out |= result->status == RunStatus::kTimedOut;
    engine |= result->status == RunStatus::kError;
    failed |= result->status != RunStatus::kTimedOut && result->status != RunStatus::kError &&
              result->status != RunStatus::kCancelled;
  }
  if (failed) return kJobFailed;
  if (engine) return 3;
  return timed_out ? 6 : 0;
}

}  // namespace slipway::runner
