#pragma once

#include "base/fd.h"
#include "base/result.h"
#include "sandbox/spec.h"

namespace slipway::sandbox {

/// A directory descriptor on the merged, read-only view of a stack (upper and work are ignored): for reading a
/// workspace after a step without starting anything. Owners appear as on disk. The mount is attached nowhere and goes
/// with the last
/// descriptor. Linux 5.2: fsopen(2), fsmount(2). Call enter_engine_namespaces() first.
Result<Fd> open_view(const OverlayStack& stack);

}  // namespace slipway::sandbox
