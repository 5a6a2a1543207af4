#pragma once

#include <string>
#include <vector>

#include "pipeline/gitlab/job.h"

namespace slipway::pipeline::gitlab {

/// An instance that is in the pipeline, and what it said about others: those are resolved when all are known.
struct ReadJob {
  JobPlan plan;
  WrittenNeeds needs;
};

/// Jobs of the tree -> instances that the rules let in. The tree outlives the plan being made.
class JobReader {
 public:
  JobReader(const GitlabRequest& request, const Document& document, RuleBook& book,
            const SharedScope& shared, std::vector<Diagnostic>& out)
      : request_(request), document_(document), book_(book), shared_(shared), out_(out) {}

  std::vector<ReadJob> read(const yaml::Entry& entry, std::size_t group);

 private:
  struct Decision {
    bool in = true;
    std::string when = "on_success";
    const yaml::Node* rule = nullptr;
  };
  bool sound(const JobKeys& keys);
  std::size_t stage_of(const JobKeys& keys);
  std::vector<VariablePlan> variables_of(const JobKeys& keys, const Instance& instance);
  Decision decide(const JobKeys& keys, const JobScope& scope);
  void run_policy(const JobKeys& keys, const Decision& decision, JobPlan& plan);
  void fill(const JobKeys& keys, JobPlan& plan);
  void environment(const JobKeys& keys, const JobScope& scope, JobPlan& plan);

  const GitlabRequest& request_;
  const Document& document_;
  RuleBook& book_;
  const SharedScope& shared_;
  std::vector<Diagnostic>& out_;
  long long next_id_ = 0;
};

}  // namespace slipway::pipeline::gitlab
