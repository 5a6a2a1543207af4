// Checks of a Dockerfile that look at its text alone, and the order of all checks.
// Spec: docker's documentation, "Build checks"; wording is BuildKit's, so that searches find their pages.
#include <algorithm>
#include <map>

#include "base/text.h"
#include "pipeline/dockerfile/characters.h"
#include "pipeline/dockerfile/findings.h"
#include "pipeline/dockerfile/lines.h"
#include "pipeline/dockerfile/statement.h"

namespace slipway::pipeline {
namespace dockerfile {
namespace {

constexpr std::size_t kMaxFindings = 1000;  // nobody reads on
constexpr std::string_view kPages = "https://docs.docker.com/go/dockerfile/rule/";

bool contains(const std::vector<std::string>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

template <typename Visit>
void each_instruction(const Dockerfile& file, Visit visit) {
  for (const Instruction& arg : file.global_args) visit(arg);
  for (const DockerStage& stage : file.stages) {
    visit(stage.from);
    for (const Instruction& instruction : stage.instructions) visit(instruction);
  }
}

void check_continuations(const Dockerfile& file, const Findings& findings) {
  each_instruction(file, [&](const Instruction& one) {
    const int line = one.text_end_line;
    if (one.empty_continuation)
      findings.add(LintRule::kNoEmptyContinuation, {0, line, 1, line, 1},
                   "Empty continuation line");
  });
}

/// The last comment before an ARG or FROM must begin with a name it defines.
void check_description(const Instruction& one, const std::vector<std::string>& names,
                       const Findings& findings) {
  if (one.comments.empty() || names.empty()) return;
  const std::string& last = one.comments.back();
  if (contains(names, last.substr(0, last.find(' ')))) return;
  const std::string example = names.size() > 1 ? "<arg_key>" : names[0];
  findings.add(LintRule::kInvalidDefinitionDescription, one.span,
               "Comment for " + upper_case(one.keyword) + " should follow the format: `# " +
                   example + " <description>`");
}

void check_from(const Instruction& from, const Findings& findings) {
  const std::vector<Part> words = plain_words(from.text);
  if (words.size() < 3) return;
  const std::string& as = words[1].text;
  const std::string& name = words[2].text;
  if (name != to_lower(name))
    findings.add(LintRule::kStageNameCasing, from.span,
                 "Stage name '" + name + "' should be lowercase");
  const bool lower = from.keyword == to_lower(from.keyword);
  const bool upper = from.keyword == upper_case(from.keyword);
  const bool fits = lower ? as == to_lower(as) : !upper || as == upper_case(as);
  if (!fits)
    findings.add(LintRule::kFromAsCasing, from.span,
                 "'" + as + "' and '" + from.keyword + "' keywords' casing do not match");
  check_description(from, {from.stage_name}, findings);
}

void check_instructions(const Dockerfile& file, const Findings& all) {
  each_instruction(file, [&](const Instruction& one) {
    const Findings findings = all.for_instruction(one);
    if (one.kind == InstructionKind::kMaintainer)
      findings.add(LintRule::kMaintainerDeprecated, one.span,
                   "Maintainer instruction is deprecated in favor of using label");
    if (one.kind == InstructionKind::kFrom) check_from(one, findings);
    if (one.kind == InstructionKind::kArg) {
      std::vector<std::string> names;
      for (const Assignment& assignment : one.assignments) names.push_back(assignment.name);
      check_description(one, names, findings);
    }
  });
}

void check_stage_names(const Dockerfile& file, const Findings& findings) {
  std::set<std::string> seen;
  for (const DockerStage& stage : file.stages) {
    const std::string& name = stage.from.stage_name;
    if (name.empty()) continue;
    if (name == "context" || name == "scratch")
      findings.add(LintRule::kReservedStageName, stage.from.span,
                   "Stage name should not use the same name as reserved stage \"" + name + "\"");
    if (!seen.insert(name).second)
      findings.add(LintRule::kDuplicateStageName, stage.from.span,
                   "Duplicate stage name \"" + name + "\", stage names should be unique");
  }
}

void check_casing(const Dockerfile& file, const Findings& findings) {
  std::size_t lower = 0;
  std::size_t upper = 0;
  std::vector<const Instruction*> all;
  for (const DockerStage& stage : file.stages) {
    all.push_back(&stage.from);
    for (const Instruction& one : stage.instructions) all.push_back(&one);
  }
  for (const Instruction* one : all) {
    if (one->keyword == to_lower(one->keyword)) ++lower;
    if (one->keyword == upper_case(one->keyword)) ++upper;
  }
  const bool want_lower = lower > upper;
  for (const Instruction* one : all) {
    if (one->keyword == (want_lower ? to_lower(one->keyword) : upper_case(one->keyword))) continue;
    findings.add(LintRule::kConsistentInstructionCasing, one->span,
                 "Command '" + one->keyword + "' should match the case of the command majority (" +
                     (want_lower ? "lowercase" : "uppercase") + ")");
  }
}

/// Base images must be valid without arguments from the command line.
void check_base_names(const Dockerfile& file, const CheckRequest& request,
                      const Findings& findings) {
  const GlobalScope defaults = global_scope(file, request, Given::kNo);
  const StageLinks links = link_stages(file, defaults.variables);
  for (std::size_t i = 0; i < file.stages.size(); ++i) {
    const Instruction& from = file.stages[i].from;
    if (links.bases[i] || is_image_reference(links.base_names[i].text)) continue;
    findings.add(
        LintRule::kInvalidDefaultArgInFrom, from.span,
        "Default value for ARG " + from.words[0] + " results in empty or invalid base image name");
  }
}

}  // namespace

std::string upper_case(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  return out;
}

Findings::Findings(const Dockerfile& file) : list_(std::make_shared<std::vector<LintFinding>>()) {
  skip(file.skip_checks);
  try_out(file.experimental_checks);
}

void Findings::skip(const std::vector<std::string>& names) {
  skip_all_ = skip_all_ || contains(names, "all");
  skipped_.insert(names.begin(), names.end());
}

void Findings::try_out(const std::vector<std::string>& names) {
  experimental_all_ = experimental_all_ || contains(names, "all");
  experimental_.insert(names.begin(), names.end());
}

Findings Findings::for_instruction(const Instruction& instruction) const {
  Findings out = *this;
  for (const std::string& comment : instruction.comments) {
    const std::size_t equals = comment.find('=');
    if (equals == std::string::npos || to_lower(trim(comment.substr(0, equals))) != "check")
      continue;
    const std::string value(trim(comment.substr(equals + 1)));
    if (const auto options = parse_check_options(value.substr(0, value.find(' ')))) {
      out.skip(options->skip);
      out.try_out(options->experimental);
    }
    break;
  }
  return out;
}

void Findings::add(LintRule rule, const Span& span, std::string message) const {
  const LintRuleText& text = lint_rule_text(rule);
  const bool off = text.experimental ? !experimental_all_ && experimental_.count(text.name) == 0
                                     : skip_all_ || skipped_.count(text.name) != 0;
  if (off || full()) return;
  list_->push_back({std::string(text.name),
                    std::string(kPages) + std::string(text.page) + "/",
                    std::string(text.description),
                    {Severity::kWarning, span, printable(message), std::string(text.help), {}}});
}

bool Findings::full() const { return list_->size() >= kMaxFindings; }

std::vector<LintFinding> Findings::sorted(std::vector<LintFinding> findings) {
  std::stable_sort(findings.begin(), findings.end(),
                   [](const LintFinding& a, const LintFinding& b) {
                     return a.diagnostic.span.line < b.diagnostic.span.line;
                   });
  return findings;
}

}  // namespace dockerfile

std::vector<LintFinding> lint(const Dockerfile& file, const CheckRequest& request) {
  using namespace dockerfile;
  const Findings findings(file);
  check_continuations(file, findings);
  check_instructions(file, findings);
  check_stage_names(file, findings);
  check_casing(file, findings);
  check_base_names(file, request, findings);
  const GlobalScope global = global_scope(file, request, Given::kYes);
  const StageLinks links = link_stages(file, global.variables);
  StageChecks(file, request, global, links, findings).run();
  return Findings::sorted(std::move(findings.list()));
}

Status override_checks(Dockerfile& file, std::string_view options) {
  auto parsed = SLIP_TRY(dockerfile::parse_check_options(options));
  file.skip_checks = std::move(parsed.skip);
  file.experimental_checks = std::move(parsed.experimental);
  file.checks_are_errors = parsed.error;
  return {};
}

std::vector<std::string> lint_rule_names() {
  std::vector<std::string> out;
  for (const auto& rule : dockerfile::lint_rule_texts()) out.emplace_back(rule.name);
  return out;
}

}  // namespace slipway::pipeline
