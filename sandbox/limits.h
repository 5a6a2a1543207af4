#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/units.h"

namespace slipway::sandbox {

/// What a container may use at most; what is not given is not limited (but for pids).
struct Limits {
  struct DeviceRate {
    std::string device;  ///< Host path of a block device.
    std::uint64_t rate = 0;
  };
  std::optional<double> cpus;
  std::optional<std::uint64_t> cpu_shares;  ///< 2..262144; 1024 is docker's default.
  std::string cpuset_cpus;                  ///< "0-1,3"
  std::string cpuset_mems;
  std::optional<ByteCount> memory;
  std::optional<ByteCount> memory_swap;  ///< Memory + swap; default: equal to memory (no swap).
  std::optional<ByteCount> memory_reservation;
  std::int64_t pids = 4096;              ///< -1: no limit.
  std::optional<unsigned> blkio_weight;  ///< 10..1000
  std::vector<DeviceRate> read_bps, write_bps, read_iops, write_iops;
  std::optional<int> oom_score_adj;
};

/// What a running container uses. Nothing: not counted here (see ContainerSpec::count_usage and Engine::notices).
struct ResourceUsage {
  std::optional<std::chrono::nanoseconds> cpu_total, cpu_user, cpu_system;
  std::optional<ByteCount> memory;        ///< Cache included.
  std::optional<ByteCount> memory_cache;  ///< Of it, pages of files that can be dropped.
  std::optional<ByteCount> memory_peak;
  std::optional<ByteCount> memory_limit;
  std::optional<std::uint64_t> pids;  ///< Processes and threads.
  std::optional<std::uint64_t> pids_limit;
  std::optional<std::uint64_t> blkio_read, blkio_written;  ///< Bytes.
  std::uint64_t oom_kills = 0;
};

}  // namespace slipway::sandbox
