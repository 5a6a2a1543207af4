#pragma once

#include <string>
#include <vector>

#include "pipeline/gitlab/rules.h"
#include "pipeline/gitlab/scope.h"
#include "pipeline/yaml/node.h"

/// The pieces of a job, from the tree to the plan. Shapes are checked before; what has the wrong one is skipped here.
namespace slipway::pipeline::gitlab {

/// The tree's top level, sorted out.
struct Document {
  const yaml::Node* defaults = nullptr;  ///< `default:` with the old global keys below it.
  const yaml::Node* workflow = nullptr;
  bool has_workflow_rules = false;
  std::vector<std::string> stages;          ///< With .pre and .post.
  std::vector<VariablePlan> top_variables;  ///< `variables:` and those of the workflow's rule.
  std::vector<const yaml::Entry*> jobs;
};

/// A job's key: its own, or the default's where `inherit` lets it through.
class JobKeys {
 public:
  JobKeys(const yaml::Entry& job, const yaml::Node* defaults);
  const yaml::Node* get(std::string_view key) const;
  const yaml::Node* own(std::string_view key) const { return job_.value.get(key); }
  const yaml::Entry* entry(std::string_view key) const { return job_.value.find(key); }
  const yaml::Entry& job() const { return job_; }

 private:
  const yaml::Entry& job_;
  const yaml::Node* defaults_;
};

/// One instance of a job: the end of its name and the variables that make it.
struct Instance {
  std::string suffix;
  std::vector<std::pair<std::string, std::string>> variables;
  int index = 0;
  int total = 0;
};
/// One instance without suffix when the job has no `parallel`. Spec: docs.gitlab.com/ci/yaml, parallel:matrix
std::vector<Instance> expand_parallel(const yaml::Node* parallel, std::vector<Diagnostic>& out);
/// Combinations of a `parallel:matrix` list, as `needs:parallel` has them too.
std::vector<Instance> expand_matrix(const yaml::Node& matrix, std::vector<Diagnostic>& out);

// Readers of single keys (read_parts.cc).
ImageSpec read_image(const yaml::Node& node);
std::vector<ServicePlan> read_services(const yaml::Node* node, std::vector<Diagnostic>& out);
std::vector<CachePlan> read_caches(const yaml::Node* node, std::vector<Diagnostic>& out);
ArtifactsPlan read_artifacts(const yaml::Node* node, std::vector<Diagnostic>& out);
RetryPolicy read_retry(const yaml::Node* node, std::vector<Diagnostic>& out);
AllowFailure read_allow_failure(const yaml::Node& node);
EnvironmentPlan read_environment(const yaml::Node* node);
TriggerPlan read_trigger(const yaml::Node& node, JobPlan& job, std::vector<Diagnostic>& out);
std::vector<VariablePlan> read_variables(const yaml::Node* node, VariableLevel level,
                                         std::vector<Diagnostic>& out);
/// Says what this program does not do, at the keys that ask for it.
void say_unsupported(const JobKeys& keys, JobPlan& job, std::vector<Diagnostic>& out);

/// before_script with script, after_script and hooks as steps (read_script.cc).
std::vector<StepPlan> read_steps(const JobKeys& keys, std::vector<Diagnostic>& out);

/// Names in needs and dependencies to indexes, stages to needs, and the proof that there is no circle (read_needs.cc).
struct WrittenNeeds {
  std::size_t job = 0;                ///< Index into Plan::jobs.
  const yaml::Node* needs = nullptr;  ///< `needs:` of the job or of its rule.
  const yaml::Node* dependencies = nullptr;
  bool says_needs = false;
};
void resolve_needs(Plan& plan, const std::vector<WrittenNeeds>& written, const Document& document,
                   std::vector<Diagnostic>& out);

}  // namespace slipway::pipeline::gitlab
