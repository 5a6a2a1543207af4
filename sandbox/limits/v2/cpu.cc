// cgroup v2: processor bandwidth. Time used is counted for every group, with or without the
// controller.
#include "base/text.h"
#include "sandbox/limits/controller.h"

namespace slipway::sandbox::limits {
namespace {

Status apply(const GroupDir& group, const Limits& limits) {
  const std::string quota = std::to_string(cpu_quota_micros(*limits.cpus));
  return group.write("cpu.max", quota + " " + std::to_string(kCpuPeriodMicros));
}

bool limited(const GroupDir& group) {
  const auto text = group.read("cpu.max");
  return text && trim(*text).substr(0, 3) != "max";
}

}  // namespace

const Controller kV2Cpu{
    "cpu",
    "processor limits",
    [](const Limits& limits) { return limits.cpus.has_value(); },
    apply,
    [](const GroupDir&, CgroupUsage&) {},
    limited,
};

}  // namespace slipway::sandbox::limits
