// cgroup v1: memory, memory plus swap, reservation, and the count of out-of-memory kills.
#include <errno.h>

#include "sandbox/limits/controller.h"

namespace slipway::sandbox::limits {
namespace {

// Linux: memory.limit_in_bytes of a group without a limit is LONG_MAX rounded down to a page.
constexpr unsigned long long kNoLimit = 1ULL << 62;

// A kernel booted with swapaccount=0 has no such file; then swap is not limited, memory still is.
Status limit_both(const GroupDir& group, ByteCount both) {
  const auto done = group.write("memory.memsw.limit_in_bytes", std::to_string(both.value));
  return !done && done.error().code() == ErrorCode::kNotFound ? Status{} : done;
}

Status apply(const GroupDir& group, const Limits& limits) {
  if (limits.memory_reservation)
    SLIP_TRY(group.write("memory.soft_limit_in_bytes",
                         std::to_string(limits.memory_reservation->value)));
  if (!limits.memory) return limits.memory_swap ? limit_both(group, *limits.memory_swap) : Status{};
  const ByteCount both = limits.memory_swap.value_or(*limits.memory);
  const std::string memory = std::to_string(limits.memory->value);
  // The kernel refuses memsw below limit at any moment: going up memsw comes first, else last.
  const auto first = group.write("memory.limit_in_bytes", memory);
  if (first) return limit_both(group, both);
  if (first.error().sys_errno() != EINVAL) return first;
  SLIP_TRY(limit_both(group, both));
  return group.write("memory.limit_in_bytes", memory);
}

void report(const GroupDir& group, CgroupUsage& usage) {
  usage.peak_memory.value = group.number("memory.max_usage_in_bytes").value_or(0);
  usage.oom_killed = group.field("memory.oom_control", "oom_kill").value_or(0) > 0;  // Linux 4.13
}

std::optional<ByteCount> bytes(std::optional<unsigned long long> value) {
  if (!value) return std::nullopt;
  return ByteCount{*value};
}

void count(const GroupDir& group, ResourceUsage& usage) {
  usage.memory = bytes(group.number("memory.usage_in_bytes"));
  usage.memory_cache = bytes(group.field("memory.stat", "total_inactive_file"));
  usage.memory_peak = bytes(group.number("memory.max_usage_in_bytes"));
  const auto limit = group.number("memory.limit_in_bytes");
  if (limit && *limit < kNoLimit) usage.memory_limit = ByteCount{*limit};
  usage.oom_kills = group.field("memory.oom_control", "oom_kill").value_or(0);
}

bool limited(const GroupDir& group) {
  return group.number("memory.limit_in_bytes").value_or(kNoLimit) < kNoLimit;
}

}  // namespace

const Controller kV1Memory{
    .name = "memory",
    .resource = "memory limits",
    .wanted =
        [](const Limits& limits) {
          return limits.memory || limits.memory_swap || limits.memory_reservation;
        },
    .apply = apply,
    .report = report,
    .count = count,
    .limited = limited,
    .counts = true,
};

}  // namespace slipway::sandbox::limits
