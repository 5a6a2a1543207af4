#pragma once

#include <memory>

#include "base/clock.h"
#include "sandbox/engine.h"
#include "sandbox/launch/exec.h"

namespace slipway::sandbox {

std::unique_ptr<ExecProcess> supervise_exec(LaunchedExec launched, MonoTime began);

}  // namespace slipway::sandbox
