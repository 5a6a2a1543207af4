#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "pipeline/source.h"

namespace slipway::pipeline {

enum class Severity { kError, kWarning };

struct DiagnosticNote {
  Span span;
  std::string message;
};

/// One finding about a pipeline file. Message and help: lower case, no full stop; control characters of the
/// file are already made printable.
struct Diagnostic {
  Severity severity = Severity::kError;
  Span span;
  std::string message;
  std::string help;  ///< Empty, or what to do ("did you mean \"command\"?").
  std::vector<DiagnosticNote> notes;
};

bool has_errors(const std::vector<Diagnostic>& diagnostics);

enum class Colour { kNo, kYes };

/// As DESIGN.md shows: `pipeline.yml:14:9: error: unknown key "comand"`, the source line with a caret, `help: …`,
/// then the notes in the same form. In order of file and line. Long source lines are cut around the caret.
std::string render(const std::vector<Diagnostic>& diagnostics, const SourceSet& sources,
                   Colour colour);
/// For `check --json`: [{severity, file, line, column, message, help, notes}].
Json to_json(const std::vector<Diagnostic>& diagnostics, const SourceSet& sources);

}  // namespace slipway::pipeline
