#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace slipway::sandbox::limits {

/// Where one cgroup hierarchy is mounted and which group in it this process is in.
struct Hierarchy {
  std::string mount;  ///< "/sys/fs/cgroup/memory"
  std::string own;  ///< Absolute directory of our own group below `mount`; equal to it at the root.
  bool at_root() const { return own == mount; }
};

/// The cgroup file systems of a machine. Pure v2 has only `unified`; hybrid has both.
struct Hierarchies {
  std::map<std::string, Hierarchy, std::less<>>
      v1;  ///< By controller ("memory", "pids", "cpu", "freezer", …).
  std::optional<Hierarchy> unified;
};

/// From the texts of /proc/self/mountinfo and /proc/self/cgroup; lines it does not understand are
/// skipped.
Hierarchies parse_hierarchies(std::string_view mountinfo, std::string_view own_cgroups);
/// The same for this process; empty when the files cannot be read.
Hierarchies find_hierarchies();

}  // namespace slipway::sandbox::limits
