#pragma once

#include "cachestore/store.h"
#include "runner/execute/stacks.h"

namespace slipway::runner {

/// The root directory of an overlay shows the upper's owner and mode: gives it those of the stack's top.
Status copy_root_attributes(const Stack& stack, const std::string& upper);

/// The two writable uppers of one step: over the image's stack and over the workspace's.
class StepLayers {
 public:
  static Result<StepLayers> begin(cachestore::Store& store, const Stack& root, const Stack& work);
  sandbox::OverlayStack root_overlay() const { return root_overlay_; }
  sandbox::OverlayStack work_overlay() const { return work_overlay_; }
  enum class Keep { kWithRuns, kAsMemo };
  /// Puts what was written on top of the stacks; an upper in which nothing was written is dropped, so that stacks grow
  /// only by steps that changed something. kAsMemo: the snapshots are in the books of caches and stay as long.
  Status commit(Stack& root, Stack& work, Keep keep = Keep::kWithRuns);

 private:
  StepLayers(cachestore::Store& store, cachestore::Draft root, cachestore::Draft work)
      : store_(&store), root_(std::move(root)), work_(std::move(work)) {}
  cachestore::Store* store_;
  cachestore::Draft root_;
  cachestore::Draft work_;
  sandbox::OverlayStack root_overlay_;
  sandbox::OverlayStack work_overlay_;
};

}  // namespace slipway::runner
