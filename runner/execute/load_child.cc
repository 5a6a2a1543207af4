// Compiling a child pipeline in GitLab's language.
#include "runner/execute/load_child.h"

#include <algorithm>

#include "runner/execute/load_gitlab.h"

namespace slipway::runner {
namespace {

/// A file that includes the trigger's, in order; names in double quotes, as JSON writes them.
std::string including(const std::vector<pipeline::SourceFile>& files, const Json& inputs) {
  std::string text = "include:\n";
  for (const pipeline::SourceFile& file : files) {
    text += "  - local: " + Json("/" + file.path).dump() + "\n";
    if (!inputs.is_null()) text += "    inputs: " + inputs.dump() + "\n";
  }
  return text;
}

}  // namespace

Result<pipeline::Compiled> compile_child(const RunContext& run, const pipeline::JobPlan& job,
                                         const std::vector<pipeline::SourceFile>& files) {
  const pipeline::TriggerPlan& trigger = *job.trigger;
  const Json inputs = trigger.inputs.is_null() ? Json() : trigger.inputs.to_json();
  pipeline::GitlabRequest request = SLIP_TRY(
      gitlab_request(run.options, run.workspace.state,
                     {"child pipeline of " + job.name, including(files, inputs), {}}, run.event));
  request.source = "parent_pipeline";
  for (const pipeline::VariablePlan& variable : job.variables) {
    const bool own = variable.level == pipeline::VariableLevel::kJob ||
                     variable.level == pipeline::VariableLevel::kPipeline;
    if (!own || !trigger.forward_yaml) continue;
    pipeline::VariablePlan handed = variable;
    handed.level = pipeline::VariableLevel::kRun;
    request.variables.push_back(std::move(handed));
  }
  request.include =
      [&, others = std::move(request.include)](
          const pipeline::GitlabInclude& include) -> Result<std::vector<pipeline::SourceFile>> {
    const auto found = std::find_if(files.begin(), files.end(), [&](const auto& file) {
      return include.kind == pipeline::GitlabInclude::Kind::kLocal && file.path == include.location;
    });
    if (found != files.end()) return std::vector<pipeline::SourceFile>{*found};
    return others(include);
  };
  return pipeline::compile_gitlab(request);
}

}  // namespace slipway::runner
