// The top of the parser: a file becomes stages of instructions. Reads on behind an error, so that one run shows them
// all.
#include <algorithm>

#include "base/text.h"
#include "pipeline/dockerfile/characters.h"
#include "pipeline/dockerfile/lines.h"
#include "pipeline/dockerfile/read_instruction.h"

namespace slipway::pipeline {
namespace {

using dockerfile::InstructionReader;
using dockerfile::LineReader;
using dockerfile::LogicalLine;

constexpr std::size_t kMaxBytes = std::size_t{1} << 20;
constexpr std::size_t kMaxInstructions = 10'000;
constexpr std::size_t kMaxErrors = 20;  // one missing backslash makes every line behind it an error

void complain(Dockerfile& file, Span span, std::string message, std::string help) {
  file.diagnostics.push_back({Severity::kError, span, std::move(message), std::move(help), {}});
}

/// Things no Dockerfile may have, found before reading it.
bool readable(Dockerfile& file, std::string_view text) {
  const Span top{0, 1, 1, 1, 1};
  if (text.size() > kMaxBytes) {
    complain(file, top, "the file is longer than 1 MiB", "");
    return false;
  }
  if (text.substr(0, 2) == "\xFF\xFE" || text.substr(0, 2) == "\xFE\xFF") {
    complain(file, top, "the file is in UTF-16", "save it in UTF-8");
    return false;
  }
  const std::size_t nul = text.find('\0');
  if (nul == std::string_view::npos) return true;
  const std::string_view before = text.substr(0, nul);
  const auto line = static_cast<int>(std::count(before.begin(), before.end(), '\n')) + 1;
  const std::size_t start = before.rfind('\n') + 1;  // npos + 1 is 0
  const auto column = static_cast<int>(nul - start) + 1;
  complain(file, {0, line, column, line, column + 1}, "the file has a NUL byte", "");
  return false;
}

void add(Dockerfile& file, Instruction instruction) {
  if (instruction.kind == InstructionKind::kFrom) {
    file.stages.push_back({std::move(instruction), {}});
  } else if (!file.stages.empty()) {
    file.stages.back().instructions.push_back(std::move(instruction));
  } else if (instruction.kind == InstructionKind::kArg) {
    file.global_args.push_back(std::move(instruction));
  } else {
    complain(file, instruction.span,
             "no build stage in current context: " + instruction.keyword + " before the first FROM",
             "begin with FROM image; only ARG may stand before it");
  }
}

}  // namespace

const InstructionFlag* Instruction::flag(std::string_view name) const {
  const auto found = std::find_if(flags.begin(), flags.end(),
                                  [&](const InstructionFlag& flag) { return flag.name == name; });
  return found == flags.end() ? nullptr : &*found;
}

std::vector<std::string> Instruction::flag_values(std::string_view name) const {
  std::vector<std::string> out;
  for (const InstructionFlag& flag : flags)
    if (flag.name == name) out.push_back(flag.value);
  return out;
}

Dockerfile parse_dockerfile(SourceFile source) {
  Dockerfile file;
  file.sources.push_back(std::move(source));
  const std::string& text = file.sources[0].text;
  if (!readable(file, text)) return file;
  LineReader lines(text, file);
  std::size_t count = 0;
  bool failed_from = false;
  while (const auto line = lines.next()) {
    const dockerfile::Place place = line->place(0);
    if (++count > kMaxInstructions) {
      complain(file, {0, place.line, 1, place.line, 1}, "more than 10000 instructions", "");
      return file;
    }
    auto instruction = InstructionReader(*line, file.escape, file.diagnostics).read(lines);
    if (instruction && !(failed_from && file.stages.empty())) add(file, std::move(*instruction));
    // A bad first FROM makes no further complaints about what follows it.
    failed_from = failed_from || (!instruction && file.stages.empty());
    if (file.diagnostics.size() >= kMaxErrors) return file;
  }
  const Span top{0, 1, 1, 1, 1};
  if (!file.diagnostics.empty()) return file;
  if (count == 0) complain(file, top, "file with no instructions", "begin with FROM image");
  if (count > 0 && file.stages.empty())
    complain(file, top, "dockerfile contains no stages to build", "begin with FROM image");
  return file;
}

Result<Instruction> parse_instruction(std::string_view text, char escape) {
  const auto wrong = [&](const std::string& why) {
    return fail(ErrorCode::kInvalid, "parse instruction " + dockerfile::quoted(text) + ": " + why);
  };
  Dockerfile file;
  file.escape = escape;
  std::optional<Instruction> out;
  if (readable(file, text)) {
    LineReader lines(text, file);
    const auto line = lines.next();
    if (!line) return wrong("no instruction");
    out = InstructionReader(*line, file.escape, file.diagnostics).read(lines);
    if (out && lines.next()) return wrong("more than one instruction");
  }
  if (!file.diagnostics.empty()) {
    const Diagnostic& first = file.diagnostics.front();
    return wrong(first.message + (first.help.empty() ? "" : " (" + first.help + ")"));
  }
  return std::move(*out);
}

}  // namespace slipway::pipeline
