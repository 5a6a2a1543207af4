#pragma once

#include <linux/filter.h>

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"

namespace slipway::sandbox {

/// Capability sets as bit masks (bit = CAP_* number).
using CapabilityMask = std::uint64_t;
/// SECURITY.md: Podman's eleven (0x800405fb).
inline constexpr CapabilityMask kDefaultCapabilities = 0x800405fb;
/// Adds and drops by name ("NET_RAW", "cap_net_raw", "ALL"); clamped to what this process holds.
Result<CapabilityMask> capability_mask(const std::vector<std::string>& add, const std::vector<std::string>& drop);
std::string capability_name(int number);
int last_capability();  ///< /proc/sys/kernel/cap_last_cap

/// The compiled default filter for containers with these capabilities; compiled once per distinct mask and cached for
/// the life of the process (and on disk is not needed: under 1 ms). The span stays valid for ever.
Result<std::span<const sock_filter>> seccomp_filter(CapabilityMask capabilities);

/// Paths hidden (directories by an empty read-only tmpfs, files by /dev/null) and made read-only, inside the container.
std::span<const char* const> masked_paths();
std::span<const char* const> read_only_paths();

/// Device nodes that every container has: bind-mounted from the host, mode 0666.
struct DeviceNode {
  const char* name;  ///< "null"
  unsigned major;
  unsigned minor;
};
std::span<const DeviceNode> default_devices();

}  // namespace slipway::sandbox
