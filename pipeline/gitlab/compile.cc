// compile_gitlab(): the stages of a `.gitlab-ci.yml` on its way to a plan.
#include <algorithm>
#include <array>
#include <tuple>

#include "base/text.h"
#include "pipeline/check/check_shape.h"
#include "pipeline/expand/tidy.h"
#include "pipeline/gitlab/job.h"
#include "pipeline/gitlab/language.h"
#include "pipeline/gitlab/load.h"
#include "pipeline/gitlab/read_job.h"
#include "pipeline/model/read.h"

namespace slipway::pipeline {
namespace {

using namespace gitlab;
using yaml::Entry;
using yaml::Node;

constexpr std::size_t kMaxJobs = 1'000;
constexpr std::size_t kMaxScriptDepth = 10;  // lists in lists, as GitLab

constexpr std::array<std::string_view, 8> kTopKeywords{
    "default", "include", "pages", "spec", "stages", "types", "variables", "workflow"};
// Keys of `default:` that may also stand at the top, from the days before it.
constexpr std::array<std::string_view, 5> kOldGlobals{"image", "services", "before_script",
                                                      "after_script", "cache"};
// Lists that references and anchors may nest.
constexpr std::array<std::string_view, 8> kFlatLists{
    "script", "before_script", "after_script", "rules", "needs", "services", "tags", "cache"};

template <std::size_t N>
bool contains(const std::array<std::string_view, N>& words, std::string_view word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

// A key without value counts as not written, but for names of variables and inputs.
void drop_nulls(Node& node) {
  for (Node& item : node.items) drop_nulls(item);
  std::erase_if(node.entries, [](const Entry& entry) { return entry.value.is_null(); });
  for (Entry& entry : node.entries)
    if (entry.key != "variables" && entry.key != "inputs") drop_nulls(entry.value);
}

// `- echo "a": b` is a map for YAML and a command for who wrote it, `- false` a bool.
void refuse_odd_commands(Entry& entry, std::vector<Diagnostic>& out) {
  if (!entry.key.ends_with("script") || !entry.value.is_list()) return;
  for (Node& item : entry.value.items) {
    const bool typed = yaml::as_bool(item) || yaml::as_number(item);
    if (!item.is_map() && !typed) continue;
    report(out, item.span,
           "a command of " + quoted(entry.key) + " is " + std::string(yaml::describe(item)),
           typed ? "put it in quotes, as GitLab wants it"
                 : "put the whole command in quotes: a colon and a blank make YAML read a map");
    item.kind = yaml::Kind::kScalar;
  }
}

void flatten(std::vector<Node>& into, Node& item, std::size_t depth, std::vector<Diagnostic>& out) {
  if (!item.is_list()) {
    if (!item.is_null() || depth == 0) into.push_back(std::move(item));
    return;
  }
  if (depth >= kMaxScriptDepth) return report(out, item.span, "lists nested deeper than 10");
  for (Node& inner : item.items) flatten(into, inner, depth + 1, out);
}

void flatten_lists(Node& job, std::vector<Diagnostic>& out) {
  drop_nulls(job);
  for (Entry& entry : job.entries) {
    if (!contains(kFlatLists, entry.key) || !entry.value.is_list()) continue;
    const bool nested = std::any_of(entry.value.items.begin(), entry.value.items.end(),
                                    [](const Node& item) { return item.is_list(); });
    if (!nested) continue;
    std::vector<Node> flat;
    for (Node& item : entry.value.items) flatten(flat, item, 0, out);
    entry.value.items = std::move(flat);
  }
  for (Entry& entry : job.entries) refuse_odd_commands(entry, out);
}

class Compiler {
 public:
  Compiler(const GitlabRequest& request, Compiled& compiled)
      : request_(request),
        out_(compiled.diagnostics),
        compiled_(compiled),
        predefined_(pipeline_variables(request)) {
    shared_variables_ = predefined_;
    shared_variables_.insert(shared_variables_.end(), request.variables.begin(),
                             request.variables.end());
  }

  void run() {
    const SharedScope shared(shared_variables_);
    const std::vector<VariablePlan> none;
    const JobScope facts(shared, none);
    std::optional<Node> root = load(request_, facts.expanded_lookup(), compiled_.sources, out_);
    if (!root) return;
    sort_out(*root);
    Plan plan = frame();
    RuleBook book(request_, out_);
    if (workflow_allows(book, shared)) {
      read_jobs(plan, book, shared);
    } else {
      plan.triggered = false;
    }
    if (!has_errors(out_)) compiled_.plan = std::move(plan);
  }

 private:
  void sort_out(Node& root) {
    defaults_.kind = yaml::Kind::kMap;
    if (Entry* entry = root.find("default"); entry != nullptr && entry->value.is_map()) {
      defaults_ = std::move(entry->value);
      flatten_lists(defaults_, out_);
      check_map(defaults_, entry->key_span, gitlab::language::kDefault, Completeness::kWhole, out_);
    }
    for (Entry& entry : root.entries) one(root, entry);
    document_.defaults = &defaults_;
    if (document_.stages.empty()) document_.stages = {".pre", "build", "test", "deploy", ".post"};
    document_.has_workflow_rules =
        document_.workflow != nullptr && document_.workflow->get("rules") != nullptr;
  }

  void one(Node& root, Entry& entry) {
    if (contains(kOldGlobals, entry.key)) return old_global(entry);
    if (entry.key == "stages" || entry.key == "types") return stages(entry);
    if (entry.key == "variables") return top_variables(entry.value);
    if (entry.key == "workflow") return workflow(entry);
    if (contains(kTopKeywords, entry.key) && entry.key != "pages") return;
    if (entry.key.starts_with('.')) return;
    if (!entry.value.is_map()) return no_job(root, entry);
    flatten_lists(entry.value, out_);
    document_.jobs.push_back(&entry);
  }

  void old_global(Entry& entry) {
    if (const Entry* twice = defaults_.find(entry.key))
      return report(
          out_, entry.key_span, quoted(entry.key) + " stands at the top and in default:",
          "keep the one in default:", {DiagnosticNote{twice->key_span, "the other is here"}});
    Node holder;
    holder.kind = yaml::Kind::kMap;
    holder.entries.push_back(std::move(entry));
    flatten_lists(holder, out_);
    Entry& flat = holder.entries.front();
    check_value(flat.value, quoted(flat.key), gitlab::language::shapes_of(flat.key),
                Completeness::kWhole, out_);
    defaults_.entries.push_back(std::move(flat));
  }

  void stages(const Entry& entry) {
    check_value(entry.value, quoted(entry.key), gitlab::language::kStagesShapes,
                Completeness::kWhole, out_);
    document_.stages = {".pre"};
    for (const std::string& stage : read_strings(&entry.value))
      if (stage != ".pre" && stage != ".post" &&
          std::find(document_.stages.begin(), document_.stages.end(), stage) ==
              document_.stages.end())
        document_.stages.push_back(stage);
    document_.stages.emplace_back(".post");
  }

  void top_variables(const Node& node) {
    if (!node.is_map()) {
      if (!node.is_null())
        report(out_, node.span, "\"variables\" expects a map", "write NAME: value");
      return;
    }
    check_map(node, node.span, gitlab::language::kTopVariables, Completeness::kWhole, out_);
    document_.top_variables = read_variables(&node, VariableLevel::kPipeline, out_);
  }

  void workflow(Entry& entry) {
    if (!entry.value.is_map())
      return report(out_, entry.key_span, "\"workflow\" expects a map", "write rules: in it");
    flatten_lists(entry.value, out_);
    check_map(entry.value, entry.key_span, gitlab::language::kWorkflow, Completeness::kWhole, out_);
    document_.workflow = &entry.value;
  }

  void no_job(const Node& root, const Entry& entry) {
    std::vector<std::string> words(kTopKeywords.begin(), kTopKeywords.end());
    words.insert(words.end(), kOldGlobals.begin(), kOldGlobals.end());
    std::string help = suggestion(entry.key, words, out_);
    (void)root;
    report(
        out_, entry.key_span, quoted(entry.key) + " is no keyword and no job",
        help.empty()
            ? "a job is a map with script: or trigger:; a name that starts with a dot is a template"
            : std::move(help));
  }

  Plan frame() {
    Plan plan;
    plan.dialect = Dialect::kGitlab;
    plan.workspace = project_dir(request_.project);
    plan.stages = document_.stages;
    plan.variables = shared_variables_;
    plan.name = printable(request_.file.path);
    return plan;
  }

  bool workflow_allows(RuleBook& book, const SharedScope& shared) {
    if (document_.workflow == nullptr) return true;
    const JobScope scope(shared, document_.top_variables);
    if (const Node* cancel = document_.workflow->get("auto_cancel")) auto_cancel(*cancel);
    bool allowed = true;
    if (const Node* rules = document_.workflow->get("rules")) {
      const Node* rule = book.first_match(*rules, scope);
      const Node* when = rule == nullptr ? nullptr : rule->get("when");
      allowed = rule != nullptr && (when == nullptr || when->text != "never");
      if (!allowed)
        warn(out_, rule == nullptr ? rules->span : rule->span,
             "the workflow's rules make no pipeline for this event",
             "choose another with --event, --branch or --tag");
      if (allowed) {
        for (VariablePlan& plan :
             read_variables(rule->get("variables"), VariableLevel::kPipeline, out_))
          document_.top_variables.push_back(std::move(plan));
        if (const Node* cancel = rule->get("auto_cancel")) auto_cancel(*cancel);
      }
    }
    if (const Node* name = document_.workflow->get("name"))
      pipeline_name_ = expand_variables(name->text, scope.expanded_lookup(), Unset::kEmpty);
    return allowed;
  }

  void auto_cancel(const Node& node) {
    if (const Node* failure = node.get("on_job_failure")) stop_on_failure_ = failure->text == "all";
  }

  void read_jobs(Plan& plan, RuleBook& book, const SharedScope& shared) {
    plan.stop_on_failure = stop_on_failure_;
    if (!pipeline_name_.empty()) {
      plan.name = printable(pipeline_name_);
      plan.variables.push_back(
          variable("CI_PIPELINE_NAME", pipeline_name_, VariableLevel::kPredefined));
    }
    std::vector<ReadJob> read;
    JobReader reader(request_, document_, book, shared, out_);
    for (std::size_t group = 0; group < document_.jobs.size(); ++group) {
      for (ReadJob& job : reader.read(*document_.jobs[group], group)) {
        if (read.size() == kMaxJobs)
          return report(out_, document_.jobs[group]->key_span, "more than 1,000 jobs",
                        "split the pipeline");
        read.push_back(std::move(job));
      }
    }
    std::stable_sort(read.begin(), read.end(), [](const ReadJob& a, const ReadJob& b) {
      return a.plan.stage < b.plan.stage;
    });
    std::vector<WrittenNeeds> written;
    for (ReadJob& job : read) {
      job.needs.job = plan.jobs.size();
      written.push_back(job.needs);
      plan.jobs.push_back(std::move(job.plan));
    }
    resolve_needs(plan, written, document_, out_);
    check_presence(plan);
  }

  void check_presence(const Plan& plan) {
    if (has_errors(out_)) return;
    if (document_.jobs.empty())
      return report(out_, {0, 1, 1, 1, 2}, "the pipeline has no jobs",
                    "the shortest one is \"test: { script: make test }\"");
    const std::size_t last = plan.stages.size() - 1;
    const bool only_edges =
        std::all_of(plan.jobs.begin(), plan.jobs.end(),
                    [&](const JobPlan& job) { return job.stage == 0 || job.stage == last; });
    if (plan.jobs.empty())
      warn(out_, {0, 1, 1, 1, 2}, "no job is in the pipeline for this event",
           "choose another with --event, --branch or --tag");
    else if (only_edges)
      report(out_, plan.jobs.front().origin, "the pipeline has jobs in .pre and .post only",
             "add one to another stage");
  }

  const GitlabRequest& request_;
  std::vector<Diagnostic>& out_;
  Compiled& compiled_;
  std::vector<VariablePlan> predefined_;
  std::vector<VariablePlan> shared_variables_;
  Node defaults_;
  Document document_;
  std::string pipeline_name_;
  bool stop_on_failure_ = false;
};

}  // namespace

Compiled compile_gitlab(const GitlabRequest& request) {
  Compiled compiled;
  Compiler(request, compiled).run();
  tidy_findings(compiled.diagnostics);
  return compiled;
}

}  // namespace slipway::pipeline
