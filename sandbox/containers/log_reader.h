#pragma once

#include <functional>
#include <string>

#include "base/cancel.h"
#include "base/result.h"
#include "sandbox/container_state.h"

namespace slipway::sandbox {

/// Gives the wanted lines of a log directory to `sink`, oldest first, in what the writer may be adding to meanwhile.
/// Following goes on over rotations until `ended` says true (asked again whenever something in `watched`, the
/// container's directory, changes), `until` passes or `cancel` fires, none of which is an error. An error of the sink
/// ends it and is returned. Blocks; any number of readers may be at work, and none ever holds up the writer.
Status read_log(int directory, const LogRequest& request,
                const std::function<Status(const LogRecord&)>& sink, const CancelToken& cancel,
                int watched, const std::function<bool()>& ended);

}  // namespace slipway::sandbox
