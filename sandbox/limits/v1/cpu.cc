// cgroup v1: processor bandwidth.
#include "sandbox/limits/controller.h"

namespace slipway::sandbox::limits {
namespace {

Status apply(const GroupDir& group, const Limits& limits) {
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
    "cpu",
    "processor limits",
    [](const Limits& limits) { return limits.cpus.has_value(); },
    apply,
    report,
    limited,
};

}  // namespace slipway::sandbox::limits
