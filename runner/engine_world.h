#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "cachestore/store.h"
#include "sandbox/containers.h"

namespace slipway::runner {

/// Everything that work on containers needs, of one state directory.
struct EngineWorld {
  std::string state_dir;
  std::shared_ptr<cachestore::Store> store;
  std::shared_ptr<sandbox::Networks> networks;
  std::shared_ptr<sandbox::Volumes> volumes;
  std::shared_ptr<sandbox::Containers> containers;
};
/// Enters the engine's namespaces first: call it before any thread is started.
Result<EngineWorld> open_engine_world(const std::string& state_dir,
                                      const sandbox::PowerPolicy& policy = {});

}  // namespace slipway::runner
