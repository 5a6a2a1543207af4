#pragma once

#include <memory>

#include "runner/logs/sinks.h"
#include "runner/logs/style.h"

namespace slipway::runner {

/// One line per event, prefixed `[job] | ` when the run has several jobs; the summary last.
std::shared_ptr<EventSink> make_plain_sink(const ProgressOptions& options, const Style& style);
/// Nothing but the summary of a run that failed.
std::shared_ptr<EventSink> make_quiet_sink(const ProgressOptions& options, const Style& style);

/// How many jobs a run_start event announces.
std::size_t announced_jobs(const Event& run_start);

}  // namespace slipway::runner
