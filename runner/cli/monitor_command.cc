// `runner __monitor`: the process that keeps one container. Started by the engine only.
#include "runner/cli/commands.h"
#include "sandbox/containers.h"

namespace slipway::runner {

int monitor_command(const Invocation& invocation) {
  return sandbox::run_monitor(invocation.operands());
}

}  // namespace slipway::runner
