// The table of instructions. Spec: Dockerfile reference, as of frontend 1.20.
#include "pipeline/dockerfile/rules.h"

#include <algorithm>

#include "base/text.h"

namespace slipway::pipeline::dockerfile {
namespace {

using Kind = InstructionKind;
constexpr FlagKind kOne = FlagKind::kOne;
constexpr FlagKind kMany = FlagKind::kMany;
constexpr FlagKind kBool = FlagKind::kBool;

const std::vector<Rule>& rules() {
  static const std::vector<Rule> table = {
      {"ADD",
       Kind::kAdd,
       Shape::kList,
       {{"chown", kOne},
        {"chmod", kOne},
        {"link", kBool},
        {"keep-git-dir", kBool},
        {"checksum", kOne},
        {"unpack", kBool},
        {"exclude", kMany}},
       true},
      {"ARG", Kind::kArg, Shape::kArgs, {}, false},
      {"CMD", Kind::kCmd, Shape::kCommand, {}, false},
      {"COPY",
       Kind::kCopy,
       Shape::kList,
       {{"chown", kOne},
        {"from", kOne},
        {"chmod", kOne},
        {"link", kBool},
        {"parents", kBool},
        {"exclude", kMany}},
       true},
      {"ENTRYPOINT", Kind::kEntrypoint, Shape::kCommand, {}, false},
      {"ENV", Kind::kEnv, Shape::kPairs, {}, false},
      {"EXPOSE", Kind::kExpose, Shape::kWords, {}, false},
      {"FROM", Kind::kFrom, Shape::kFrom, {{"platform", kOne}}, false},
      {"HEALTHCHECK",
       Kind::kHealthcheck,
       Shape::kHealthcheck,
       {{"interval", kOne},
        {"timeout", kOne},
        {"start-period", kOne},
        {"start-interval", kOne},
        {"retries", kOne}},
       false},
      {"LABEL", Kind::kLabel, Shape::kPairs, {}, false},
      {"MAINTAINER", Kind::kMaintainer, Shape::kText, {}, false},
      {"ONBUILD", Kind::kOnbuild, Shape::kOnbuild, {}, false},
      {"RUN",
       Kind::kRun,
       Shape::kCommand,
       {{"mount", kMany}, {"network", kOne}, {"security", kOne}, {"device", kMany}},
       true},
      {"SHELL", Kind::kShell, Shape::kCommand, {}, false},
      {"STOPSIGNAL", Kind::kStopsignal, Shape::kText, {}, false},
      {"USER", Kind::kUser, Shape::kText, {}, false},
      {"VOLUME", Kind::kVolume, Shape::kList, {}, false},
      {"WORKDIR", Kind::kWorkdir, Shape::kText, {}, false},
  };
  return table;
}

}  // namespace

const Rule* find_rule(std::string_view keyword) {
  const std::string wanted = to_lower(keyword);
  for (const Rule& rule : rules())
    if (to_lower(rule.name) == wanted) return &rule;
  return nullptr;
}

std::vector<std::string> instruction_names() {
  std::vector<std::string> out;
  for (const Rule& rule : rules()) out.emplace_back(rule.name);
  return out;
}

const FlagRule* find_flag(const Rule& rule, std::string_view name) {
  const auto found = std::find_if(rule.flags.begin(), rule.flags.end(),
                                  [&](const FlagRule& flag) { return flag.name == name; });
  return found == rule.flags.end() ? nullptr : &*found;
}

}  // namespace slipway::pipeline::dockerfile
