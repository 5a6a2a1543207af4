#pragma once

#include <string_view>

#include "cachestore/transfer.h"

namespace slipway::runner {

enum class Direction { kPull, kPush };

/// docker's words for a layer's state in line-wise output: "Pull complete", "Layer already exists"; "" for states that
/// deserve no line of their own.
std::string_view layer_words(cachestore::LayerProgress::State state, Direction direction);
/// For JSON: "downloading".
std::string_view layer_state_name(cachestore::LayerProgress::State state);

}  // namespace slipway::runner
