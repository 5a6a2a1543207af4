// Checks that follow variables through stages, as the builder would, without running anything.
#include <algorithm>

#include "base/text.h"
#include "pipeline/dockerfile/characters.h"
#include "pipeline/dockerfile/findings.h"
#include "pipeline/dockerfile_values.h"

namespace slipway::pipeline::dockerfile {
namespace {

using Kind = InstructionKind;

// What an image without a configuration gets. Spec: BuildKit, default PATH of linux.
constexpr std::string_view kDefaultPath =
    "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

bool is_remote(std::string_view source) {
  return source.find("://") != std::string_view::npos || source.substr(0, 4) == "git@";
}

/// Go's filepath.Clean, without the first slash: sources are below the context.
std::string clean_source(std::string_view source) {
  std::vector<std::string> parts;
  for (const std::string_view part : split(source, '/')) {
    if (part.empty() || part == ".") continue;
    if (part == ".." && !parts.empty()) {
      parts.pop_back();
    } else if (part != "..") {
      parts.emplace_back(part);
    }
  }
  return parts.empty() ? "." : join(parts, "/");
}

}  // namespace

StageChecks::StageChecks(const Dockerfile& file, const CheckRequest& request,
                         const GlobalScope& global, const StageLinks& links,
                         const Findings& findings)
    : file_(file), request_(request), global_(global), links_(links), findings_(findings) {}

void StageChecks::run() {
  for (std::size_t i = 0; i < file_.stages.size(); ++i) check_from(i);
  std::set<std::size_t> wanted;
  if (!request_.target.empty())
    if (const auto target = target_stage(file_, request_)) wanted = needed_stages(links_, *target);
  for (std::size_t i = 0; i < file_.stages.size(); ++i) {
    scopes_.push_back(scope_of(i));
    if (!request_.target.empty() && wanted.count(i) == 0) continue;
    const DockerStage& stage = file_.stages[i];
    if (links_.bases[i]) {
      for (const Instruction& one : file_.stages[*links_.bases[i]].instructions)
        if (one.kind == Kind::kOnbuild && !one.trigger.empty())
          check(one.trigger[0], stage.from.span, scopes_[i]);
    }
    for (const Instruction& one : stage.instructions) check(one, one.span, scopes_[i]);
  }
}

/// What a stage starts with.
StageChecks::Scope StageChecks::scope_of(std::size_t stage) const {
  Scope out;
  const std::string& name = links_.base_names[stage].text;
  if (const auto base = links_.bases[stage]) {
    out = scopes_[*base];
    out.variables = std::make_shared<Variables>(out.variables);
    out.cmd = out.entrypoint = out.healthcheck = nullptr;
    return out;
  }
  std::optional<std::vector<std::string>> environment;
  if (name == "scratch") {
    environment = {"PATH=" + std::string(kDefaultPath)};
  } else if (request_.environment) {
    environment = request_.environment(name);
  }
  out.environment_known = environment.has_value();
  for (const std::string& one : environment.value_or(std::vector<std::string>{})) {
    const std::size_t equals = one.find('=');
    out.variables->set(one.substr(0, equals),
                       equals == std::string::npos ? "" : one.substr(equals + 1));
  }
  return out;
}

void StageChecks::check_from(std::size_t stage) const {
  const Instruction& from = file_.stages[stage].from;
  const Findings findings = findings_.for_instruction(from);
  report_undeclared(links_.base_names[stage].unset, from.span, findings);
  check_platform(from, findings);
}

void StageChecks::check_platform(const Instruction& from, const Findings& findings) const {
  const InstructionFlag* flag = from.flag("platform");
  if (flag == nullptr || flag->value.empty()) return;
  const auto word = expand_used(flag->value, file_.escape, global_.variables);
  if (!word) return;
  report_undeclared(word->unset, from.span, findings);
  const std::string* target = global_.variables.find("TARGETPLATFORM");
  if (word->set == std::set<std::string>{"TARGETPLATFORM"} && word->unset.empty() &&
      target != nullptr && word->text == *target)
    findings.add(LintRule::kRedundantTargetPlatform, from.span,
                 "Setting platform to predefined " + flag->value +
                     " in FROM is redundant as this is the default behavior");
  if (!word->set.empty() || !word->unset.empty()) return;
  const auto platform = parse_platform_word(word->text);
  if (!platform) return;
  const auto named_for = [&](const std::string& part) {
    return !part.empty() && from.stage_name.find(part) != std::string::npos;
  };
  if (named_for(platform->os) || named_for(platform->architecture)) return;
  findings.add(LintRule::kFromPlatformFlagConstDisallowed, from.span,
               "FROM --platform flag should not use constant value \"" + word->text + "\"");
}

void StageChecks::report_undeclared(const std::vector<std::string>& names, const Span& span,
                                    const Findings& findings) const {
  std::vector<std::string> known;
  for (const GlobalArgument& argument : global_.arguments) known.push_back(argument.name);
  for (std::string& name : global_.variables.names(kMaxCompared)) known.push_back(std::move(name));
  for (const std::string& name : names) {
    if (std::find(known.begin(), known.end(), name) != known.end() || findings.full()) continue;
    const std::string near = nearest_name(name, known);
    findings.add(LintRule::kUndefinedArgInFrom, span,
                 "FROM argument '" + name + "' is not declared" +
                     (near.empty() ? "" : " (did you mean " + near + "?)"));
  }
}

void StageChecks::report_unset(const std::vector<std::string>& names, const Scope& scope,
                               const Span& span, const Findings& findings) const {
  if (!scope.environment_known) return;
  for (const std::string& name : names) {
    if (scope.variables->declared(name) || findings.full()) continue;
    const std::string near = nearest_name(name, scope.variables->names(kMaxCompared));
    findings.add(LintRule::kUndefinedVar, span,
                 "Usage of undefined variable '$" + name + "'" +
                     (near.empty() ? "" : " (did you mean $" + near + "?)"));
  }
}

void StageChecks::check(const Instruction& written, const Span& span, Scope& scope) {
  const Findings findings = findings_.for_instruction(written);
  if (written.kind == Kind::kArg) return check_arg(written, span, scope, findings);
  std::vector<std::string> unset;
  auto expanded = expand_instruction(written, file_.escape, scope.variables->lookup(), &unset);
  if (written.kind == Kind::kRun) check_mounts(written, scope, unset);
  report_unset(unset, scope, span, findings);
  const Instruction& one = expanded ? *expanded : written;
  switch (one.kind) {
    case Kind::kEnv:
    case Kind::kLabel:
      return check_env(written, one, span, scope, findings);
    case Kind::kCmd:
      return check_command(written, scope.cmd, scope, span, findings);
    case Kind::kEntrypoint:
      return check_command(written, scope.entrypoint, scope, span, findings);
    case Kind::kHealthcheck:
      return check_command(written, scope.healthcheck, scope, span, findings);
    case Kind::kShell:
      scope.shell_given = true;
      return;
    case Kind::kWorkdir:
      if (!scope.workdir_given && one.words[0].substr(0, 1) != "/")
        findings.add(LintRule::kWorkdirRelativePath, span,
                     "Relative workdir \"" + one.words[0] +
                         "\" can have unexpected results if the base image changes");
      scope.workdir_given = true;
      return;
    case Kind::kAdd:
    case Kind::kCopy:
      return check_sources(one, span, findings);
    case Kind::kExpose:
      return check_expose(one, span, findings);
    default:
      return;
  }
}

void StageChecks::check_arg(const Instruction& arg, const Span& span, Scope& scope,
                            const Findings& findings) {
  for (const Assignment& assignment : arg.assignments) {
    const std::string& name = assignment.name;
    if (looks_secret(name))
      findings.add(LintRule::kSecretsUsedInArgOrEnv, span,
                   "Do not use ARG or ENV instructions for sensitive data (ARG \"" + name + "\")");
    const auto given = std::find_if(request_.build_args.begin(), request_.build_args.end(),
                                    [&](const auto& one) { return one.first == name; });
    if (given != request_.build_args.end()) {
      scope.variables->set(name, given->second);
    } else if (assignment.value) {
      std::vector<std::string> unset;
      auto value = expand_word(*assignment.value, file_.escape, scope.variables->lookup(), &unset);
      report_unset(unset, scope, span, findings);
      scope.variables->set(name, value ? *std::move(value) : *assignment.value);
    } else if (const std::string* global = global_.variables.find(name)) {
      scope.variables->set(name, *global);
    }
    scope.variables->declare(name);
  }
}

void StageChecks::check_env(const Instruction& written, const Instruction& expanded,
                            const Span& span, Scope& scope, const Findings& findings) {
  for (const Assignment& assignment : expanded.assignments) {
    if (assignment.legacy)
      findings.add(LintRule::kLegacyKeyValueFormat, span,
                   "\"" + written.keyword + " key=value\" should be used instead of legacy \"" +
                       written.keyword + " key value\" format");
    if (expanded.kind == Kind::kLabel) continue;
    if (looks_secret(assignment.name))
      findings.add(LintRule::kSecretsUsedInArgOrEnv, span,
                   "Do not use ARG or ENV instructions for sensitive data (ENV \"" +
                       assignment.name + "\")");
    scope.variables->set(assignment.name, assignment.value.value_or(""));
  }
}

void StageChecks::check_command(const Instruction& instruction, const Instruction*& previous,
                                Scope& scope, const Span& span, const Findings& findings) {
  if (previous != nullptr)
    findings.add(LintRule::kMultipleInstructionsDisallowed, previous->span,
                 "Multiple " + instruction.keyword +
                     " instructions should not be used in the same stage because only the last "
                     "one will be used");
  previous = &instruction;
  if (instruction.kind == Kind::kHealthcheck || instruction.exec_form || scope.shell_given) return;
  findings.add(LintRule::kJsonArgsRecommended, span,
               "JSON arguments recommended for " + instruction.keyword +
                   " to prevent unintended behavior related to OS signals");
}

/// Says nothing when the ignore file takes something back: what is left of a folder then cannot be told here.
void StageChecks::check_sources(const Instruction& instruction, const Span& span,
                                const Findings& findings) const {
  const IgnorePatterns* ignore = request_.ignore;
  if (ignore == nullptr || ignore->has_exceptions() || instruction.flag("from") != nullptr) return;
  const std::string verb = instruction.kind == Kind::kAdd ? "Add" : "Copy";
  for (std::size_t i = 0; i + 1 < instruction.words.size(); ++i) {
    if (is_remote(instruction.words[i])) continue;
    const std::string source = clean_source(instruction.words[i]);
    const bool out = source == "." ? ignore->ignores_everything() : ignore->ignores(source);
    if (out)
      findings.add(
          LintRule::kCopyIgnoredFile, span,
          "Attempting to " + verb + " file \"" + source + "\" that is excluded by .dockerignore");
  }
}

void StageChecks::check_expose(const Instruction& instruction, const Span& span,
                               const Findings& findings) const {
  for (const std::string& word : instruction.words) {
    const auto exposed = parse_exposed(word);
    if (!exposed) continue;
    if (exposed->protocol_in_capitals)
      findings.add(LintRule::kExposeProtoCasing, span,
                   "Defined protocol '" + word + "' in EXPOSE instruction should be lowercase");
    if (exposed->names_host)
      findings.add(LintRule::kExposeInvalidFormat, span,
                   "EXPOSE instruction should not define an IP address or host-port mapping, "
                   "found '" +
                       word + "'");
  }
}

void StageChecks::check_mounts(const Instruction& run, const Scope& scope,
                               std::vector<std::string>& unset) const {
  const VariableLookup lookup = scope.variables->lookup();
  const WordExpander expand = [&](std::string_view word) {
    return expand_word(word, file_.escape, lookup, &unset);
  };
  for (const std::string& value : run.flag_values("mount"))
    if (!parse_run_mount(value, expand)) return;  // the build will say so
}

}  // namespace slipway::pipeline::dockerfile
