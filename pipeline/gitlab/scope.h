#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "pipeline/gitlab.h"

namespace slipway::pipeline::gitlab {

/// Variables that all jobs share, found by name; those stronger than a job's own apart from weaker ones.
class SharedScope {
 public:
  explicit SharedScope(const std::vector<VariablePlan>& variables);
  const VariablePlan* strong(std::string_view name) const { return find(strong_, name); }
  const VariablePlan* weak(std::string_view name) const { return find(weak_, name); }

 private:
  using Index = std::unordered_map<std::string_view, const VariablePlan*>;
  static const VariablePlan* find(const Index& index, std::string_view name) {
    const auto found = index.find(name);
    return found == index.end() ? nullptr : found->second;
  }
  Index strong_;
  Index weak_;
};

/// What a condition or a glob of one job sees. Both arguments outlive it.
class JobScope {
 public:
  JobScope(const SharedScope& shared, const std::vector<VariablePlan>& own)
      : shared_(shared), own_(own) {}
  /// The value as it was written: conditions compare those.
  std::optional<std::string> raw(std::string_view name) const;
  /// The value with other variables put in.
  std::optional<std::string> expanded(std::string_view name, int depth = 0) const;
  VariableLookup raw_lookup() const {
    return [this](std::string_view name) { return raw(name); };
  }
  VariableLookup expanded_lookup() const {
    return [this](std::string_view name) { return expanded(name); };
  }

 private:
  const VariablePlan* find(std::string_view name) const;

  const SharedScope& shared_;
  const std::vector<VariablePlan>& own_;
};

/// CI_PIPELINE_SOURCE for the request.
std::string pipeline_source(const GitlabRequest& request);
/// "group/project" -> "/builds/group/project".
std::string project_dir(const GitlabProject& project);
/// CI_* and GITLAB_* of the pipeline. Spec: docs.gitlab.com/ci/variables/predefined_variables
std::vector<VariablePlan> pipeline_variables(const GitlabRequest& request);
/// Those of one job.
std::vector<VariablePlan> job_variables(const GitlabRequest& request, const JobPlan& job,
                                        std::string_view stage, long long id);
/// Lower case, at most 63 bytes, everything but letters and digits a dash, none at the ends.
std::string slug(std::string_view text);
/// CI_ENVIRONMENT_SLUG: at most 24 bytes, with a digest at the end where the name had to change.
std::string environment_slug(const std::string& name);

VariablePlan variable(std::string name, std::string value, VariableLevel level, Span origin = {});

}  // namespace slipway::pipeline::gitlab
