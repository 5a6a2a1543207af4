// cgroup v1: freezing, on machines without a unified tree. A group is made only when somebody pauses (see group.cc).
#include "sandbox/limits/controller.h"

namespace slipway::sandbox::limits {

const Controller kV1Freezer{
    .name = "freezer",
    .resource = "pausing",
    .wanted = [](const Limits&) { return false; },
    .apply = [](const GroupDir&, const Limits&) { return Status{}; },
    .report = [](const GroupDir&, CgroupUsage&) {},
    .count = [](const GroupDir&, ResourceUsage&) {},
    .limited = [](const GroupDir&) { return false; },
    .rare = true,
};

}  // namespace slipway::sandbox::limits
