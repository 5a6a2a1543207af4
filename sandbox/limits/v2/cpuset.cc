// cgroup v2: which processors and memory nodes.
#include "sandbox/limits/controller.h"

namespace slipway::sandbox::limits {
namespace {

Status apply(const GroupDir& group, const Limits& limits) {
  if (!limits.cpuset_cpus.empty()) SLIP_TRY(group.write("cpuset.cpus", limits.cpuset_cpus));
  if (!limits.cpuset_mems.empty()) SLIP_TRY(group.write("cpuset.mems", limits.cpuset_mems));
  return {};
}

}  // namespace

const Controller kV2Cpuset{
    .name = "cpuset",
    .resource = "limits on which processors",
    .wanted =
        [](const Limits& limits) {
          return !limits.cpuset_cpus.empty() || !limits.cpuset_mems.empty();
        },
    .apply = apply,
    .report = [](const GroupDir&, CgroupUsage&) {},
    .count = [](const GroupDir&, ResourceUsage&) {},
    .limited = [](const GroupDir&) { return false; },
    .rare = true,
};

}  // namespace slipway::sandbox::limits
