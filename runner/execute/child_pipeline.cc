// Child pipelines: from a trigger's files to jobs that have run.
#include "runner/execute/child_pipeline.h"

#include <fcntl.h>

#include <algorithm>

#include "base/files.h"
#include "base/text.h"
#include "runner/execute/load_child.h"
#include "runner/execute/run_pipeline.h"

namespace slipway::runner {
namespace {

constexpr int kMaxDepth = 2;  // GitLab's
constexpr ByteCount kMaxFile{(1 << 20) +
                             1};  // one byte more than the compiler takes: it says so itself

/// The file out of the artifact of a job that this one needs.
Result<std::string> read_artifact(const RunContext& run, const JobRequest& request,
                                  const pipeline::TriggerFile& file) {
  for (std::size_t i = 0; i < request.needs.size(); ++i) {
    const std::optional<JobResult>& need = request.needs[i];
    const pipeline::JobPlan& job = run.plan.jobs[request.job.needs[i].job];
    // A child's own jobs have its name in front.
    const bool meant = job.name == file.written_by || job.instance == file.written_by ||
                       job.name.ends_with(" / " + file.written_by);
    if (!meant || !need || need->artifacts.empty()) continue;
    const cachestore::Snapshot snapshot = SLIP_TRY(run.store.get(need->artifacts));
    const Fd top = SLIP_TRY(open_file(snapshot.path, O_PATH | O_DIRECTORY));
    const Fd found = SLIP_TRY_WITHIN("artifact of " + printable(file.written_by),
                                     open_in_root(top.get(), file.path, O_RDONLY | O_NONBLOCK));
    return read_fd(found.get(), kMaxFile, file.path);
  }
  return fail(ErrorCode::kNotFound,
              "job " + printable(file.written_by) + " left no artifact that this one gets");
}

Result<std::vector<pipeline::SourceFile>> read_files(const RunContext& run,
                                                     const JobRequest& request) {
  std::vector<pipeline::SourceFile> files;
  for (const pipeline::TriggerFile& file : request.job.trigger->files) {
    std::string text = SLIP_TRY_WITHIN(
        "read " + printable(file.path),
        file.written_by.empty()
            ? read_source_file(run.workspace.state, run.options.commit, file.path, kMaxFile)
            : read_artifact(run, request, file));
    files.push_back({file.path, std::move(text), {}});
  }
  return files;
}

void name_jobs(pipeline::Plan& plan, const std::string& parent) {
  for (pipeline::JobPlan& job : plan.jobs) {
    job.name = parent + " / " + job.name;
    job.instance = parent + " / " + job.instance;
  }
}

/// What the parent's jobs left, for child's jobs that ask for it by name.
std::map<std::string, std::string> artifacts_of_needs(const JobRequest& request) {
  std::map<std::string, std::string> artifacts;
  for (std::size_t i = 0; i < request.needs.size(); ++i) {
    if (request.needs[i] && !request.needs[i]->artifacts.empty())
      artifacts[request.job.needs[i].name] = request.needs[i]->artifacts;
  }
  return artifacts;
}

JobResult result_of(const std::vector<std::optional<JobResult>>& results,
                    pipeline::TriggerStrategy strategy, const CancelToken& cancel) {
  if (cancel.cancelled())
    return {.status = RunStatus::kCancelled, .reason = "cancelled", .exit_code = 130};
  const auto failed = std::count_if(results.begin(), results.end(), [](const auto& result) {
    return result && !counts_as_success(result->status) && result->status != RunStatus::kSkipped;
  });
  if (failed == 0 || strategy == pipeline::TriggerStrategy::kNone)
    return {.status = RunStatus::kSucceeded};
  return {.status = RunStatus::kFailed,
          .reason =
              std::to_string(failed) + (failed == 1 ? " job" : " jobs") + " of its pipeline failed",
          .exit_code = 1};
}

Result<JobResult> run(const RunContext& run, const JobRequest& request) {
  if (run.depth >= kMaxDepth)
    return fail(ErrorCode::kInvalid,
                "child pipelines may be nested " + std::to_string(kMaxDepth) + " deep, not deeper");
  const std::vector<pipeline::SourceFile> files = SLIP_TRY(read_files(run, request));
  pipeline::Compiled compiled = SLIP_TRY(compile_child(run, request.job, files));
  if (!compiled.plan)
    return fail(ErrorCode::kInvalid,
                "its pipeline is not valid:\n" +
                    render(compiled.diagnostics, compiled.sources, pipeline::Colour::kNo));
  name_jobs(*compiled.plan, request.job.instance);
  const std::map<std::string, std::string> artifacts = artifacts_of_needs(request);
  const RunContext child = run.with_plan(*compiled.plan, artifacts);
  ResumeSelection all;
  all.known.resize(compiled.plan->jobs.size());
  for (std::size_t i = 0; i < compiled.plan->jobs.size(); ++i) all.jobs.insert(i);
  return result_of(run_jobs(child, all, request.cancel), request.job.trigger->strategy,
                   request.cancel);
}

}  // namespace

JobResult run_child(const RunContext& context, const JobRequest& request) {
  Result<JobResult> result = run(context, request);
  if (result) return *std::move(result);
  return {.status = RunStatus::kError,
          .reason = "child pipeline: " + std::move(result).error().text(),
          .exit_code = 125};
}

}  // namespace slipway::runner
