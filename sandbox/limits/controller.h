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
  Status (*apply)(const GroupDir&, const Limits&);  ///< Only what is given; also on a living group.
  void (*report)(const GroupDir&, CgroupUsage&);    ///< Leaves what it does not know.
  void (*count)(const GroupDir&, ResourceUsage&);   ///< Likewise.
  /// Whether a group has a limit of this kind that containers must stay below, too.
  bool (*limited)(const GroupDir&);
  /// Few ask for it: its absence is told to them only, not to everybody.
  bool rare = false;
  bool counts = false;  ///< Worth having for its counters alone.
};

std::span<const Controller> v1_controllers();
std::span<const Controller> v2_controllers();

// One file each: v1/cpu.cc, v2/memory.cc, …
extern const Controller kV1Blkio, kV1Cpu, kV1Cpuacct, kV1Cpuset, kV1Devices, kV1Freezer, kV1Memory,
    kV1Pids;
extern const Controller kV2Cpu, kV2Cpuset, kV2Io, kV2Memory, kV2Pids;

/// The bandwidth period of both versions, the kernel's default; the quota is per period and all
/// processors.
inline constexpr long kCpuPeriodMicros = 100'000;
/// Linux: kernel/sched/core.c, min_cfs_quota_period: a quota below 1 ms is refused.
long cpu_quota_micros(double cpus);
/// "max" for no limit.
std::string pids_limit(const Limits& limits);
/// Whether any block device limit or weight is given.
bool wants_block_io(const Limits& limits);
/// "254:0": the numbers of a block device. kInvalid for anything else.
Result<std::string> device_numbers(const std::string& path);
/// Bytes read and written, from lines "MAJOR:MINOR Read N" (v1) or "MAJOR:MINOR rbytes=N wbytes=N …" (v2).
void count_block_io(std::string_view text, ResourceUsage& usage);

}  // namespace slipway::sandbox::limits
