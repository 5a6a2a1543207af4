// Opening the parts of the engine in their order.
#include "runner/engine_world.h"

#include "sandbox/engine.h"

namespace slipway::runner {

Result<EngineWorld> open_engine_world(const std::string& state_dir,
                                      const sandbox::PowerPolicy& policy) {
  EngineWorld world;
  world.state_dir = state_dir;
  SLIP_TRY(sandbox::enter_engine_namespaces());
  world.store = SLIP_TRY(cachestore::Store::open({state_dir, {}, true}));
  world.networks = SLIP_TRY(sandbox::Networks::open(state_dir));
  world.volumes = SLIP_TRY(sandbox::Volumes::open(state_dir));
  sandbox::ContainersOptions options;
  options.state_dir = state_dir;
  options.store = world.store;
  options.networks = world.networks;
  options.volumes = world.volumes;
  options.policy = policy;
  world.containers = SLIP_TRY(sandbox::Containers::open(std::move(options)));
  return world;
}

}  // namespace slipway::runner
