#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/glob.h"
#include "runner/cache/caches.h"
#include "runner/execute/job_state.h"

namespace slipway::runner {

/// The caches of one attempt of a job: what its `cache:` says, turned into keys and globs. Trouble with a cache is a
/// notice and never a failure: a job must work without.
class JobCaches {
 public:
  JobCaches(const RunContext& run, const pipeline::JobPlan& job);
  /// Puts what is found on the workspace's stack; call before the first step.
  void restore(JobState& state);
  /// Keeps what the steps' layers hold; call after the last step.
  void save(const JobState& state, RunStatus status);

 private:
  struct Cache {
    const pipeline::CachePlan* plan = nullptr;
    std::string key;
    pipeline::CachePolicy policy = pipeline::CachePolicy::kBoth;
    GlobList paths;
    std::optional<CacheHit> hit;
  };
  Result<Cache> settle(const pipeline::CachePlan& plan, const JobState& state) const;
  Status restore_one(const pipeline::CachePlan& plan, JobState& state);
  Status save_one(const Cache& cache, const std::vector<cachestore::Snapshot>& layers) const;
  bool tracked(std::string_view path) const;
  void say(const std::string& text) const;

  const RunContext& run_;
  const pipeline::JobPlan& job_;
  std::vector<Cache> caches_;
};

}  // namespace slipway::runner
