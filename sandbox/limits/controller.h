#pragma once

#include <span>
#include <string>

#include "sandbox/limits/cgroup.h"
#include "sandbox/limits/group_dir.h"

namespace slipway::sandbox::limits {

/// How one resource is limited and counted in one version of cgroups. All state is in the kernel.
struct Controller {
  const char* name;      ///< "memory": as in /proc/cgroups and cgroup.controllers.
  const char* resource;  ///< "memory limits": for notices.
  bool (*wanted)(const Limits&);
  Status (*apply)(const GroupDir&, const Limits&);
  void (*report)(const GroupDir&, CgroupUsage&);  ///< Leaves what it does not know.
  /// Whether a group has a limit of this kind that containers must stay below, too.
  bool (*limited)(const GroupDir&);
};

std::span<const Controller> v1_controllers();
std::span<const Controller> v2_controllers();

// One file each: v1/cpu.cc, v1/memory.cc, v1/pids.cc, v2/cpu.cc, v2/memory.cc, v2/pids.cc.
extern const Controller kV1Cpu, kV1Memory, kV1Pids;
extern const Controller kV2Cpu, kV2Memory, kV2Pids;

/// The bandwidth period of both versions, the kernel's default; the quota is per period and all
/// processors.
inline constexpr long kCpuPeriodMicros = 100'000;
/// Linux: kernel/sched/core.c, min_cfs_quota_period: a quota below 1 ms is refused.
long cpu_quota_micros(double cpus);
/// "max" for no limit.
std::string pids_limit(const Limits& limits);

}  // namespace slipway::sandbox::limits
