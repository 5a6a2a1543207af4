// Jobs of the tree -> instances of the plan.
#include "pipeline/expand/jobs.h"

#include "pipeline/check/check_shape.h"
#include "pipeline/expand/matrix.h"
#include "pipeline/expand/merge.h"

namespace slipway::pipeline {

namespace {

using yaml::Entry;
using yaml::Node;

class JobExpander {
 public:
  JobExpander(const JobSurroundings& around, std::vector<Diagnostic>& out)
      : around_(around), out_(out) {
    shared_weight_ = around.inputs_weight;
    if (around.env != nullptr) shared_weight_ += yaml::weight(*around.env);
  }

  std::vector<JobPlan> expand(const Node& jobs) {
    for (const Entry& entry : jobs.entries) {
      if (entry.key.starts_with(".") || entry.key.starts_with("x-")) continue;
      if (!entry.value.is_map()) continue;
      if (!job(entry)) break;
      ++group_;
    }
    return std::move(plans_);
  }

 private:
  // False: a bound is reached and nothing more is to be read.
  bool job(const Entry& entry) {
    const Entry* matrix = entry.value.find("matrix");
    if (matrix == nullptr || matrix->value.is_null()) return instance(entry, nullptr, nullptr);
    EvalContext fixed;
    JobPlan bare;
    bare.inputs = around_.inputs;
    fixed.roots = base_context(around_.event, &bare);
    Reader reader(std::move(fixed), out_);
    const std::size_t found_before = out_.size();
    for (const Combination& combination : expand_matrix(*matrix, reader)) {
      if (!instance(entry, &combination, &matrix->value)) return false;
      // The same mistake 256 times helps nobody.
      if (out_.size() > found_before + 20 && has_errors(out_)) break;
    }
    // A job whose matrix is wrong still exists for those that need it.
    if (plans_.empty() || plans_.back().matrix_group != group_)
      return instance(entry, nullptr, nullptr);
    return true;
  }

  bool instance(const Entry& entry, const Combination* combination, const Node* matrix) {
    if (plans_.size() >= kMaxJobs) {
      report(out_, entry.key_span, "more than 1,000 jobs", "split the pipeline into several files");
      return false;
    }
    bytes_ += yaml::weight(entry.value) + shared_weight_;
    if (matrix != nullptr)
      bytes_ -= yaml::weight(*matrix);  // the values only, not the whole matrix
    if (bytes_ > kMaxExpandedBytes) {
      report(out_, entry.key_span, "the jobs expand to more than 16 MiB",
             "move long scripts into files of the repository");
      return false;
    }
    plans_.push_back(
        read_job(entry, combination == nullptr ? Value() : combination->values, around_, out_));
    JobPlan& plan = plans_.back();
    plan.matrix_group = group_;
    if (combination == nullptr) return true;
    plan.instance = plan.name + " (" + combination->label + ")";
    plan.fail_fast = read_bool(matrix->get("fail-fast"), true);
    if (const auto limit = read_int(matrix->get("max-parallel")); limit && *limit > 0)
      plan.max_parallel = static_cast<int>(*limit);
    return true;
  }

  const JobSurroundings& around_;
  std::vector<Diagnostic>& out_;
  std::vector<JobPlan> plans_;
  std::size_t group_ = 0;
  std::size_t bytes_ = 0;
  std::size_t shared_weight_ = 0;
};

}  // namespace

std::vector<JobPlan> expand_jobs(const Node& jobs, const JobSurroundings& around,
                                 std::vector<Diagnostic>& out) {
  return JobExpander(around, out).expand(jobs);
}

}  // namespace slipway::pipeline
