// A job: everything but its steps (read_steps.cc) and what stands beside it (read_beside.cc).
#include "base/text.h"
#include "pipeline/check/check_shape.h"
#include "pipeline/model/read.h"

namespace slipway::pipeline {

namespace {

using yaml::Entry;
using yaml::Node;

// More attempts than this hide a problem and cost a day of machine time.
constexpr long long kMaxRetries = 10;

RetryPolicy read_retry(const Node* node, Reader& reader) {
  RetryPolicy policy;
  if (node == nullptr) return policy;
  const Node* max = node->is_map() ? node->get("max") : node;
  const long long attempts = read_int(max).value_or(0);
  if (attempts > kMaxRetries) report(reader.out(), max->span, "more than 10 retries", "at most 10");
  policy.max = static_cast<int>(std::min(attempts, kMaxRetries));
  for (const Node* reason : one_or_many(node->get("when"))) {
    if (reason->is_scalar()) policy.when.push_back(reason->text);
    for (const int code : read_exit_codes(reason->get("exit"))) policy.exit_codes.push_back(code);
  }
  return policy;
}

AllowFailure read_allow_failure(const Node* node) {
  AllowFailure allow;
  if (node == nullptr) return allow;
  allow.any = read_bool(node, false);
  allow.exit_codes = read_exit_codes(node->get("exit"));
  return allow;
}

void read_environment(const Node* node, Reader& reader, JobPlan& plan) {
  if (node == nullptr) return;
  const Node* name = node->is_map() ? node->get("name") : node;
  plan.environment.name = reader.fixed_text(name, "environment");
  plan.environment.url = reader.text(node->get("url"), ExpressionPlace::kName);
}

std::vector<OutputPlan> read_outputs(const Node* node, Reader& reader) {
  std::vector<OutputPlan> outputs;
  if (node == nullptr) return outputs;
  for (const Entry& entry : node->entries) {
    if (entry.key.starts_with("x-")) continue;
    outputs.push_back(
        {entry.key, reader.text(&entry.value, ExpressionPlace::kName), entry.key_span});
  }
  return outputs;
}

void read_gates(const Node& node, Reader& reader, JobPlan& plan) {
  static constexpr std::pair<std::string_view, NetworkMode> kNetworks[] = {
      {"bridge", NetworkMode::kBridge}, {"none", NetworkMode::kNone}, {"host", NetworkMode::kHost}};
  plan.condition = reader.condition(node.get("if"));
  plan.paths = read_strings(node.get("paths"));
  plan.labels = reader.fixed_texts(node.get("labels"), "labels");
  plan.resources = reader.resources(node.get("resources"));
  plan.network = read_word(node.get("network"), kNetworks, NetworkMode::kBridge);
  plan.docker_socket = read_bool(node.get("docker"), false);
  plan.retry = read_retry(node.get("retry"), reader);
  plan.allow_failure = read_allow_failure(node.get("allow-failure"));
  if (read_bool(node.get("always"), false)) plan.run = RunPolicy::kAlways;
  plan.manual = read_bool(node.get("manual"), false);
  plan.interruptible = read_bool(node.get("interruptible"), false);
  plan.lock = reader.fixed_text(node.get("lock"), "lock");
  read_environment(node.get("environment"), reader, plan);
  if (const Node* approve = node.get("approve"))
    plan.approvers = reader.fixed_texts(approve->get("by"), "approve");
}

const Node* default_of(const JobSurroundings& around, std::string_view key) {
  return around.defaults == nullptr ? nullptr : around.defaults->get(key);
}

// Job-wide shell and workdir are the steps' defaults.
void spread_to_steps(const Node& node, const JobSurroundings& around, Reader& reader,
                     JobPlan& plan) {
  const Node* shell = node.get("shell");
  if (shell == nullptr) shell = default_of(around, "shell");
  const std::string shell_name = reader.fixed_text(shell, "shell");
  const Template workdir = reader.text(node.get("workdir"), ExpressionPlace::kName);
  for (StepPlan& step : plan.steps) {
    if (step.shell.empty()) step.shell = shell_name;
    if (step.workdir.empty()) step.workdir = workdir;
  }
}

}  // namespace

JobPlan read_job(const Entry& entry, const Value& matrix, const JobSurroundings& around,
                 std::vector<Diagnostic>& out) {
  JobPlan plan;
  plan.name = entry.key;
  plan.instance = entry.key;
  plan.matrix = matrix;
  plan.inputs = around.inputs;
  plan.origin = entry.key_span;
  EvalContext fixed;
  fixed.roots = base_context(around.event, &plan);
  Reader reader(std::move(fixed), out);

  const Node& node = entry.value;
  const Node* image = node.get("image");
  if (image == nullptr) image = default_of(around, "image");
  if (image != nullptr) plan.image = reader.image(*image);
  plan.env.push_back(reader.env(around.env));
  plan.env.push_back(reader.env(node.get("env")));
  read_steps(entry, reader, plan);
  spread_to_steps(node, around, reader, plan);
  plan.needs = read_needs(entry, reader);
  read_gates(node, reader, plan);
  const auto own = read_duration(node.get("timeout"));
  plan.timeout = own ? *own : read_duration(default_of(around, "timeout")).value_or(plan.timeout);
  plan.secrets = read_secrets(node.get("secrets"), reader);
  plan.services = read_services(node.get("services"), reader);
  plan.caches = read_caches(node.get("cache"), reader);
  plan.outputs = read_outputs(node.get("outputs"), reader);
  plan.artifacts = read_artifacts(node.get("artifacts"));
  check_references(reader, plan, out);
  return plan;
}

}  // namespace slipway::pipeline
