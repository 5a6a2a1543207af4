// cgroup v2: memory, swap, and the count of out-of-memory kills.
#include "base/text.h"
#include "sandbox/limits/controller.h"

namespace slipway::sandbox::limits {
namespace {

Status apply(const GroupDir& group, const Limits& limits) {
  SLIP_TRY(group.write("memory.max", std::to_string(limits.memory->value)));
  const std::uint64_t both = limits.memory_swap.value_or(*limits.memory).value;
  const auto swap = group.write("memory.swap.max", std::to_string(both - limits.memory->value));
  // Kernels without swap have no such file.
  if (!swap && swap.error().code() != ErrorCode::kNotFound) return swap;
  // One outcome for the whole container instead of a survivor that hangs. Linux 4.19.
  const auto group_kill = group.write("memory.oom.group", "1");
  if (!group_kill && group_kill.error().code() != ErrorCode::kNotFound) return group_kill;
  return {};
}

void report(const GroupDir& group, CgroupUsage& usage) {
  usage.peak_memory.value = group.number("memory.peak").value_or(0);  // Linux 5.19
  usage.oom_killed = group.field("memory.events", "oom_kill").value_or(0) > 0;
}

bool limited(const GroupDir& group) {
  const auto text = group.read("memory.max");
  return text && trim(*text) != "max";
}

}  // namespace

const Controller kV2Memory{
    "memory", "memory limits", [](const Limits& limits) { return limits.memory.has_value(); },
    apply,    report,          limited,
};

}  // namespace slipway::sandbox::limits
