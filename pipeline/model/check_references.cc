// Names inside expressions against what the job declares. At run time a wrong one would silently be
// null.
#include <algorithm>

#include "pipeline/check/check_shape.h"
#include "pipeline/model/read.h"

namespace slipway::pipeline {

namespace {

std::vector<std::string> keys_of(const Value& value) {
  std::vector<std::string> keys;
  if (const Value::Map* map = value.map())
    for (const auto& member : *map) keys.push_back(member.first);
  return keys;
}

std::vector<std::string> step_ids(const JobPlan& plan) {
  std::vector<std::string> ids;
  for (const StepPlan& step : plan.steps) ids.push_back(step.id);
  return ids;
}

std::vector<std::string> need_names(const JobPlan& plan) {
  std::vector<std::string> names;
  for (const Need& need : plan.needs) names.push_back(need.name);
  return names;
}

struct Rule {
  std::string_view root;
  Severity severity;  // a warning where a run may still make sense of it
  std::string_view message;
  std::string_view help;
};
constexpr Rule kRules[] = {
    {"needs", Severity::kError, "is not in needs of this job", "add it to needs:"},
    {"steps", Severity::kWarning, "is no step of this job", "give the step that id:"},
    {"matrix", Severity::kWarning, "is no axis of this matrix", "the value will be empty"},
    {"inputs", Severity::kError, "is not declared", "declare it in on: { manual: { inputs: … } }"},
};

std::vector<std::string> known_names(std::string_view root, const JobPlan& plan) {
  if (root == "needs") return need_names(plan);
  if (root == "steps") return step_ids(plan);
  return keys_of(root == "matrix" ? plan.matrix : plan.inputs);
}

}  // namespace

void check_references(const Reader& reader, const JobPlan& plan, std::vector<Diagnostic>& out) {
  for (const Rule& rule : kRules) {
    std::optional<std::vector<std::string>> known;
    for (const Reader::Reference& reference : reader.references()) {
      if (reference.root != rule.root) continue;
      if (!known) known = known_names(rule.root, plan);
      if (std::find(known->begin(), known->end(), reference.name) != known->end()) continue;
      std::string help = suggestion(reference.name, *known, out);
      if (help.empty()) help = rule.help;
      out.push_back({rule.severity,
                     reference.span,
                     quoted(reference.name) + " " + std::string(rule.message),
                     std::move(help),
                     {}});
    }
  }
}

}  // namespace slipway::pipeline
