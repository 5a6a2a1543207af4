#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "pipeline/plan.h"
#include "runner/execute/journal.h"

namespace slipway::runner {

/// Where one job goes on: after `before` (nothing: at its first step, in a fresh stack).
struct ResumePoint {
  std::size_t first_step = 0;
  std::optional<StepRecord> before;
  std::map<std::string, std::vector<std::string>>
      image_stacks;                 ///< Image name -> root stack, as the steps before
                                    ///< left it.
  std::vector<StepRecord> earlier;  ///< One a skipped step, for its outputs.
};

/// Which jobs of a plan this run is to do, and what is known already.
struct ResumeSelection {
  std::set<std::size_t> jobs;
  std::vector<std::optional<JobResult>>
      known;  ///< By job index: taken over from the run that is resumed.
  std::map<std::size_t, ResumePoint> resume;  ///< By job index.
};

/// --job: the named jobs (or instances, or all instances of a name) and what they need. Unknown names are kNotFound
/// with the nearest.
Result<ResumeSelection> select_jobs(const pipeline::Plan& plan,
                                    const std::vector<std::string>& names, bool no_needs);
/// --from STEP or JOB/STEP: that job from that step on, and everything that needs it; results of the others come
/// from `last`.
Result<ResumeSelection> select_from(const pipeline::Plan& plan, const std::string& from,
                                    const RunRecord& last);

}  // namespace slipway::runner
