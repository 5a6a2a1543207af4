// Decisions about jobs and steps: conditions, retries, allowed failures. No effects.
#include "runner/execute/job_rules.h"

#include <algorithm>
#include <map>

#include "base/text.h"

namespace slipway::runner {
namespace {

using pipeline::RunState;

std::string skipped_because_of(const pipeline::Need& need, const JobResult& result) {
  return "needs " + printable(need.name) + ", which " +
         (result.status == RunStatus::kSkipped
              ? "was skipped"
              : "ended as " + std::string(run_status_name(result.status)));
}

Result<bool> truthy(const pipeline::Expression& condition, const pipeline::EvalContext& context) {
  return SLIP_TRY_WITHIN("evaluate if", condition.evaluate(context)).truthy();
}

/// A job of an earlier stage that was not wanted holds nobody back, but for a manual one that must not fail.
bool holds_back(const pipeline::Plan& plan, const pipeline::Need& need, const JobResult& result,
                pipeline::RunPolicy policy) {
  if (counts_as_success(result.status) || need.optional) return false;
  if (result.status != RunStatus::kSkipped) return policy != pipeline::RunPolicy::kOnFailure;
  const pipeline::JobPlan& needed = plan.jobs[need.job];
  return need.kind == pipeline::NeedKind::kNamed || (needed.manual && !needed.allow_failure.any);
}

bool named(const std::vector<std::string>& names, const pipeline::JobPlan& job) {
  return std::any_of(names.begin(), names.end(), [&](const std::string& name) {
    return name == job.name || name == job.instance;
  });
}

}  // namespace

std::optional<Question> waits_for_a_person(const ExecOptions& options,
                                           const pipeline::JobPlan& job) {
  if (named(options.jobs, job)) return std::nullopt;
  const std::string shown = printable(job.instance);
  if (!job.approvers.empty() && !named(options.approved, job)) {
    const std::string who = printable(join(job.approvers, ", "));
    return Question{
        "job " + shown + " needs approval by " + who + "; approve it?",
        "needs approval by " + who + "; give it with --approve " + shell_quote(job.instance)};
  }
  if (!job.manual || named(options.manual, job)) return std::nullopt;
  return Question{(job.confirmation.empty() ? "" : printable(job.confirmation) + "\n") +
                      "run manual job " + shown + "?",
                  "manual job; run it with --manual " + shell_quote(job.instance)};
}

RunState state_of_needs(const JobRequest& request) {
  RunState state = RunState::kSuccess;
  for (std::size_t i = 0; i < request.needs.size(); ++i) {
    const std::optional<JobResult>& need = request.needs[i];
    if (!need || counts_as_success(need->status)) continue;
    const bool unwanted = need->status == RunStatus::kSkipped &&
                          request.job.needs[i].kind == pipeline::NeedKind::kStage;
    if (unwanted) continue;
    if (need->status == RunStatus::kCancelled) return RunState::kCancelled;
    state = RunState::kFailure;
  }
  return state;
}

pipeline::Value needs_context(const JobRequest& request) {
  pipeline::Value needs{pipeline::Value::Map{}};
  std::map<std::string, RunStatus> worst;
  for (std::size_t i = 0; i < request.needs.size(); ++i) {
    if (!request.needs[i]) continue;
    const std::string& name = request.job.needs[i].name;
    const JobResult& result = *request.needs[i];
    const auto known = worst.find(name);
    const bool keep = known != worst.end() && !counts_as_success(known->second);
    const RunStatus status = keep ? known->second : result.status;
    worst[name] = status;
    pipeline::Value outputs = result.outputs;
    if (const pipeline::Value* before = needs.find(name);
        before != nullptr && outputs.map() != nullptr) {
      pipeline::Value merged = *before->find("outputs");
      for (auto& [key, value] : *outputs.map()) merged.set(key, value);
      outputs = std::move(merged);
    }
    needs.set(name, pipeline::Value(pipeline::Value::Map{{"result", result_word(status)},
                                                         {"outputs", std::move(outputs)}}));
  }
  return needs;
}

Result<std::optional<std::string>> reason_to_skip(const RunContext& run, const JobRequest& request,
                                                  const pipeline::EvalContext& context) {
  const pipeline::JobPlan& job = request.job;
  const bool own_word =
      job.run == pipeline::RunPolicy::kAlways || (job.condition && job.condition->asks_status());
  for (std::size_t i = 0; i < request.needs.size() && !own_word; ++i) {
    if (!request.needs[i]) continue;
    if (holds_back(run.plan, job.needs[i], *request.needs[i], job.run)) {
      return std::optional(skipped_because_of(job.needs[i], *request.needs[i]));
    }
  }
  if (job.run == pipeline::RunPolicy::kOnFailure && state_of_needs(request) == RunState::kSuccess) {
    return std::optional(std::string("runs only after a failure"));
  }
  if (job.condition && !SLIP_TRY(truthy(*job.condition, context))) {
    return std::optional("if: " + printable(job.condition->text()) + " is false");
  }
  if (!job.paths.empty() && !SLIP_TRY(run.host.changed(job.paths))) {
    return std::optional(std::string("none of its paths changed"));
  }
  return std::optional<std::string>();
}

std::string refused_feature(const pipeline::JobPlan& job, const ExecOptions& options) {
  if (!job.refused.empty()) return job.refused;
  if (job.network == pipeline::NetworkMode::kHost && !options.allow_host_network) {
    return "network: host lets a job reach this machine's local services; allow it with "
           "--allow-host-network";
  }
  if (!job.services.empty() && job.network == pipeline::NetworkMode::kHost) {
    return "services need a network of the job's own; take `network: host` away";
  }
  if (job.docker_socket) {
    return "docker: true needs a Docker API, which this version does not have; `build:` steps make "
           "images without one";
  }
  for (const pipeline::StepPlan& step : job.steps) {
    if (step.kind == pipeline::StepKind::kDeploy) {
      return "step " + printable(step.id) + ": `deploy:` steps are not available in this version";
    }
  }
  return "";
}

std::vector<std::string> plan_notices(const pipeline::Plan& plan) {
  bool environments = false;
  for (const pipeline::JobPlan& job : plan.jobs) {
    environments |= !job.environment.empty();
  }
  std::vector<std::string> notices;
  if (environments)
    notices.push_back(
        "environment: a local run unlocks no environment and keeps no history of it; give secrets "
        "with "
        "--secret");
  return notices;
}

bool wants_bridge(const pipeline::Plan& plan) {
  return std::any_of(plan.jobs.begin(), plan.jobs.end(), [](const pipeline::JobPlan& job) {
    return job.network == pipeline::NetworkMode::kBridge || !job.services.empty();
  });
}

std::vector<std::string> failure_hints(const std::string& network_trouble) {
  if (network_trouble.empty()) return {};
  return {"network: steps saw loopback only: " + network_trouble +
          "; `network: host` with --allow-host-network joins the machine's"};
}

bool may_retry(const pipeline::RetryPolicy& policy, const JobResult& result, int attempts_done) {
  if (attempts_done > policy.max) return false;
  const bool failure =
      result.status == RunStatus::kFailed || result.status == RunStatus::kOutOfMemory;
  const bool timeout = result.status == RunStatus::kTimedOut;
  const bool system = result.status == RunStatus::kError;
  if (!failure && !timeout && !system) return false;
  if (policy.when.empty() && policy.exit_codes.empty()) return !system;
  const auto listed = [&](std::string_view word) {
    return std::find(policy.when.begin(), policy.when.end(), word) != policy.when.end();
  };
  const bool code_listed = std::find(policy.exit_codes.begin(), policy.exit_codes.end(),
                                     result.exit_code) != policy.exit_codes.end();
  return listed("always") || (timeout && listed("timeout")) || (system && listed("system")) ||
         (failure && (listed("failure") || code_listed));
}

bool allowed(const pipeline::AllowFailure& allow, const JobResult& result) {
  const bool own_failure = result.status == RunStatus::kFailed ||
                           result.status == RunStatus::kTimedOut ||
                           result.status == RunStatus::kOutOfMemory;
  if (!own_failure) return false;
  return allow.any || (result.status == RunStatus::kFailed &&
                       std::find(allow.exit_codes.begin(), allow.exit_codes.end(),
                                 result.exit_code) != allow.exit_codes.end());
}

Result<bool> step_is_due(const pipeline::StepPlan& step, const pipeline::EvalContext& context) {
  const bool own_word = step.condition && step.condition->asks_status();
  if (!own_word) {
    if (step.when == pipeline::StepWhen::kOnSuccess && context.state != RunState::kSuccess)
      return false;
    if (step.when == pipeline::StepWhen::kOnFailure && context.state != RunState::kFailure)
      return false;
  }
  return !step.condition || SLIP_TRY(truthy(*step.condition, context));
}

}  // namespace slipway::runner
