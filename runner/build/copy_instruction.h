#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "runner/build/build_state.h"
#include "runner/build/cache_key.h"
#include "runner/build/stage_plan.h"

namespace slipway::runner {

/// A tree that instructions read, and where its digests are remembered: `identity` names content that never changes
/// (snapshots' ids), or is empty.
struct ReadTree {
  InputTree* tree = nullptr;  ///< Borrowed.
  std::string identity;
};
/// What COPY of this selection would copy, remembered for trees with an identity.
Result<Digest> selection_digest(BuildState& state, const ReadTree& source,
                                const Selection& selection);

/// What COPY or ADD reads: fetched once, then digested and copied.
struct CopyInputs {
  ReadTree from;
  std::vector<FetchedUrl> urls;
  std::vector<GitCheckout> gits;
};
Result<CopyInputs> open_copy_inputs(BuildState& state, const CopyPlan& plan, const ReadTree& from);
/// The parts of the step's key that are not its place in the stage.
Status add_copy_parts(BuildState& state, const PlannedStep& step, const CopyInputs& inputs,
                      const std::vector<std::string>& lowers, CacheKey& key);
Status copy_instruction(BuildState& state, const PlannedStep& step, const CopyInputs& inputs,
                        const std::vector<std::string>& lowers, const std::string& upper);

}  // namespace slipway::runner
