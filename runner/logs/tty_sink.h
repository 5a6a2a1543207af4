#pragma once

#include <memory>

#include "runner/logs/sinks.h"
#include "runner/logs/style.h"

namespace slipway::runner {

/// Finished jobs and steps scroll up as permanent lines; what runs is redrawn below them at most ten times a second
/// by a thread that close() joins. The cursor is hidden meanwhile.
std::shared_ptr<EventSink> make_tty_sink(const ProgressOptions& options, const Style& style,
                                         const Clock& clock);

}  // namespace slipway::runner
