#pragma once

#include "base/result.h"
#include "runner/build/platform_build.h"

namespace slipway::runner {

/// The target's image in the store: found again when nothing that it is made of changed. No name is set.
Result<cachestore::Image> make_result_image(BuildState& state, const PlatformBuild& build);
/// Points `names` at the image where they do not already.
Status name_image(BuildState& state, const cachestore::Image& image,
                  const std::vector<cachestore::Reference>& names);

}  // namespace slipway::runner
