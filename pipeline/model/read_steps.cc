// The steps of a job.
#include <map>

#include "base/text.h"
#include "pipeline/check/check_shape.h"
#include "pipeline/check/language.h"
#include "pipeline/model/read.h"

namespace slipway::pipeline {

namespace {

using yaml::Entry;
using yaml::Node;

struct Form {
  std::string_view key;
  StepKind kind;
  const MapRule* settings;  // of the key's map; nullptr: the key is a script
};
constexpr Form kForms[] = {{"run", StepKind::kRun, nullptr},
                           {"build", StepKind::kBuild, &language::kBuild},
                           {"artifact", StepKind::kArtifact, &language::kArtifactPush},
                           {"deploy", StepKind::kDeploy, &language::kDeploy}};

// 60: fits beside the timer in an 80 column terminal.
constexpr std::size_t kNameColumns = 60;

std::string first_line(std::string_view script) {
  for (std::string_view line : split(script, '\n')) {
    line = trim(line);
    if (!line.empty()) return ellipsize(printable(line), kNameColumns);
  }
  return {};
}

class StepReader {
 public:
  StepReader(Reader& reader, JobPlan& plan) : reader_(reader), plan_(plan) {}

  void read(const Node& node, std::size_t number) {
    StepPlan step;
    step.origin = node.span;
    const std::string fallback_id = "step-" + std::to_string(number);
    if (node.is_scalar()) {
      step.script = reader_.script(node);
    } else if (node.is_map()) {
      if (!form(node, step)) return;
      common(node, step);
    } else {
      return;  // reported by the shape check
    }
    const Entry* id = node.find("id");
    step.id = id != nullptr && id->value.is_scalar() ? id->value.text : fallback_id;
    if (step.name.empty()) step.name = default_name(step, fallback_id);
    claim(step.id, id == nullptr ? node.span : id->value.span);
    plan_.steps.push_back(std::move(step));
  }

 private:
  // What the step does: exactly one of run, build, artifact, deploy.
  bool form(const Node& node, StepPlan& step) {
    const Entry* first = nullptr;
    for (const Form& candidate : kForms) {
      const Entry* found = node.find(candidate.key);
      if (found == nullptr) continue;
      if (first != nullptr) {
        report(reader_.out(), found->key_span,
               quoted(first->key) + " and " + quoted(found->key) + " in one step",
               "make two steps of it", {DiagnosticNote{first->key_span, "the other is here"}});
        return false;
      }
      first = found;
      step.kind = candidate.kind;
      const Shape shape = candidate.settings == nullptr ? Shape{} : map_of(*candidate.settings);
      if (candidate.settings != nullptr && found->value.is_map())
        step.settings = read_settings(found->value, OneOf(&shape, 1), reader_);
      if (candidate.kind == StepKind::kDeploy)
        check_deploy(found->value, reader_.out());
      else if (found->value.is_scalar())
        step.script = reader_.script(found->value);
    }
    // A misspelt `run` is already reported as an unknown key; saying it does nothing would be
    // noise.
    const bool guess = node.entries.size() > known_keys(node);
    if (first == nullptr && !guess)
      report(reader_.out(), node.span, "this step does nothing",
             "give it run:, build:, artifact: or deploy:");
    return first != nullptr;
  }

  static std::size_t known_keys(const Node& node) {
    std::size_t known = 0;
    for (const Entry& entry : node.entries) {
      bool found = entry.key.starts_with("x-");
      for (const KeyRule& rule : language::kStep.keys) found = found || rule.key == entry.key;
      known += found ? 1 : 0;
    }
    return known;
  }

  void common(const Node& node, StepPlan& step) {
    step.name = ellipsize(printable(reader_.fixed_text(node.get("name"), "name")), 200);
    if (const Node* image = node.get("image")) step.image = reader_.image(*image);
    step.env = reader_.env(node.get("env"));
    if (const Node* workdir = node.get("workdir"))
      step.workdir = reader_.text(workdir, ExpressionPlace::kName);
    step.shell = reader_.fixed_text(node.get("shell"), "shell");
    step.timeout = read_duration(node.get("timeout"));
    step.condition = reader_.condition(node.get("if"));
    step.memo = read_bool(node.get("memo"), false);
    step.inputs = read_strings(node.get("inputs"));
    when(node, step);
  }

  void when(const Node& node, StepPlan& step) {
    const bool always = read_bool(node.get("always"), false);
    const bool on_failure = read_bool(node.get("on-failure"), false);
    if (always && on_failure)
      report(reader_.out(), node.find("on-failure")->key_span,
             "\"always\" and \"on-failure\" in one step", "always: true includes failures");
    if (always) step.when = StepWhen::kAlways;
    if (on_failure && !always) step.when = StepWhen::kOnFailure;
  }

  static std::string default_name(const StepPlan& step, const std::string& fallback) {
    if (step.kind == StepKind::kRun) {
      std::string line = first_line(step.script.source);
      return line.empty() ? fallback : line;
    }
    for (const Form& candidate : kForms) {
      if (candidate.kind != step.kind) continue;
      const Value* app = step.settings.find("app");
      const std::string detail = app != nullptr ? " " + app->to_text() : "";
      return std::string(candidate.key) + ellipsize(printable(detail), kNameColumns);
    }
    return fallback;
  }

  void claim(const std::string& id, Span span) {
    const auto [first, fresh] = ids_.emplace(id, span);
    if (fresh) return;
    report(reader_.out(), span, "two steps with the id " + quoted(id), "ids are unique in a job",
           {DiagnosticNote{first->second, "the first is here"}});
  }

  Reader& reader_;
  JobPlan& plan_;
  std::map<std::string, Span> ids_;
};

// `deploy:` directly on a job: one step.
void read_deploy_job(const Entry& deploy, Reader& reader, JobPlan& plan) {
  const Shape shape = map_of(language::kDeploy);
  StepPlan step;
  step.id = "deploy";
  step.name = "deploy";
  step.kind = StepKind::kDeploy;
  step.origin = deploy.key_span;
  if (deploy.value.is_map()) step.settings = read_settings(deploy.value, OneOf(&shape, 1), reader);
  check_deploy(deploy.value, reader.out());
  if (const Value* app = step.settings.find("app"))
    step.name += " " + ellipsize(printable(app->to_text()), kNameColumns);
  plan.steps.push_back(std::move(step));
}

}  // namespace

void read_steps(const Entry& job, Reader& reader, JobPlan& plan) {
  const Entry* steps = job.value.find("steps");
  const Entry* deploy = job.value.find("deploy");
  if (steps != nullptr && deploy != nullptr)
    return report(reader.out(), deploy->key_span, "\"steps\" and \"deploy\" in one job",
                  "make the deploy one of the steps: - deploy: { … }",
                  {DiagnosticNote{steps->key_span, "the steps are here"}});
  if (deploy != nullptr) return read_deploy_job(*deploy, reader, plan);
  // A template that could not be found is reported; that its steps are missing follows.
  if (steps == nullptr && job.value.find("extends") != nullptr && has_errors(reader.out())) return;
  if (steps == nullptr)
    return report(reader.out(), job.key_span, "job " + quoted(job.key) + " has no steps",
                  "write them below steps:, one command per item");
  if (!steps->value.is_list()) return;  // reported by the shape check
  if (steps->value.items.empty())
    return report(reader.out(), steps->key_span, "\"steps\" is empty",
                  "write at least one command");
  StepReader step_reader(reader, plan);
  std::size_t number = 0;
  for (const Node& node : steps->value.items) step_reader.read(node, ++number);
}

}  // namespace slipway::pipeline
