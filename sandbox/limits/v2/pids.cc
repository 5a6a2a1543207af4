// cgroup v2: number of processes and threads.
#include "sandbox/limits/controller.h"

namespace slipway::sandbox::limits {
namespace {

Status apply(const GroupDir& group, const Limits& limits) {
  return group.write("pids.max", pids_limit(limits));
}

void count(const GroupDir& group, ResourceUsage& usage) {
  if (const auto now = group.number("pids.current")) usage.pids = *now;
  if (const auto most = group.number("pids.max")) usage.pids_limit = *most;
}

}  // namespace

const Controller kV2Pids{
    .name = "pids",
    .resource = "limits on the number of processes",
    .wanted = [](const Limits&) { return true; },
    .apply = apply,
    .report = [](const GroupDir&, CgroupUsage&) {},
    .count = count,
    // systemd gives every login session and service some pids.max: not a reason to stay inside.
    .limited = [](const GroupDir&) { return false; },
    .counts = true,
};

}  // namespace slipway::sandbox::limits
