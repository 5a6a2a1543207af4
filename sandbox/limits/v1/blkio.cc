// cgroup v1: weight and rates of block devices.
// Spec: Documentation/admin-guide/cgroup-v1/blkio-controller.rst
#include "sandbox/limits/controller.h"

namespace slipway::sandbox::limits {
namespace {

using Rates = std::vector<Limits::DeviceRate>;

Status apply_rates(const GroupDir& group, const char* file, const Rates& rates) {
  for (const Limits::DeviceRate& one : rates) {
    const std::string device = SLIP_TRY(device_numbers(one.device));
    SLIP_TRY(group.write(file, device + " " + std::to_string(one.rate)));
  }
  return {};
}

Status apply(const GroupDir& group, const Limits& limits) {
  if (limits.blkio_weight) {
    const std::string weight = std::to_string(*limits.blkio_weight);
    auto written = group.write("blkio.weight", weight);
    // Linux 5.0 took the CFQ scheduler and with it this file away; BFQ has its own, where it is loaded.
    if (!written && written.error().code() == ErrorCode::kNotFound)
      written = group.write("blkio.bfq.weight", weight);
    if (!written && written.error().code() == ErrorCode::kNotFound)
      return fail(ErrorCode::kUnsupported,
                  "limit block device weight: the kernel has no BFQ scheduler");
    if (!written) return written;
  }
  SLIP_TRY(apply_rates(group, "blkio.throttle.read_bps_device", limits.read_bps));
  SLIP_TRY(apply_rates(group, "blkio.throttle.write_bps_device", limits.write_bps));
  SLIP_TRY(apply_rates(group, "blkio.throttle.read_iops_device", limits.read_iops));
  return apply_rates(group, "blkio.throttle.write_iops_device", limits.write_iops);
}

void count(const GroupDir& group, ResourceUsage& usage) {
  if (const auto text = group.read("blkio.throttle.io_service_bytes_recursive"))
    count_block_io(*text, usage);
}

}  // namespace

const Controller kV1Blkio{
    .name = "blkio",
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
