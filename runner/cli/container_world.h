#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "cachestore/store.h"
#include "runner/cli/invocation.h"
#include "runner/engine_world.h"
#include "sandbox/containers.h"

namespace slipway::runner {

using ContainerWorld = EngineWorld;
/// Enters the engine's namespaces first: call it before any thread is started.
Result<ContainerWorld> open_world(const Invocation& invocation);

/// Reports an error, if there is one; the exit code.
int finish(const Status& status, const Invocation& invocation);

/// Calls `act` for every operand; each failure is reported and the last one's code returned, as docker goes on.
int for_each_operand(const Invocation& invocation,
                     const std::function<Status(ContainerWorld&, const std::string& name)>& act);
/// The same, printing the name as it was given after each success: stop, kill, rm, …
int for_each_operand_printed(
    const Invocation& invocation,
    const std::function<Status(ContainerWorld&, const std::string& name)>& act);

/// 12 digits of an id.
std::string short_id(const std::string& id);

}  // namespace slipway::runner
