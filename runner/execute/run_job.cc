// One job: condition, attempts, steps in order, outputs and artifacts.
#include "runner/execute/run_job.h"

#include <sys/utsname.h>

#include <algorithm>

#include "base/sys.h"
#include "base/text.h"
#include "base/units.h"
#include "pipeline/variables.h"
#include "runner/execute/artifacts.h"
#include "runner/execute/child_pipeline.h"
#include "runner/execute/job_caches.h"
#include "runner/execute/job_reports.h"
#include "runner/execute/job_rules.h"
#include "runner/execute/job_state.h"
#include "runner/execute/named_lock.h"
#include "runner/execute/run_step.h"
#include "runner/execute/services.h"

namespace slipway::runner {
namespace {

using pipeline::JobPlan;
using pipeline::RunState;
using pipeline::StepPlan;
using pipeline::Value;

// Clean-up steps of a job whose time is over get this long, unless they say so themselves.
constexpr Millis kCleanupTime = std::chrono::minutes(5);

constexpr std::size_t kShownName = 48;  // leaves room for the cause on a line of 80

double seconds_since(MonoTime start) {
  return std::chrono::duration<double>(real_clock().mono() - start).count();
}

/// A step as failure texts name it; the name may be a whole script line.
std::string shown(const StepPlan& step) {
  return "step \"" + ellipsize(printable(step.name), kShownName) + "\"";
}

Value job_roots(const RunContext& run, const JobRequest& request) {
  Value roots = pipeline::base_context(run.event, &request.job);
  roots.set("needs", needs_context(request));
  roots.set("env", Value(Value::Map{}));
  roots.set("job",
            Value(Value::Map{{"name", request.job.name}, {"instance", request.job.instance}}));
  roots.set("run", Value(Value::Map{{"id", run.run_id}}));
  struct utsname machine {};
  ::uname(&machine);
  roots.set("agent",
            Value(Value::Map{{"name", "local"}, {"os", "linux"}, {"arch", machine.machine}}));
  Value::Map secrets;
  for (const auto& [name, value] : run.secrets.values) secrets.emplace_back(name, value);
  roots.set("secrets", Value(std::move(secrets)));
  return roots;
}

/// One attempt. Steps after a failure run only where their `when` says so.
class Attempt {
 public:
  Attempt(const RunContext& run, const JobRequest& request, int number)
      : run_(run),
        request_(request),
        number_(number),
        deadline_(real_clock().mono() + request.job.timeout),
        caches_(run, request.job) {
    state_.roots = job_roots(run, request);
    if (request.job.coverage.empty()) return;
    Result<CoverageWatch> watch = CoverageWatch::of(request.job.coverage);
    if (watch)
      state_.coverage = *std::move(watch);
    else
      run.notice(watch.error().text(), request.job.instance);
  }

  JobResult run() {
    if (Status prepared = prepare(); !prepared) {
      fail_with(RunStatus::kError, 125, std::move(prepared).error().text());
    } else if (Status started = start_services(); !started) {
      const StepResult trouble = engine_failure(started.error());
      fail_with(trouble.status, trouble.exit_code, trouble.reason);
    }
    for (std::size_t i = first_step(); i < request_.job.steps.size(); ++i) do_step(i);
    if (services_ && result_.status != RunStatus::kSucceeded) services_->tell_ended();
    if (result_.status == RunStatus::kSucceeded) finish_outputs();
    finish_artifacts();
    finish_reports();
    if (ready_) caches_.save(state_, result_.status);
    return std::move(result_);
  }

 private:
  std::size_t first_step() const {
    return request_.resume != nullptr ? request_.resume->first_step : 0;
  }

  Status prepare() {
    state_.work.push(run_.workspace.snapshot);
    for (std::size_t i = 0; i < request_.needs.size(); ++i) {
      const std::optional<JobResult>& need = request_.needs[i];
      if (need && request_.job.needs[i].artifacts && !need->artifacts.empty()) {
        state_.work.push(SLIP_TRY(run_.store.get(need->artifacts)));
      }
    }
    for (const std::string& name : request_.job.parent_needs) {
      const auto artifacts = run_.parent_artifacts.find(name);
      if (artifacts != run_.parent_artifacts.end())
        state_.work.push(SLIP_TRY(run_.store.get(artifacts->second)));
    }
    if (request_.resume != nullptr) SLIP_TRY(take_up(*request_.resume));
    if (request_.resume == nullptr || !request_.resume->before) caches_.restore(state_);
    ready_ = true;
    return {};
  }

