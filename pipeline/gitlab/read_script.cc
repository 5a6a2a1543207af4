// Scripts as steps. The shell shows each command before it runs it, as GitLab's runner does.
// Spec: docs.gitlab.com/ci/yaml/script
#include "base/text.h"
#include "pipeline/gitlab/job.h"
#include "pipeline/model/read.h"

namespace slipway::pipeline::gitlab {
namespace {

using yaml::Node;

constexpr Millis kAfterScriptTime = std::chrono::minutes(5);

// "$ make" for one line; of several the first, so that long here-documents do not fill the log.
std::string announcement(std::string_view command) {
  const std::size_t end = command.find('\n');
  const bool more = end != std::string_view::npos && !trim(command.substr(end)).empty();
  std::string line = "$ " + std::string(command.substr(0, end));
  if (more) line += " # collapsed multi-line command";
  return line;
}

struct Commands {
  std::string text;    // what the shell gets
  std::string source;  // what people read
  Span origin;
};

void add_commands(const Node* node, Commands& commands) {
  for (const Node* item : one_or_many(node)) {
    if (!item->is_scalar()) continue;
    if (!commands.origin.valid()) commands.origin = item->span;
    std::string command = item->text;
    while (command.ends_with('\n')) command.pop_back();
    commands.text += "printf '%s\\n' " + shell_quote(announcement(command)) + "\n" + command + "\n";
    commands.source += command + "\n";
  }
}

StepPlan make_step(const char* id, Commands commands) {
  StepPlan step;
  step.id = id;
  step.name = id;
  step.script.text = std::move(commands.text);
  step.script.source = std::move(commands.source);
  step.echo = Echo::kScript;
  step.origin = commands.origin;
  return step;
}

/// What after_script may know: Spec: docs.gitlab.com/ci/variables/predefined_variables, CI_JOB_STATUS.
EnvLayer status_variable(Span origin) {
  std::vector<Diagnostic> none;
  const auto value =
      Template::parse("${{ cancelled() ? 'canceled' : (success() ? 'success' : 'failed') }}",
                      origin, ExpressionPlace::kEnvValue, none);
  return value ? EnvLayer{{"CI_JOB_STATUS", *value, origin}} : EnvLayer{};
}

}  // namespace

std::vector<StepPlan> read_steps(const JobKeys& keys, std::vector<Diagnostic>&) {
  std::vector<StepPlan> steps;
  if (const Node* hooks = keys.get("hooks")) {
    Commands commands;
    add_commands(hooks->get("pre_get_sources_script"), commands);
    if (!commands.source.empty())
      steps.push_back(make_step("pre_get_sources_script", std::move(commands)));
  }
  Commands commands;
  add_commands(keys.get("before_script"), commands);
  add_commands(keys.own("script"), commands);
  steps.push_back(make_step("script", std::move(commands)));
  Commands after;
  add_commands(keys.get("after_script"), after);
  if (after.source.empty()) return steps;
  after.text = "printf '%s\\n' 'Running after script...'\n" + after.text;
  StepPlan step = make_step("after_script", std::move(after));
  step.when = StepWhen::kAlways;
  step.advisory = true;
  step.timeout = kAfterScriptTime;
  step.env = status_variable(step.origin);
  steps.push_back(std::move(step));
  return steps;
}

}  // namespace slipway::pipeline::gitlab
