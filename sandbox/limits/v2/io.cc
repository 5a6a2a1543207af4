// cgroup v2: weight and rates of block devices.
// Spec: Documentation/admin-guide/cgroup-v2.rst, "IO Interface Files"
#include "sandbox/limits/controller.h"

namespace slipway::sandbox::limits {
namespace {

// Docker's 10..1000 on io.weight's 1..10000; the formula is that of the OCI runtimes.
unsigned weight_of_blkio(unsigned weight) { return 1 + (weight - 10) * 9999 / 990; }

Status apply_weight(const GroupDir& group, unsigned weight) {
  auto written = group.write("io.weight", "default " + std::to_string(weight_of_blkio(weight)));
  if (!written && written.error().code() == ErrorCode::kNotFound)
    written = group.write("io.bfq.weight", std::to_string(weight));
  if (!written && written.error().code() == ErrorCode::kNotFound)
    return fail(ErrorCode::kUnsupported,
                "limit block device weight: the kernel has neither the cost model nor BFQ");
  return written;
}

Status apply(const GroupDir& group, const Limits& limits) {
  if (limits.blkio_weight) SLIP_TRY(apply_weight(group, *limits.blkio_weight));
  const std::pair<const char*, const std::vector<Limits::DeviceRate>*> kinds[] = {
      {" rbps=", &limits.read_bps},
      {" wbps=", &limits.write_bps},
      {" riops=", &limits.read_iops},
      {" wiops=", &limits.write_iops}};
  for (const auto& [key, rates] : kinds) {
    for (const Limits::DeviceRate& one : *rates) {
      const std::string device = SLIP_TRY(device_numbers(one.device));
      // 0 lifts the limit, as v1 does.
      SLIP_TRY(
          group.write("io.max", device + key + (one.rate == 0 ? "max" : std::to_string(one.rate))));
    }
  }
  return {};
}

void count(const GroupDir& group, ResourceUsage& usage) {
  if (const auto text = group.read("io.stat")) count_block_io(*text, usage);
}

}  // namespace

const Controller kV2Io{
    .name = "io",
    .resource = "block device limits",
    .wanted = wants_block_io,
    .apply = apply,
    .report = [](const GroupDir&, CgroupUsage&) {},
    .count = count,
    .limited = [](const GroupDir&) { return false; },
    .rare = true,
    .counts = true,
};

}  // namespace slipway::sandbox::limits
