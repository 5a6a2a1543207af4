// Which limits make sense; knows no kernel.
#include "sandbox/limits/check.h"

#include <string>

#include "base/text.h"

namespace slipway::sandbox::limits {
namespace {

// More than any machine has; keeps the quota's arithmetic in range.
constexpr double kMostCpus = 100'000;
// Below this the container's own init does not fit and every run ends as "out of memory".
constexpr ByteCount kLeastMemory = 1_MiB;
constexpr std::size_t kMostDevices = 64;

tl::unexpected<Error> bad(const std::string& what, const std::string& why) {
  return fail(ErrorCode::kInvalid, "limit " + what + ": " + why);
}

Status check_processor(const Limits& limits) {
  if (limits.cpus && !(*limits.cpus > 0 && *limits.cpus <= kMostCpus))
    return bad("cpus to " + std::to_string(*limits.cpus), "want a number above 0");
  // Linux: kernel/sched/sched.h, MIN_SHARES and MAX_SHARES.
  if (limits.cpu_shares && (*limits.cpu_shares < 2 || *limits.cpu_shares > 262'144))
    return bad("cpu shares to " + std::to_string(*limits.cpu_shares), "want 2 to 262144");
  return {};
}

Status check_memory(const Limits& limits, Given given) {
  if (limits.memory && *limits.memory < kLeastMemory) {
    return bad("memory to " + format_size(*limits.memory),
               "want at least " + format_size(kLeastMemory));
  }
  if (limits.memory_swap && !limits.memory && given == Given::kAll)
    return bad("memory plus swap", "no memory limit is given");
  if (limits.memory_swap && limits.memory && *limits.memory_swap < *limits.memory) {
    return bad("memory plus swap to " + format_size(*limits.memory_swap),
               "less than the memory limit");
  }
  if (limits.memory_reservation && limits.memory && *limits.memory < *limits.memory_reservation) {
    return bad("memory reservation to " + format_size(*limits.memory_reservation),
               "more than the memory limit");
  }
  return {};
}

// Spec: cpuset(7), "List format". The kernel says which numbers there are.
Status check_list(const std::string& list, const std::string& what) {
  if (list.empty()) return {};
  for (const std::string_view part : split(list, ',')) {
    const std::size_t dash = part.find('-');
    const auto first = parse_int(part.substr(0, dash));
    const auto last = dash == part.npos ? first : parse_int(part.substr(dash + 1));
    if (!first || !last || *first < 0 || *last < *first || *last > 65'535)
      return bad(what + " to \"" + printable(list) + "\"", "want numbers and ranges as in 0-1,3");
  }
  return {};
}

Status check_devices(const Limits& limits) {
  if (limits.blkio_weight && (*limits.blkio_weight < 10 || *limits.blkio_weight > 1000)) {
    return bad("block device weight to " + std::to_string(*limits.blkio_weight), "want 10 to 1000");
  }
  const std::size_t devices = limits.read_bps.size() + limits.write_bps.size() +
                              limits.read_iops.size() + limits.write_iops.size();
  if (devices > kMostDevices) return bad("devices", "more than 64 are named");
  return {};
}

}  // namespace

Status check_limits(const Limits& limits, Given given) {
  SLIP_TRY(check_processor(limits));
  SLIP_TRY(check_memory(limits, given));
  SLIP_TRY(check_list(limits.cpuset_cpus, "processors"));
  SLIP_TRY(check_list(limits.cpuset_mems, "memory nodes"));
  SLIP_TRY(check_devices(limits));
  if (limits.oom_score_adj && (*limits.oom_score_adj < -1000 || *limits.oom_score_adj > 1000)) {
    return bad("oom score to " + std::to_string(*limits.oom_score_adj), "want -1000 to 1000");
  }
  return {};
}

}  // namespace slipway::sandbox::limits
