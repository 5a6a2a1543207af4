#pragma once

#include <vector>

#include "base/result.h"
#include "sandbox/launch/prepare.h"

namespace slipway::sandbox {

/// The machine's own programs and settings for a `host` root: /usr and /etc as read-only trees, /bin, /sbin and the
/// /lib directories as they are on the host (links or trees). Container root is no host root, so only what everybody
/// may read is readable.
Result<std::vector<Prepared::HostTree>> host_tool_trees();

}  // namespace slipway::sandbox
