#pragma once

#include <memory>
#include <string>

#include "base/cancel.h"
#include "base/fd.h"
#include "base/result.h"
#include "pipeline/dockerfile_values.h"
#include "runner/build/input_tree.h"

namespace slipway::runner {

/// Directories of `RUN --mount=type=cache`, below <state>/build-caches: they outlive builds and are in no layer. On
/// disk their files have container ids, as snapshots do; each build sees them through its own id range.
struct CacheMountRequest {
  const pipeline::RunMount& mount;
  std::string name_space;     ///< BUILDKIT_CACHE_MOUNT_NS
  InputTree* from = nullptr;  ///< What a new one begins with; borrowed, may be null.
};
struct CacheDirectory {
  std::string path;
  Fd lock;  ///< Held while it is used.
};
/// Waits for whoever has it, where `sharing` says so; kCancelled.
Result<CacheDirectory> open_cache_directory(const std::string& state_dir,
                                            const CacheMountRequest& request,
                                            const CancelToken& cancel);

}  // namespace slipway::runner
