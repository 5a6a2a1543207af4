// cgroup v2: number of processes and threads.
#include "sandbox/limits/controller.h"

namespace slipway::sandbox::limits {
namespace {

Status apply(const GroupDir& group, const Limits& limits) {
  return group.write("pids.max", pids_limit(limits));
}

}  // namespace

const Controller kV2Pids{
    "pids",
    "limits on the number of processes",
    [](const Limits&) { return true; },
    apply,
    [](const GroupDir&, CgroupUsage&) {},
    // systemd gives every login session and service some pids.max: not a reason to stay inside.
    [](const GroupDir&) { return false; },
};

}  // namespace slipway::sandbox::limits
