#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "sandbox/limits/group_dir.h"

namespace slipway::sandbox::limits {

// Linux: BPF_DEVCG_ACC_*.
inline constexpr std::uint8_t kMakeNode = 1;
inline constexpr std::uint8_t kReadDevice = 2;
inline constexpr std::uint8_t kWriteDevice = 4;

/// One thing that a group may do with devices. Everything that no rule allows is refused.
struct DeviceRule {
  enum class Kind : std::uint8_t { kBlock, kCharacter };
  Kind kind = Kind::kCharacter;
  std::optional<std::uint32_t> major;  ///< Nothing: all.
  std::optional<std::uint32_t> minor;
  std::uint8_t access = 0;  ///< Of kMakeNode, kReadDevice, kWriteDevice.
};
using DeviceRules = std::vector<DeviceRule>;

/// What every container may do: make any node (where it has the capability), use those that it is given anyway, and its
/// terminals.
DeviceRules default_device_rules();
/// Docker's --device-cgroup-rule and the kernel's own form: "c 10:200 rwm", "b *:* m", "a". kInvalid says why not.
Result<DeviceRules> parse_device_rule(const std::string& text);
/// "c 10:200 rwm"
std::string to_text(const DeviceRule& rule);

/// Attaches the rules to a group of the unified tree as a program (Linux 4.15); it goes with the group.
/// Spec: Documentation/admin-guide/cgroup-v2.rst, "Device controller".
Status attach_device_program(const GroupDir& group, const DeviceRules& rules);
/// The same by the controller of v1. Spec: Documentation/admin-guide/cgroup-v1/devices.rst
Status write_device_rules(const GroupDir& group, const DeviceRules& rules);

}  // namespace slipway::sandbox::limits
