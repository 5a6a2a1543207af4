#pragma once

#include <memory>
#include <vector>

#include "base/json.h"
#include "runner/build/platform_build.h"

namespace slipway::runner {

/// What was built from what, as the predicate of an in-toto statement. Spec: SLSA provenance v0.2. With mode "max" the
/// build arguments are in it, too; secrets never are.
Json make_provenance(const BuildState& state,
                     const std::vector<std::unique_ptr<PlatformBuild>>& builds);

}  // namespace slipway::runner
