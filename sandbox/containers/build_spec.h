#pragma once

#include <string>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "sandbox/containers/record.h"
#include "sandbox/spec.h"

namespace slipway::sandbox {

/// What the engine is to start for a record. Streams, networks and peers are not in it: see joining.h.
/// `held`: descriptors that some of its paths go through; they must live until the container has been started.
Result<ContainerSpec> build_spec(const Record& record, const std::string& state_dir,
                                 std::vector<Fd>& held);

/// The container's layers below its own upper.
OverlayStack container_stack(const Record& record, const std::string& state_dir);

/// Keeps the layers while held: a shared flock on each snapshot's directory, as Store::lease takes, without a database.
/// kNotFound names the snapshot that is gone.
Result<std::vector<Fd>> hold_snapshots(const Record& record, const std::string& state_dir);

}  // namespace slipway::sandbox
