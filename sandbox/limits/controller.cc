// What the controllers of both versions share, and the two lists.
#include "sandbox/limits/controller.h"

#include <algorithm>
#include <cmath>

namespace slipway::sandbox::limits {

std::span<const Controller> v1_controllers() {
  static const Controller kAll[] = {kV1Pids, kV1Memory, kV1Cpu};
  return kAll;
}

std::span<const Controller> v2_controllers() {
  static const Controller kAll[] = {kV2Pids, kV2Memory, kV2Cpu};
  return kAll;
}

long cpu_quota_micros(double cpus) {
  constexpr long kSmallest = 1000;
  return std::max(kSmallest, std::lround(cpus * static_cast<double>(kCpuPeriodMicros)));
}

std::string pids_limit(const Limits& limits) {
  return limits.pids > 0 ? std::to_string(limits.pids) : "max";
}

}  // namespace slipway::sandbox::limits
