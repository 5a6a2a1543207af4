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
/// The defaults with adds and drops by name ("NET_RAW", "cap_net_raw", "ALL"; a single name wins
/// over ALL, a drop over an add); clamped to the bounding set of this process. kInvalid for an
/// unknown name.
Result<CapabilityMask> capability_mask(const std::vector<std::string>& add,
                                       const std::vector<std::string>& drop);
std::string capability_name(int number);
int last_capability();  ///< /proc/sys/kernel/cap_last_cap

/// The default filter for containers with these capabilities, compiled once per distinct mask
/// (about 0.3 ms) and kept for the life of the process: the span stays valid for ever. Thread-safe.
/// Install it last, by seccomp(2) with SECCOMP_FILTER_FLAG_SPEC_ALLOW (before Linux 5.16 a filter
/// without it slows every call down).
Result<std::span<const sock_filter>> seccomp_filter(CapabilityMask capabilities);

/// Paths hidden (directories by an empty read-only tmpfs, files by /dev/null) and made read-only,
/// inside the container. Hidden ones are those of the list that exist on this machine.
std::span<const char* const> masked_paths();
std::span<const char* const> read_only_paths();
/// Also hidden where the machine's own sysfs is shown (host network): what else is mounted below it.
std::span<const char* const> masked_paths_of_host_sysfs();

/// Device nodes that every container has: bind-mounted from the host, mode 0666.
struct DeviceNode {
  const char* name;  ///< "null"
  unsigned major;
  unsigned minor;
};
std::span<const DeviceNode> default_devices();

}  // namespace slipway::sandbox