  Status start_services() {
    if (request_.job.services.empty()) return {};
    services_ =
        SLIP_TRY(JobServices::start(run_, {request_.job, state_, request_.cancel, deadline_}));
    state_.network = services_->network();
    return {};
  }

  /// The stacks that the earlier steps left, over today's checkout.
  Status take_up(const ResumePoint& point) {
    for (const StepRecord& record : point.earlier) {
      Value entry = record.outputs;
      entry.set("outputs", record.outputs);
      entry.set("result", result_word(record.status));
      state_.steps.set(record.step, std::move(entry));
    }
    if (!point.before) return {};
    Stack work = SLIP_TRY_WITHIN("resume", Stack::load(run_.store, point.before->work_stack));
    work.replace_bottom(1, {run_.workspace.snapshot});
    state_.work = std::move(work);
    for (const auto& [name, ids] : point.image_stacks) {
      StepImage image = SLIP_TRY(resolve_image(run_.store, name));
      image.stack = SLIP_TRY_WITHIN("resume", Stack::load(run_.store, ids));
      state_.images.insert_or_assign(name, std::move(image));
    }
    state_.carried = point.before->carried;
    state_.path = point.before->path;
    return {};
  }

  void do_step(std::size_t index) {
    const StepPlan& step = request_.job.steps[index];
    const Result<bool> due = step_is_due(step, state_.context(run_));
    if (!due) {
      emit_end(step, StepResult{RunStatus::kError, 1, due.error().text()}, 0);
      return fail_with(RunStatus::kError, 1, shown(step) + ": " + due.error().text());
    }
    const bool killed = run_.cancel.level() == CancelLevel::kKill;
    if (!*due || killed) return emit_end(step, StepResult{RunStatus::kSkipped, 0, ""}, 0);
    emit_start(step);
    const MonoTime start = real_clock().mono();
    const StepResult result = run_step(run_, state_, step_request(step, index));
    emit_end(step, result, seconds_since(start));
    if (!counts_as_success(result.status) && !step.advisory) {
      fail_with(result.status, result.exit_code, shown(step) + ": " + result.reason);
    }
  }

  StepRequest step_request(const StepPlan& step, std::size_t index) {
    const bool cleaning = state_.state != RunState::kSuccess;
    const MonoTime now = real_clock().mono();
    const MonoTime end = cleaning ? std::max(deadline_, now + kCleanupTime) : deadline_;
    return StepRequest{.job = request_.job,
                       .step = step,
                       .index = index,
                       .attempt = number_,
                       .cancel = cleaning ? run_.cleanup : request_.cancel,
                       .deadline = step.timeout ? std::min(end, now + *step.timeout) : end};
  }

  void emit_start(const StepPlan& step) {
    Event event;
    event.kind = Event::Kind::kStepStart;
    event.job = request_.job.instance;
    event.step = step.id;
    event.name = step.name;
    run_.events.emit(event);
    if (step.script.empty() || step.echo == pipeline::Echo::kScript) return;
    event.kind = Event::Kind::kLog;
    event.stream = "slipway";
    std::string_view source = step.script.source;
    if (source.ends_with('\n')) source.remove_suffix(1);
    for (const std::string_view line : split(source, '\n')) {
      event.line = "$ " + run_.secrets.mask.mask(to_valid_utf8(line));
      run_.events.emit(event);
    }
  }

  void emit_end(const StepPlan& step, const StepResult& result, double seconds) {
    Event event;
    event.kind = Event::Kind::kStepEnd;
    event.job = request_.job.instance;
    event.step = step.id;
    event.name = step.name;
    event.status = run_status_name(result.status);
    event.exit_code = result.exit_code;
    event.reason = run_.secrets.mask.mask(result.reason);
    event.seconds = seconds;
    if (!result.summary.empty()) event.details = Json::object({{"summary", result.summary}});
    run_.events.emit(std::move(event));
  }

