// cgroup v2: memory, swap, reservation, and the count of out-of-memory kills.
#include "base/text.h"
#include "sandbox/limits/controller.h"

namespace slipway::sandbox::limits {
namespace {

Status allow_missing(Status written) {
  const bool missing = !written && written.error().code() == ErrorCode::kNotFound;
  return missing ? Status{} : std::move(written);
}

// v2 limits swap alone; docker's word is for both together. Kernels without swap have no such file.
Status limit_swap(const GroupDir& group, const Limits& limits) {
  const std::uint64_t memory =
      limits.memory ? limits.memory->value : group.number("memory.max").value_or(0);
  const std::uint64_t both = limits.memory_swap ? limits.memory_swap->value : memory;
  const std::uint64_t swap = both > memory ? both - memory : 0;
  return allow_missing(group.write("memory.swap.max", std::to_string(swap)));
}

Status apply(const GroupDir& group, const Limits& limits) {
  if (limits.memory_reservation)
    SLIP_TRY(group.write("memory.low", std::to_string(limits.memory_reservation->value)));
  if (limits.memory) SLIP_TRY(group.write("memory.max", std::to_string(limits.memory->value)));
  if (limits.memory || limits.memory_swap) SLIP_TRY(limit_swap(group, limits));
  // One outcome for the whole container instead of a survivor that hangs. Linux 4.19.
  return allow_missing(group.write("memory.oom.group", "1"));
}

void report(const GroupDir& group, CgroupUsage& usage) {
  usage.peak_memory.value = group.number("memory.peak").value_or(0);  // Linux 5.19
  usage.oom_killed = group.field("memory.events", "oom_kill").value_or(0) > 0;
}

std::optional<ByteCount> bytes(std::optional<unsigned long long> value) {
  if (!value) return std::nullopt;
  return ByteCount{*value};
}

void count(const GroupDir& group, ResourceUsage& usage) {
  usage.memory = bytes(group.number("memory.current"));
  usage.memory_cache = bytes(group.field("memory.stat", "inactive_file"));
  usage.memory_peak = bytes(group.number("memory.peak"));
  usage.memory_limit = bytes(group.number("memory.max"));
  usage.oom_kills = group.field("memory.events", "oom_kill").value_or(0);
}

bool limited(const GroupDir& group) {
  const auto text = group.read("memory.max");
  return text && trim(*text) != "max";
}

}  // namespace

const Controller kV2Memory{
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
