#pragma once

#include <memory>

#include "base/fd.h"
#include "runner/logs/event.h"

namespace slipway::runner {

/// One JSON object a line, each written at once: a reader at the other end sees events as they happen.
std::shared_ptr<EventSink> make_json_sink(int borrowed_fd);

}  // namespace slipway::runner
