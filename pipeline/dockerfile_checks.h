#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json.h"
#include "pipeline/dockerfile.h"

namespace slipway::pipeline {

/// What can be said of a Dockerfile without building it. Spec: docker's documentation, "Build checks".

struct LintFinding {
  std::string rule;         ///< "StageNameCasing"
  std::string url;          ///< Of the rule's page in docker's documentation.
  std::string description;  ///< Of the rule.
  Diagnostic diagnostic;    ///< A warning in BuildKit's words; `help` says how to mend it.
};
struct CheckRequest {
  std::vector<std::pair<std::string, std::string>> build_args;  ///< As given on the command line.
  /// A stage by name or number: what its build does not need is looked at less closely. Empty: outline() takes the
  /// last stage, lint() all, as `--check` does.
  std::string target;
  std::string platform = "linux/amd64";    ///< Of the target, and of the machine.
  const IgnorePatterns* ignore = nullptr;  ///< The context's; borrowed.
  /// Environment ("PATH=/bin") of an image that a FROM names, when it is at hand. Without it nothing is said of
  /// undefined variables in stages above that image. May be empty.
  std::function<std::optional<std::vector<std::string>>(const std::string& image)> environment;
};
/// BuildKit's checks, those that the file skips left out; in order of lines. The file is one that parsed well, or what
/// was read of it.
std::vector<LintFinding> lint(const Dockerfile& file, const CheckRequest& request);
/// `BUILDKIT_DOCKERFILE_CHECK=skip=all` and the like, instead of the file's own directive.
Status override_checks(Dockerfile& file, std::string_view options);
std::vector<std::string> lint_rule_names();

/// `--call outline`: {name, description, args: [{name, description, value, location}], secrets, ssh}, as BuildKit has
/// it.
Json outline(const Dockerfile& file, const CheckRequest& request);
/// `--call targets`: {targets: [{name, default, description, base, platform, location}]}
Json targets(const Dockerfile& file);

}  // namespace slipway::pipeline
