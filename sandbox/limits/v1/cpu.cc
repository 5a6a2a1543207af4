// cgroup v1: processor bandwidth and shares.
#include "sandbox/limits/controller.h"

namespace slipway::sandbox::limits {
namespace {

Status apply(const GroupDir& group, const Limits& limits) {
  if (limits.cpu_shares) SLIP_TRY(group.write("cpu.shares", std::to_string(*limits.cpu_shares)));
  if (!limits.cpus) return {};
  SLIP_TRY(group.write("cpu.cfs_period_us", std::to_string(kCpuPeriodMicros)));
  return group.write("cpu.cfs_quota_us", std::to_string(cpu_quota_micros(*limits.cpus)));
}

// Only where cpu and cpuacct are mounted together (as systemd does); nanoseconds.
void report(const GroupDir& group, CgroupUsage& usage) {
  if (const auto user = group.number("cpuacct.usage_user")) {
    usage.cpu_user = std::chrono::microseconds(*user / 1000);
  }
  if (const auto system = group.number("cpuacct.usage_sys")) {
    usage.cpu_system = std::chrono::microseconds(*system / 1000);
  }
}

bool limited(const GroupDir& group) {
  return group.number("cpu.cfs_quota_us").has_value();  // -1 is none.
}

}  // namespace

const Controller kV1Cpu{
    .name = "cpu",
    .resource = "processor limits",
    .wanted = [](const Limits& limits) { return limits.cpus || limits.cpu_shares; },
    .apply = apply,
    .report = report,
    .count = [](const GroupDir&, ResourceUsage&) {},
    .limited = limited,
};

}  // namespace slipway::sandbox::limits
