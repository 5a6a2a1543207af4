// cgroup v2: processor bandwidth and weight. Time used is counted for every group, with or without the
// controller.
#include "base/text.h"
#include "sandbox/limits/controller.h"

namespace slipway::sandbox::limits {
namespace {

// Docker's shares are v1's 2..262144; the formula is that of the OCI runtimes. Spec: crun(1), "CPU controller".
std::uint64_t weight_of_shares(std::uint64_t shares) { return 1 + (shares - 2) * 9999 / 262'142; }

Status apply(const GroupDir& group, const Limits& limits) {
  if (limits.cpu_shares)
    SLIP_TRY(group.write("cpu.weight", std::to_string(weight_of_shares(*limits.cpu_shares))));
  if (!limits.cpus) return {};
  const std::string quota = std::to_string(cpu_quota_micros(*limits.cpus));
  return group.write("cpu.max", quota + " " + std::to_string(kCpuPeriodMicros));
}

bool limited(const GroupDir& group) {
  const auto text = group.read("cpu.max");
  return text && trim(*text).substr(0, 3) != "max";
}

}  // namespace

const Controller kV2Cpu{
    .name = "cpu",
    .resource = "processor limits",
    .wanted = [](const Limits& limits) { return limits.cpus || limits.cpu_shares; },
    .apply = apply,
    .report = [](const GroupDir&, CgroupUsage&) {},
    .count = [](const GroupDir&, ResourceUsage&) {},
    .limited = limited,
};

}  // namespace slipway::sandbox::limits
