#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "pipeline/dockerfile.h"

namespace slipway::pipeline {

struct LintFinding {
  std::string rule;       ///< "StageNameCasing"
  std::string url;        ///< Of the rule's page in docker's documentation.
  Diagnostic diagnostic;  ///< A warning; `help` says how to mend it.
};
struct LintRequest {
  std::vector<std::string> build_args;  ///< Names given on the command line.
  std::string target;                   ///< Empty: the last stage.
  /// Whether the context's ignore file leaves this path out; may be empty.
  std::function<bool(std::string_view path)> ignored;
};
/// BuildKit's checks, those of `check=skip=` left out; in order of lines.
std::vector<LintFinding> lint(const Dockerfile& file, const LintRequest& request);
/// `--call outline|targets`: what BuildKit's --call prints, as data.
Json outline(const Dockerfile& file, const std::string& target);
Json targets(const Dockerfile& file);

}  // namespace slipway::pipeline
