// cgroup v1: memory, memory plus swap, and the count of out-of-memory kills.
#include "sandbox/limits/controller.h"

namespace slipway::sandbox::limits {
namespace {

// Linux: memory.limit_in_bytes of a group without a limit is LONG_MAX rounded down to a page.
constexpr unsigned long long kNoLimit = 1ULL << 62;

Status apply(const GroupDir& group, const Limits& limits) {
  // In this order: the kernel refuses memsw below limit.
  SLIP_TRY(group.write("memory.limit_in_bytes", std::to_string(limits.memory->value)));
  const ByteCount both = limits.memory_swap.value_or(*limits.memory);
  const auto swap = group.write("memory.memsw.limit_in_bytes", std::to_string(both.value));
  // A kernel booted with swapaccount=0 has no such file; then swap is not limited, memory still is.
  if (!swap && swap.error().code() != ErrorCode::kNotFound) return swap;
  return {};
}

void report(const GroupDir& group, CgroupUsage& usage) {
  usage.peak_memory.value = group.number("memory.max_usage_in_bytes").value_or(0);
  usage.oom_killed = group.field("memory.oom_control", "oom_kill").value_or(0) > 0;  // Linux 4.13
}

bool limited(const GroupDir& group) {
  return group.number("memory.limit_in_bytes").value_or(kNoLimit) < kNoLimit;
}

}  // namespace

const Controller kV1Memory{
    "memory", "memory limits", [](const Limits& limits) { return limits.memory.has_value(); },
    apply,    report,          limited,
};

}  // namespace slipway::sandbox::limits
