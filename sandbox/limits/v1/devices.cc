// cgroup v1: which devices may be used. A group is made only where the unified tree cannot do it (see group.cc).
#include "sandbox/limits/controller.h"
#include "sandbox/limits/device_rules.h"

namespace slipway::sandbox::limits {

const Controller kV1Devices{
    .name = "devices",
    .resource = "device rules",
    .wanted = [](const Limits&) { return false; },
    .apply = [](const GroupDir&, const Limits&) { return Status{}; },
    .report = [](const GroupDir&, CgroupUsage&) {},
    .count = [](const GroupDir&, ResourceUsage&) {},
    .limited = [](const GroupDir&) { return false; },
    .rare = true,
};

Status write_device_rules(const GroupDir& group, const DeviceRules& rules) {
  SLIP_TRY(group.write("devices.deny", "a"));
  for (const DeviceRule& rule : rules) SLIP_TRY(group.write("devices.allow", to_text(rule)));
  return {};
}

}  // namespace slipway::sandbox::limits