  /// The first failure decides what the job is; later ones (of clean-up steps) do not.
  void fail_with(RunStatus status, int code, std::string reason) {
    if (state_.state != RunState::kSuccess) return;
    state_.state = status == RunStatus::kCancelled ? RunState::kCancelled : RunState::kFailure;
    result_.status = status;
    result_.exit_code = code;
    result_.reason = std::move(reason);
  }

  void finish_outputs() {
    pipeline::EvalContext context = state_.context(run_);
    for (const pipeline::OutputPlan& output : request_.job.outputs) {
      Result<Value> value = output.value.evaluate(context);
      if (!value) {
        return fail_with(RunStatus::kFailed, 1,
                         "output " + output.name + ": " + value.error().text());
      }
      if (value->string() != nullptr) *value = Value(run_.secrets.mask.mask(*value->string()));
      result_.outputs.set(output.name, *std::move(value));
    }
  }

  void finish_artifacts() {
    const pipeline::ArtifactsPlan& plan = request_.job.artifacts;
    const bool ok = result_.status == RunStatus::kSucceeded;
    const bool due = plan.when == pipeline::ArtifactsWhen::kAlways ||
                     (plan.when == pipeline::ArtifactsWhen::kOnSuccess) == ok;
    if (plan.paths.empty() || !due || state_.work.snapshots().empty()) return;
    Result<std::string> collected = collect_artifacts(run_, request_.job, state_.work);
    if (!collected)
      return fail_with(RunStatus::kError, 3, "artifacts: " + collected.error().text());
    result_.artifacts = *std::move(collected);
    if (result_.artifacts.empty() || run_.options.artifacts_dir.empty()) return;
    if (Status placed = place_artifacts(run_, request_.job.instance, result_.artifacts); !placed) {
      fail_with(RunStatus::kError, 3, placed.error().text());
    }
  }

  /// Kept whatever the result; a dotenv file that others wait for may fail the job.
  void finish_reports() {
    if (!ready_) return;
    Result<JobReports> reports = read_reports(run_, request_.job, state_.work);
    if (!reports) {
      if (result_.status == RunStatus::kSucceeded)
        fail_with(RunStatus::kFailed, 1, std::move(reports).error().text());
      return;
    }
    if (!reports->coverage && state_.coverage) reports->coverage = state_.coverage->percent();
    result_.reports = reports->to_json();
    result_.dotenv = std::move(reports->dotenv);
  }

