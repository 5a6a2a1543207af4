// cgroup v1: number of processes and threads.
#include "sandbox/limits/controller.h"

namespace slipway::sandbox::limits {
namespace {

Status apply(const GroupDir& group, const Limits& limits) {
  return group.write("pids.max", pids_limit(limits));
}

}  // namespace

const Controller kV1Pids{
    "pids",
    "limits on the number of processes",
    [](const Limits&) { return true; },
    apply,
    [](const GroupDir&, CgroupUsage&) {},
    [](const GroupDir&) {
      return false;
    },  // Ours is always lower in practice and costs nothing to nest.
};

}  // namespace slipway::sandbox::limits
