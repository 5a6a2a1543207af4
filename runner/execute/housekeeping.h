#pragma once

#include <string>

#include "cachestore/store.h"

namespace slipway::runner {

/// Forgets runs beyond the newest 20 and the step snapshots only they knew. Cheap when there is nothing to do.
/// Trouble is left for the next time: a run that went well must not fail by it.
void tidy_old_runs(cachestore::Store& store, const std::string& runs_dir);

}  // namespace slipway::runner