  const RunContext& run_;
  const JobRequest& request_;
  const int number_;
  const MonoTime deadline_;
  JobState state_;
  JobCaches caches_;
  bool ready_ = false;  ///< The workspace was complete.
  std::unique_ptr<JobServices> services_;
  JobResult result_{.status = RunStatus::kSucceeded};
};

JobResult run_attempts(const RunContext& run, const JobRequest& request) {
  for (int attempt = 1;; ++attempt) {
    JobResult result = Attempt(run, request, attempt).run();
    if (allowed(request.job.allow_failure, result)) result.status = RunStatus::kWarning;
    if (!may_retry(request.job.retry, result, attempt) || request.cancel.cancelled()) return result;
    run.notice(
        "attempt " + std::to_string(attempt) + " failed (" + result.reason + "); trying again",
        request.job.instance);
  }
}

void emit_job_start(const RunContext& run, const JobPlan& job) {
  Json steps = Json::array();
  for (const StepPlan& step : job.steps)
    steps.push(Json::object({{"id", step.id}, {"name", step.name}}));
  Event event;
  event.kind = Event::Kind::kJobStart;
  event.job = job.instance;
  event.name = job.instance;
  event.details = Json::object({{"image", job.image.name.source()}, {"steps", std::move(steps)}});
  if (!job.environment.empty()) event.details.set("environment", job.environment.name);
  run.events.emit(std::move(event));
}

void emit_job_end(const RunContext& run, const JobPlan& job, const JobResult& result) {
  Event event;
  event.kind = Event::Kind::kJobEnd;
  event.job = job.instance;
  event.name = job.instance;
  event.status = run_status_name(result.status);
  event.exit_code = result.exit_code;
  event.seconds = result.seconds;
  event.reason = run.secrets.mask.mask(result.reason);
  event.details = result.reports;
  run.events.emit(std::move(event));
}

/// Everything before the first step: is the job to run at all?
std::optional<JobResult> decide_not_to_run(const RunContext& run, const JobRequest& request) {
  if (request.cancel.cancelled()) {
    return JobResult{.status = RunStatus::kCancelled,
                     .reason = run.cancel.cancelled() ? "cancelled" : "another job failed",
                     .exit_code = 130};
  }
  pipeline::EvalContext context;
  context.roots = job_roots(run, request);
  context.state = state_of_needs(request);
  context.host = &run.host;
  const Result<std::optional<std::string>> reason = reason_to_skip(run, request, context);
  if (!reason)
    return JobResult{.status = RunStatus::kError, .reason = reason.error().text(), .exit_code = 1};
  if (*reason) return JobResult{.status = RunStatus::kSkipped, .reason = **reason};
  if (const std::optional<Question> question = waits_for_a_person(run.options, request.job)) {
    const std::optional<bool> yes = run.person.confirm(question->text, request.cancel);
    if (!yes.value_or(false))
      return JobResult{.status = RunStatus::kSkipped,
                       .reason = yes ? "not wanted" : question->hint};
  }
  if (std::string refused = refused_feature(request.job, run.options); !refused.empty()) {
    return JobResult{.status = RunStatus::kError, .reason = std::move(refused), .exit_code = 125};
  }
  return std::nullopt;
}

/// `start_in`: false when cancelled meanwhile.
bool wait_for_time(const RunContext& run, const JobRequest& request) {
  if (!request.job.start_in || run.options.no_delay) return true;
  run.notice("starts in " + format_duration(*request.job.start_in) + " (--no-delay: at once)",
             request.job.instance);
  const Result<bool> cancelled =
      sys::wait_readable(request.cancel.poll_fd(), real_clock().mono() + *request.job.start_in);
  return cancelled && !*cancelled;
}

/// `lock`: one such job at a time on this machine. The board sees to it within a run.
Result<NamedLock> take_lock(const RunContext& run, const JobRequest& request) {
  if (request.job.lock.empty()) return NamedLock();
  return NamedLock::acquire({run.store.root(), "job", request.job.lock, run.run_id}, request.cancel,
                            [&](const NamedLock::Holder& holder) {
                              run.notice("waits for lock " + printable(request.job.lock) +
                                             ", which run " + printable(holder.run_id) + " has",
                                         request.job.instance);
                            });
}

JobResult run_when_free(const RunContext& run, const JobRequest& request) {
  const JobResult cancelled{
      .status = RunStatus::kCancelled, .reason = "cancelled", .exit_code = 130};
  if (!wait_for_time(run, request)) return cancelled;
  const Result<NamedLock> lock = take_lock(run, request);
  if (!lock && lock.error().code() == ErrorCode::kCancelled) return cancelled;
  if (!lock)
    return JobResult{.status = RunStatus::kError, .reason = lock.error().text(), .exit_code = 125};
  if (!request.job.trigger) return run_attempts(run, request);
  JobResult result = run_child(run, request);
  if (allowed(request.job.allow_failure, result)) result.status = RunStatus::kWarning;
  return result;
}

/// Variables that the jobs it needs wrote as dotenv reports.
std::vector<pipeline::VariablePlan> late_variables(const JobRequest& request) {
  std::vector<pipeline::VariablePlan> late;
  for (std::size_t i = 0; i < request.needs.size(); ++i) {
    if (!request.needs[i] || !request.job.needs[i].artifacts) continue;
    late.insert(late.end(), request.needs[i]->dotenv.begin(), request.needs[i]->dotenv.end());
  }
  return late;
}

}  // namespace

JobResult run_job(const RunContext& run, const JobRequest& unsettled) {
  const JobPlan job =
      pipeline::settle_variables(run.plan, unsettled.job, late_variables(unsettled));
  const JobRequest request{job, unsettled.needs, unsettled.cancel, unsettled.resume};
  const MonoTime start = real_clock().mono();
  std::optional<JobResult> result = decide_not_to_run(run, request);
  if (!result) {
    emit_job_start(run, request.job);
    result = run_when_free(run, request);
    result->seconds = seconds_since(start);
  }
  run.journal.add(JobRecord{request.job.instance, *result});
  emit_job_end(run, request.job, *result);
  return *std::move(result);
}

}  // namespace slipway::runner
