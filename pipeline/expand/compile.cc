// compile(): the stages of a pipeline file on its way to a plan. Each stage reports what it finds
// and hands on what is sound, so that one run shows many mistakes.
#include "pipeline/compile.h"

#include <algorithm>

#include "base/text.h"
#include "pipeline/check/check_shape.h"
#include "pipeline/check/language.h"
#include "pipeline/expand/jobs.h"
#include "pipeline/expand/merge.h"
#include "pipeline/expand/tidy.h"
#include "pipeline/model/read.h"
#include "pipeline/yaml/parse.h"

namespace slipway::pipeline {

namespace {

using yaml::Entry;
using yaml::Node;

// ".slipway.yml" -> "slipway", ".slipway/ci.yml" -> "ci".
std::string name_of(std::string_view path) {
  path.remove_prefix(path.rfind('/') + 1);  // npos + 1 is 0
  while (path.starts_with('.')) path.remove_prefix(1);
  return printable(path.substr(0, path.rfind('.')));
}

// `steps:` is one job called "default"; from there on there is one form only. Jobs of included
// files may stand beside.
void normalise_steps(Node& root, std::vector<Diagnostic>& out) {
  Entry* steps = root.find("steps");
  if (steps == nullptr) return;
  Entry* jobs = root.find("jobs");
  if (jobs != nullptr && (jobs->key_span.file == steps->key_span.file || !jobs->value.is_map())) {
    report(out, steps->key_span, "\"steps\" and \"jobs\" in one pipeline",
           "move the steps into a job", {DiagnosticNote{jobs->key_span, "the jobs are here"}});
    return;
  }
  Entry job{"default", steps->key_span, {}};
  job.value.kind = yaml::Kind::kMap;
  job.value.span = steps->value.span;
  job.value.entries.push_back({"steps", steps->key_span, std::move(steps->value)});
  if (jobs != nullptr) {
    if (const Entry* other = jobs->value.find("default"))
      report(out, steps->key_span, "an included file has a job \"default\" already",
             "write jobs: instead of steps:", {DiagnosticNote{other->key_span, "it is here"}});
    else
      jobs->value.entries.push_back(std::move(job));
    std::erase_if(root.entries, [](const Entry& entry) { return entry.key == "steps"; });
    return;
  }
  steps->key = "jobs";
  steps->value = {};
  steps->value.kind = yaml::Kind::kMap;
  steps->value.span = steps->key_span;
  steps->value.entries.push_back(std::move(job));
}

std::optional<ConcurrencyPlan> read_concurrency(const Node* node, Reader& reader) {
  static constexpr std::pair<std::string_view, ConcurrencyPolicy> kPolicies[] = {
      {"cancel", ConcurrencyPolicy::kCancel}, {"queue", ConcurrencyPolicy::kQueue}};
  if (node == nullptr) return std::nullopt;
  const Node* group = node->is_map() ? node->get("group") : node;
  if (group == nullptr) return std::nullopt;
  ConcurrencyPlan plan;
  plan.group = reader.text(group, ExpressionPlace::kName);
  plan.policy = read_word(node->get("policy"), kPolicies, ConcurrencyPolicy::kQueue);
  return plan;
}

Plan build_plan(const Node& root, const CompileRequest& request, std::vector<Diagnostic>& out) {
  Plan plan;
  const Node* on = root.get("on");
  const Value inputs = manual_inputs(on, request.event, out, plan.missing_inputs);
  EvalContext fixed;
  JobPlan bare;
  bare.inputs = inputs;
  fixed.roots = base_context(request.event, &bare);
  Reader reader(std::move(fixed), out);
  plan.name = printable(reader.fixed_text(root.get("name"), "name"));
  if (plan.name.empty()) plan.name = name_of(request.file.path);
  plan.concurrency = read_concurrency(root.get("concurrency"), reader);
  plan.triggered = is_triggered(on, request.event);

  const Entry* jobs = root.find("jobs");
  if (jobs == nullptr || !jobs->value.is_map()) {
    if (jobs == nullptr)
      report(out, root.span, "the pipeline has no jobs",
             "write steps: with one command per item, or jobs:");
    return plan;
  }
  const JobSurroundings around{request.event, root.get("defaults"), root.get("env"), inputs,
                               on == nullptr ? 0 : yaml::weight(*on)};
  plan.jobs = expand_jobs(jobs->value, around, out);
  if (plan.jobs.empty() && !has_errors(out))
    report(out, jobs->key_span, "the pipeline has no jobs that run",
           "names starting with a dot are templates");
  resolve_needs(jobs->value, plan.jobs, out);
  return plan;
}

std::string without_bom(std::string text) {
  if (text.starts_with("\xef\xbb\xbf")) text.erase(0, 3);
  return text;
}

}  // namespace

Compiled compile(const CompileRequest& request) {
  Compiled compiled;
  std::vector<Diagnostic>& out = compiled.diagnostics;
  compiled.sources.push_back({request.file.path, without_bom(request.file.text)});
  std::optional<Node> root = yaml::parse(compiled.sources, 0, out);
  if (root && root->is_null()) {
    report(out, {0, 1, 1, 1, 2}, "the file is empty", "write steps: with one command per item");
  } else if (root && !root->is_map()) {
    report(
        out, root->span, "a pipeline is a map, found " + std::string(yaml::describe(*root)),
        root->is_list() ? "write steps: above the list" : "write steps: with a list of commands");
  } else if (root) {
    merge_includes(*root, request, compiled.sources, out);
    normalise_steps(*root, out);
    if (Entry* jobs = root->find("jobs")) resolve_extends(jobs->value, out);
    check_map(*root, root->span, language::kPipeline, Completeness::kWhole, out);
    Plan plan = build_plan(*root, request, out);
    if (!has_errors(out)) compiled.plan = std::move(plan);
  }
  tidy_findings(out);
  return compiled;
}

}  // namespace slipway::pipeline
