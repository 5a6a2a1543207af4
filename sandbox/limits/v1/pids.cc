// cgroup v1: number of processes and threads.
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

const Controller kV1Pids{
    .name = "pids",
    .resource = "limits on the number of processes",
    .wanted = [](const Limits&) { return true; },
    .apply = apply,
    .report = [](const GroupDir&, CgroupUsage&) {},
    .count = count,
    // Ours is always lower in practice and costs nothing to nest.
    .limited = [](const GroupDir&) { return false; },
    .counts = true,
};

}  // namespace slipway::sandbox::limits
