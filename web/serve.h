#pragma once

#include "runner/serve.h"

namespace slipway::web {

/// The Docker Engine API at these addresses; blocks. See runner/serve.h.
Status serve_engine(const runner::EngineServerOptions& options, const CancelToken& cancel,
                    void (*ready)(const std::vector<std::string>& addresses));

}  // namespace slipway::web
