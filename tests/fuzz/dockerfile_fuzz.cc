// Parses arbitrary Dockerfiles, checks and outlines them: no crash, no hang; places lie inside the file, what is good can
// be written down and read again.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "pipeline/dockerfile_checks.h"
#include "pipeline/dockerfile_values.h"

using namespace slipway;
using namespace slipway::pipeline;

namespace {

void check(bool holds) {
  if (!holds) std::abort();
}

void check_span(const Span& span, int lines) {
  check(span.file == 0 && span.line >= 1 && span.line <= lines && span.end_line <= lines);
  check(span.line < span.end_line ||
        (span.line == span.end_line && span.column <= span.end_column));
}

std::optional<std::string> lookup(std::string_view name) {
  if (name.size() % 2 == 0) return std::nullopt;
  return "value of " + std::string(name);
}

void check_instruction(const Instruction& one, char escape, int lines) {
  check_span(one.span, lines);
  check(!one.keyword.empty());
  for (const InstructionFlag& flag : one.flags) check_span(flag.span, lines);
  (void)expand_instruction(one, escape, lookup);
  if (one.kind == InstructionKind::kRun) {
    (void)run_script(one);
    (void)run_settings(one, [](std::string_view text) { return Result<std::string>(text); });
  }
  if (one.kind == InstructionKind::kHealthcheck) check(healthcheck_settings(one).has_value());
  if (one.kind != InstructionKind::kOnbuild) return;
  check(one.trigger.size() == 1);
  const auto again = parse_instruction(trigger_text(one), escape);
  if (again) check(again->kind == one.trigger[0].kind && again->words == one.trigger[0].words);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  const Dockerfile file = parse_dockerfile({"Dockerfile", text});
  int lines = 1;
  for (const char c : text) lines += c == '\n' ? 1 : 0;
  for (const Diagnostic& one : file.diagnostics) check_span(one.span, lines);
  (void)render(file.diagnostics, file.sources, Colour::kNo);
  check(!file.stages.empty() || !file.diagnostics.empty());
  for (const Instruction& one : file.global_args) check_instruction(one, file.escape, lines);
  for (const DockerStage& stage : file.stages) {
    check_instruction(stage.from, file.escape, lines);
    for (const Instruction& one : stage.instructions) check_instruction(one, file.escape, lines);
  }
  CheckRequest request;
  request.environment = [](const std::string&) { return std::vector<std::string>{"PATH=/bin"}; };
  for (const LintFinding& one : lint(file, request)) check_span(one.diagnostic.span, lines);
  (void)outline(file, request).dump();
  (void)targets(file).dump();
  return 0;
}
