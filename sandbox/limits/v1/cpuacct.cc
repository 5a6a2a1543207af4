// cgroup v1: processor time used, where that is a hierarchy of its own and no unified tree counts it.
#include "sandbox/limits/controller.h"

namespace slipway::sandbox::limits {
namespace {

using std::chrono::nanoseconds;

void count(const GroupDir& group, ResourceUsage& usage) {
  if (usage.cpu_total) return;
  if (const auto all = group.number("cpuacct.usage")) usage.cpu_total = nanoseconds(*all);
  if (const auto user = group.number("cpuacct.usage_user")) usage.cpu_user = nanoseconds(*user);
  if (const auto system = group.number("cpuacct.usage_sys"))
    usage.cpu_system = nanoseconds(*system);
}

}  // namespace

const Controller kV1Cpuacct{
    .name = "cpuacct",
    .resource = "counters of processor time",
    .wanted = [](const Limits&) { return false; },
    .apply = [](const GroupDir&, const Limits&) { return Status{}; },
    .report = [](const GroupDir&, CgroupUsage&) {},
    .count = count,
    .limited = [](const GroupDir&) { return false; },
    .rare = true,
    .counts = true,
};

}  // namespace slipway::sandbox::limits
