// Environment and shell of a step.
#include "runner/execute/step_environment.h"

#include <array>

#include "base/text.h"

namespace slipway::runner {
namespace {

struct ShellRow {
  std::string_view name;
  std::vector<std::string> command;  ///< The script follows.
  std::string_view prologue;         ///< In front of the script.
};

// dash has no pipefail and would end at the unknown option, so sh asks in a subshell first; on the script's own
// first line, so that line numbers in messages stay true.
constexpr std::string_view kPipefailIfKnown =
    "if (set -o pipefail) 2>/dev/null; then set -o pipefail; fi; ";

const std::vector<ShellRow>& shells() {
  static const std::vector<ShellRow> rows{
      {"bash", {"bash", "--noprofile", "--norc", "-e", "-o", "pipefail", "-c"}, ""},
      {"sh", {"sh", "-e", "-c"}, kPipefailIfKnown},
      {"zsh", {"zsh", "-f", "-e", "-o", "pipefail", "-c"}, ""},
      {"python", {"python3", "-c"}, ""},
      {"python3", {"python3", "-c"}, ""},
      {"node", {"node", "-e"}, ""},
      {"perl", {"perl", "-e"}, ""},
  };
  return rows;
}

}  // namespace

void StepEnvironment::set_all(const Assignments& assignments) {
  for (const auto& [name, value] : assignments) values_[name] = value;
}

void StepEnvironment::set_image(const std::vector<std::string>& entries) {
  for (const std::string& entry : entries) {
    const std::size_t equals = entry.find('=');
    if (equals == 0 || equals == std::string::npos) continue;
    values_[entry.substr(0, equals)] = entry.substr(equals + 1);
  }
}

void StepEnvironment::prepend_path(const std::vector<std::string>& directories) {
  std::string& path = values_["PATH"];
  for (const std::string& directory : directories) {
    path = path.empty() ? directory : directory + ":" + path;
  }
}

Status StepEnvironment::evaluate(const pipeline::EnvLayer& layer, pipeline::EvalContext& context) {
  for (const pipeline::EnvEntry& entry : layer) {
    std::string value =
        SLIP_TRY_WITHIN("set env " + entry.name, entry.value.evaluate_text(context));
    if (value.find('\0') != std::string::npos) {
      return fail(ErrorCode::kInvalid, "set env " + entry.name + ": the value holds a NUL byte");
    }
    values_[entry.name] = std::move(value);
    context.roots.set("env", as_value());
  }
  return {};
}

Status StepEnvironment::evaluate(const pipeline::Script& script, pipeline::EvalContext& context) {
  for (const pipeline::ScriptVariable& variable : script.variables) {
    const pipeline::Value value =
        SLIP_TRY_WITHIN("evaluate ${{ " + variable.expression.text() + " }}",
                        variable.expression.evaluate(context));
    std::string text = value.to_text();
    if (text.find('\0') != std::string::npos) {
      return fail(ErrorCode::kInvalid,
                  "evaluate ${{ " + variable.expression.text() + " }}: the value holds a NUL byte");
    }
    values_[variable.name] = std::move(text);
  }
  return {};
}

std::vector<std::string> StepEnvironment::entries() const {
  std::vector<std::string> entries;
  entries.reserve(values_.size());
  for (const auto& [name, value] : values_) entries.push_back(name + "=" + value);
  return entries;
}

pipeline::Value StepEnvironment::as_value() const {
  pipeline::Value::Map map;
  map.reserve(values_.size());
  for (const auto& [name, value] : values_) map.emplace_back(name, value);
  return pipeline::Value(std::move(map));
}

std::vector<std::string> shell_command(const std::string& shell, const std::string& script) {
  for (const ShellRow& row : shells()) {
    if (row.name != shell) continue;
    std::vector<std::string> command = row.command;
    command.push_back(std::string(row.prologue) + script);
    return command;
  }
  return {shell, "-c", script};
}

}  // namespace slipway::runner
