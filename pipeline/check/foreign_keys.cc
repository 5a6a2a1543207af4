// Help for unknown keys: what people write out of habit from other CI systems, keys of another
// level, slips.
#include <algorithm>

#include "base/text.h"
#include "pipeline/check/check_shape.h"
#include "pipeline/check/language.h"

namespace slipway::pipeline {

namespace {

struct Habit {
  const MapRule* level;
  std::string_view key;
  std::string_view help;
};

using namespace language;

// Sources of the habits: GitHub Actions, GitLab CI, Woodpecker/Drone, Azure, CircleCI.
constexpr Habit kHabits[] = {
    {&kJob, "script", "use steps: with one item per command"},
    {&kJob, "run", "use steps: with one item per command"},
    {&kJob, "commands", "use steps: with one item per command"},
    {&kJob, "before_script", "make it the first of steps:, or put it in a template for extends:"},
    {&kJob, "after_script", "make it the last step, with always: true"},
    {&kJob, "runs-on", "use image: for the system and labels: to choose an agent"},
    {&kJob, "pool", "use image: for the system and labels: to choose an agent"},
    {&kJob, "container", "use image:"},
    {&kJob, "stage", "there are no stages; name the jobs it waits for in needs:"},
    {&kJob, "dependencies", "use needs:"},
    {&kJob, "depends_on", "use needs:"},
    {&kJob, "dependsOn", "use needs:"},
    {&kJob, "variables", "use env:"},
    {&kJob, "uses", "actions are not available; use steps: with run:, or include: and extends:"},
    {&kJob, "with", "inputs belong to an include: { file, with }"},
    {&kJob, "timeout-minutes", "use timeout: with a unit, such as 20m"},
    {&kJob, "continue-on-error", "use allow-failure:"},
    {&kJob, "strategy", "write matrix: directly below the job"},
    {&kJob, "parallel", "use matrix:"},
    {&kJob, "tags", "use labels: to choose an agent"},
    {&kJob, "only", "use if: with an expression, such as branch == 'main'"},
    {&kJob, "except", "use if: with an expression, such as branch != 'main'"},
    {&kJob, "rules", "use if: with an expression, and paths: for changed files"},
    {&kJob, "when", "use if:, always: true or manual: true"},
    {&kJob, "changes", "use paths:"},
    {&kJob, "permissions", "name what the job may use in secrets:"},
    {&kJob, "concurrency", "use lock: for one at a time; concurrency: stands at the top level"},
    {&kJob, "name", "the key above is the job's name"},
    {&kJob, "variants", "use matrix:"},
    {&kJob, "coverage", "use artifacts: { reports: { coverage: FILE } }"},
    {&kStep, "uses", "actions are not available; use run: with the commands themselves"},
    {&kStep, "with", "use env: to pass values to a command"},
    {&kStep, "script", "use run:"},
    {&kStep, "command", "use run:"},
    {&kStep, "commands", "use run: with \"|\" and one command per line"},
    {&kStep, "working-directory", "use workdir:"},
    {&kStep, "timeout-minutes", "use timeout: with a unit, such as 5m"},
    {&kStep, "continue-on-error", "allow-failure: is a key of the job"},
    {&kStep, "environment", "use env: for variables; environment: is a key of the job"},
    {&kStep, "variables", "use env:"},
    {&kStep, "when", "use if:, always: true or on-failure: true"},
    {&kStep, "plugin", "plugins are not available; use run:"},
    {&kPipeline, "stages", "there are no stages; each job names the jobs it waits for in needs:"},
    {&kPipeline, "variables", "use env:"},
    {&kPipeline, "before_script", "make it the first of a job's steps:, or use a template"},
    {&kPipeline, "after_script", "make it a job's last step, with always: true"},
    {&kPipeline, "script", "use steps: with one item per command"},
    {&kPipeline, "default", "use defaults:"},
    {&kPipeline, "workflow", "use on: and concurrency:"},
    {&kPipeline, "permissions", "a job names what it may use in secrets:"},
    {&kPipeline, "pipeline", "use steps: or jobs:"},
    {&kPipeline, "image", "use defaults: { image: … }, or image: in a job"},
    {&kPipeline, "trigger", "use on:"},
    {&kPipeline, "when", "use on:"},
    {&kPipeline, "version", "there is no version key; remove it"},
    {&kPipeline, "kind", "there is no kind key; remove it"},
    {&kPipeline, "inputs", "inputs of a manual run stand in on: { manual: { inputs: … } }"},
    {&kIncluded, "on", "only the main file says when it runs"},
    {&kIncluded, "concurrency", "only the main file says what may overlap"},
    {&kIncluded, "steps", "an included file brings jobs: or templates"},
    {&kIncluded, "name", "only the main file names the pipeline"},
};

// Levels that a stray key may belong to, in the order they are offered.
constexpr const MapRule* kLevels[] = {&kJob,     &kStep,  &kPipeline, &kDefaults,
                                      &kService, &kCache, &kBuild,    &kDeploy};

bool has_key(const MapRule& rule, std::string_view key) {
  return std::any_of(rule.keys.begin(), rule.keys.end(),
                     [&](const KeyRule& known) { return known.key == key; });
}

std::string other_levels(const std::string& key, const MapRule& rule) {
  std::vector<std::string> names;
  for (const MapRule* level : kLevels)
    if (level != &rule && has_key(*level, key)) names.emplace_back(level->name);
  if (names.empty() || names.size() > 3) return {};
  return quoted(key) + " belongs to " + join(names, " or ");
}

// A slip of a habit: "comands" is near "commands", which is "run" here.
std::string near_habit(const std::string& key, const MapRule& rule) {
  std::vector<std::string> keys;
  for (const Habit& habit : kHabits)
    if (habit.level == &rule) keys.emplace_back(habit.key);
  const auto near = did_you_mean(key, keys);
  if (!near) return {};
  for (const Habit& habit : kHabits)
    if (habit.level == &rule && habit.key == *near) return std::string(habit.help);
  return {};
}

}  // namespace

std::string unknown_key_help(const std::string& key, const MapRule& rule) {
  for (const Habit& habit : kHabits)
    if (habit.level == &rule && habit.key == key) return std::string(habit.help);
  std::vector<std::string> known;
  for (const KeyRule& candidate : rule.keys) known.emplace_back(candidate.key);
  if (rule.extensions == Extensions::kUnknown) {  // another language: its own keys, nothing of ours
    if (const auto near = did_you_mean(key, known)) return "did you mean \"" + *near + "\"?";
    return "known keys: " + join(known, ", ");
  }
  // `- echo hello: world` is a map with one odd key.
  if (&rule == &kStep && key.find(' ') != std::string::npos)
    return "put the whole command in quotes: \": \" inside it makes YAML read a map";
  if (std::string level = other_levels(key, rule); !level.empty()) return level;
  if (const auto near = did_you_mean(key, known)) return "did you mean \"" + *near + "\"?";
  if (std::string habit = near_habit(key, rule); !habit.empty()) return habit;
  if (known.size() > 16) return "keys starting with \"x-\" are free";
  return "known keys: " + join(known, ", ");
}

}  // namespace slipway::pipeline
