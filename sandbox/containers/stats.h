#pragma once

#include "base/json.h"
#include "sandbox/container_state.h"
#include "sandbox/limits.h"

namespace slipway::sandbox {

/// What a container uses, with the machine's part (its processors and their time) and, from /proc/PID/net/dev, what its
/// interfaces have moved.
ContainerStats measure(const ResourceUsage& usage, int pid);
/// Fills in what no cgroup counted from the processes that are there now.
void count_processes(const std::vector<int>& pids, ResourceUsage& usage);
/// Interfaces but for loopback. Spec: proc(5), /proc/net/dev.
std::vector<ContainerStats::Network> parse_net_dev(std::string_view text);
/// Nanoseconds that the machine's processors have spent since it was started. Spec: proc(5), /proc/stat.
std::uint64_t parse_cpu_time(std::string_view text, long ticks_per_second);

Json stats_body(const ContainerStats& stats);
Result<ContainerStats> stats_of(const Json& body);

}  // namespace slipway::sandbox
