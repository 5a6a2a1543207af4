#pragma once

#include "cachestore/store.h"
#include "runner/execute/job_state.h"
#include "runner/execute/stacks.h"
#include "sandbox/engine.h"

namespace slipway::runner {

/// An interactive shell in a container like `spec` over these stacks; what is done there is thrown away. Needs a
/// terminal on stdin (kInvalid otherwise). `network` may be null; else the shell is at `place` on it. Returns
/// the shell's exit code.
Result<int> interactive_shell(cachestore::Store& store, sandbox::Engine& engine,
                              const JobNetwork* network, const NetworkPlace& place,
                              const Stack& root, const Stack& work, sandbox::ContainerSpec spec,
                              const CancelToken& cancel);

/// --shell-on-failure: opens one and comes back when it ends; trouble becomes a notice.
void shell_in_failed_step(const RunContext& run, const StepRecord& step, const Stack& root,
                          const JobState& state, const sandbox::ContainerSpec& spec);

}  // namespace slipway::runner
