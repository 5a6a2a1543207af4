#pragma once

#include <string>
#include <vector>

#include "base/cancel.h"
#include "cachestore/layer/byte_sink.h"

namespace slipway::cachestore {

/// pack() and pack_layer() of the door, to any sink.
Status pack_to(int dir_fd, const std::vector<std::string>& paths, ByteSink& out,
               const CancelToken& cancel);
Status pack_layer_to(int dir_fd, ByteSink& out, const CancelToken& cancel);

}  // namespace slipway::cachestore
