// One job: its instances, whether the rules let them in, and how they run.
#include "pipeline/gitlab/read_job.h"

#include <algorithm>
#include <array>

#include "base/text.h"
#include "pipeline/check/check_shape.h"
#include "pipeline/gitlab/language.h"
#include "pipeline/model/read.h"

namespace slipway::pipeline::gitlab {
namespace {

using yaml::Entry;
using yaml::Node;

constexpr std::size_t kMaxName = 255;  // as GitLab

// Names of jobs that would be taken for keywords elsewhere. Spec: docs.gitlab.com/ci/jobs, job names
constexpr std::array<std::string_view, 4> kReserved{"true", "false", "nil", "null"};

bool takes(const Node* choice, std::string_view word) {
  if (choice == nullptr) return true;
  if (choice->is_scalar()) return as_flag(*choice).value_or(true);
  return std::any_of(choice->items.begin(), choice->items.end(),
                     [&](const Node& item) { return item.text == word; });
}

}  // namespace

JobKeys::JobKeys(const Entry& job, const Node* defaults) : job_(job), defaults_(defaults) {}

const Node* JobKeys::get(std::string_view key) const {
  if (const Node* own = job_.value.get(key)) return own;
  const Node* inherited = defaults_ == nullptr ? nullptr : defaults_->get(key);
  if (inherited == nullptr) return nullptr;
  const Node* inherit = job_.value.get("inherit");
  return inherit == nullptr || takes(inherit->get("default"), key) ? inherited : nullptr;
}

bool JobReader::sound(const JobKeys& keys) {
  const Entry& job = keys.job();
  if (job.key.empty() || job.key.size() > kMaxName ||
      std::find(kReserved.begin(), kReserved.end(), job.key) != kReserved.end()) {
    report(out_, job.key_span, quoted(job.key) + " cannot be the name of a job",
           "choose another, at most 255 bytes");
    return false;
  }
  check_map(job.value, job.key_span, language::kJob, Completeness::kWhole, out_);
  const bool works =
      keys.own("script") != nullptr || keys.own("trigger") != nullptr || keys.own("run") != nullptr;
  if (!works) {
    static const std::vector<std::string> kWords{"default",  "include", "stages",   "variables",
                                                 "workflow", "image",   "services", "cache"};
    std::string help = suggestion(job.key, kWords, out_);
    report(
        out_, job.key_span, "job " + quoted(job.key) + " has no script",
        help.empty() ? "add script: or trigger:, or start its name with a dot" : std::move(help));
    return false;
  }
  if (const Node* script = keys.own("script");
      script != nullptr && script->is_list() && script->items.empty())
    report(out_, script->span, "the script is empty", "write at least one command");
  if (keys.own("trigger") != nullptr && keys.own("script") != nullptr)
    report(out_, keys.entry("trigger")->key_span, "\"trigger\" and \"script\" in one job",
           "write two jobs");
  if (keys.own("rules") != nullptr) {
    for (const std::string_view other : {"only", "except", "start_in"})
      if (const Entry* entry = keys.entry(other); entry != nullptr && !entry->value.is_null())
        report(out_, entry->key_span, quoted(other) + " and \"rules\" in one job",
               other == "start_in" ? "write start_in: in the rule" : "write it as a rule");
  } else if (const Node* when = keys.own("when"); when != nullptr && when->text == "never") {
    report(out_, when->span, "\"never\" is a value of when in rules only",
           "remove the job, or start its name with a dot");
  } else if (when != nullptr && when->text == "delayed" && keys.own("start_in") == nullptr) {
    report(out_, when->span, "when: delayed without start_in", "say how long with start_in:");
  }
  return true;
}

std::size_t JobReader::stage_of(const JobKeys& keys) {
  const Node* named = keys.own("stage");
  if (named == nullptr && keys.own("type") != nullptr) {
    named = keys.own("type");
    warn(out_, keys.entry("type")->key_span, "\"type\" is the old name of stage", "write stage:");
  }
  const std::string stage = named == nullptr ? "test" : named->text;
  const auto found = std::find(document_.stages.begin(), document_.stages.end(), stage);
  if (found != document_.stages.end())
    return static_cast<std::size_t>(found - document_.stages.begin());
  std::string help = suggestion(stage, document_.stages, out_);
  if (help.empty()) help = "stages: " + printable(join(document_.stages, ", "));
  report(out_, named == nullptr ? keys.job().key_span : named->span,
         "there is no stage " + quoted(stage) +
             (named == nullptr ? ", where jobs stand that name none" : ""),
         std::move(help));
  return 0;
}

std::vector<VariablePlan> JobReader::variables_of(const JobKeys& keys, const Instance& instance) {
  const Node* inherit = keys.own("inherit");
  const Node* wanted = inherit == nullptr ? nullptr : inherit->get("variables");
  std::vector<VariablePlan> variables;
  for (const VariablePlan& top : document_.top_variables)
    if (takes(wanted, top.name)) variables.push_back(top);
  for (VariablePlan& own : read_variables(keys.own("variables"), VariableLevel::kJob, out_))
    variables.push_back(std::move(own));
  for (const auto& [name, value] : instance.variables)
    variables.push_back(variable(name, value, VariableLevel::kJob, keys.job().key_span));
  return variables;
}

JobReader::Decision JobReader::decide(const JobKeys& keys, const JobScope& scope) {
  Decision decision;
  if (const Node* when = keys.own("when")) decision.when = when->text;
  const Entry* rules = keys.entry("rules");
  if (rules != nullptr && rules->value.is_list()) {
    // `rules: []` is no rule at all: nothing has to match.
    if (rules->value.items.empty()) return decision;
    decision.rule = book_.first_match(rules->value, scope);
    if (decision.rule == nullptr) decision.in = false;
    const Node* when = decision.rule == nullptr ? nullptr : decision.rule->get("when");
    if (when != nullptr) decision.when = when->text;
    if (decision.when == "never") decision.in = false;
    return decision;
  }
  const Node* only = keys.own("only");
  const Node* except = keys.own("except");
  const bool asks = only != nullptr || except != nullptr || !document_.has_workflow_rules;
  if (asks) decision.in = book_.policy_allows(only, except, scope);
  return decision;
}

void JobReader::run_policy(const JobKeys& keys, const Decision& decision, JobPlan& plan) {
  const Node* rule = decision.rule;
  if (decision.when == "always") plan.run = RunPolicy::kAlways;
  if (decision.when == "on_failure") plan.run = RunPolicy::kOnFailure;
  plan.manual = decision.when == "manual";
  if (decision.when == "delayed") {
    const Node* wait = rule != nullptr && rule->get("start_in") != nullptr ? rule->get("start_in")
                                                                           : keys.own("start_in");
    if (wait != nullptr)
      plan.start_in = parse_time(wait->text);
    else if (rule != nullptr)
      report(out_, rule->span, "when: delayed without start_in", "say how long with start_in:");
  }
  // A manual job may fail unless it says otherwise; one that a rule makes manual may not.
  const Node* when = keys.own("when");
  plan.allow_failure.any = when != nullptr && when->text == "manual";
  if (const Node* allow = keys.own("allow_failure"))
    plan.allow_failure = read_allow_failure(*allow);
  if (const Node* allow = rule == nullptr ? nullptr : rule->get("allow_failure"))
    plan.allow_failure = read_allow_failure(*allow);
  const auto flag = [](const Node* node, bool fallback) {
    return node == nullptr ? fallback : as_flag(*node).value_or(fallback);
  };
  plan.interruptible = flag(keys.get("interruptible"), false);
  if (rule != nullptr) plan.interruptible = flag(rule->get("interruptible"), plan.interruptible);
}

void JobReader::fill(const JobKeys& keys, JobPlan& plan) {
  if (const Node* image = keys.get("image")) plan.image = read_image(*image);
  if (const Node* trigger = keys.own("trigger")) {
    plan.trigger = read_trigger(*trigger, plan, out_);
  } else {
    plan.steps = read_steps(keys, out_);
  }
  plan.labels = read_strings(keys.get("tags"));
  plan.services = read_services(keys.get("services"), out_);
  plan.caches = read_caches(keys.get("cache"), out_);
  plan.artifacts = read_artifacts(keys.get("artifacts"), out_);
  plan.retry = read_retry(keys.get("retry"), out_);
  if (const Node* timeout = keys.get("timeout"))
    if (const auto time = parse_time(timeout->text); time && time->count() > 0)
      plan.timeout = *time;
  plan.lock = read_string(keys.own("resource_group"));
  plan.lock_mode = LockMode::kUnordered;
  plan.confirmation = read_string(keys.own("manual_confirmation"));
  const std::string coverage = read_string(keys.own("coverage"));
  plan.coverage = regex_of_literal(coverage).value_or("");
  if (const Node* release = keys.own("release")) plan.release = yaml::to_value(*release);
  say_unsupported(keys, plan, out_);
}

void JobReader::environment(const JobKeys& keys, const JobScope& scope, JobPlan& plan) {
  plan.environment = read_environment(keys.own("environment"));
  if (plan.environment.empty()) return;
  static constexpr std::array<std::string_view, 5> kActions{"start", "prepare", "stop", "verify",
                                                            "access"};
  const std::string name =
      expand_variables(plan.environment.name, scope.expanded_lookup(), Unset::kKeep);
  const auto add = [&](const char* known_as, std::string value) {
    if (!value.empty())
      plan.variables.push_back(variable(known_as, std::move(value), VariableLevel::kPredefined));
  };
  add("CI_ENVIRONMENT_NAME", plan.environment.name);
  add("CI_ENVIRONMENT_SLUG", environment_slug(name));
  add("CI_ENVIRONMENT_ACTION",
      std::string(kActions[static_cast<std::size_t>(plan.environment.action)]));
  add("CI_ENVIRONMENT_URL", plan.environment.url.source());
  add("CI_ENVIRONMENT_TIER", plan.environment.tier);
}

std::vector<ReadJob> JobReader::read(const Entry& entry, std::size_t group) {
  std::vector<ReadJob> read;
  const JobKeys keys(entry, document_.defaults);
  if (!sound(keys)) return read;
  const std::size_t stage = stage_of(keys);
  const bool alone = keys.own("parallel") == nullptr;
  for (const Instance& instance : expand_parallel(keys.own("parallel"), out_)) {
    ReadJob job;
    JobPlan& plan = job.plan;
    plan.name = entry.key;
    plan.instance = entry.key + instance.suffix;
    plan.origin = entry.key_span;
    plan.stage = stage;
    plan.matrix_group = group;
    plan.fail_fast = false;
    plan.node_index = instance.index;
    plan.node_total = instance.total;
    if (!alone && !instance.variables.empty()) {
      Value::Map values;
      for (const auto& [name, value] : instance.variables) values.emplace_back(name, value);
      plan.matrix = Value(std::move(values));
    }
    std::vector<VariablePlan> variables = variables_of(keys, instance);
    const JobScope scope(shared_, variables);
    const Decision decision = decide(keys, scope);
    if (!decision.in) continue;
    if (decision.rule != nullptr)
      for (VariablePlan& own :
           read_variables(decision.rule->get("variables"), VariableLevel::kJob, out_))
        variables.push_back(std::move(own));
    run_policy(keys, decision, plan);
    fill(keys, plan);
    environment(keys, scope, plan);
    for (VariablePlan& given : job_variables(request_, plan, document_.stages[stage],
                                             request_.facts.first_job_id + next_id_++))
      plan.variables.push_back(std::move(given));
    for (VariablePlan& own : variables) plan.variables.push_back(std::move(own));
    const Entry* needs = keys.entry("needs");
    job.needs.says_needs = needs != nullptr && !needs->value.is_null();
    job.needs.needs = keys.own("needs");
    if (const Node* by_rule = decision.rule == nullptr ? nullptr : decision.rule->get("needs")) {
      job.needs.says_needs = true;
      job.needs.needs = by_rule;
    }
    const Entry* dependencies = keys.entry("dependencies");
    job.needs.dependencies =
        dependencies == nullptr || dependencies->value.is_null() ? nullptr : &dependencies->value;
    read.push_back(std::move(job));
  }
  return read;
}

}  // namespace slipway::pipeline::gitlab
