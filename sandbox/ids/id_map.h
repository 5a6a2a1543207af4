#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "base/fd.h"
#include "base/result.h"

namespace slipway::sandbox {

/// Container ids have 16 bits, as files on disk do.
inline constexpr std::uint32_t kIdsPerContainer = 65'536;

/// Lines of /proc/PID/uid_map. Spec: user_namespaces(7).
struct IdRange {
  std::uint32_t inside = 0;
  std::uint32_t outside = 0;
  std::uint32_t count = 0;
};
using IdRanges = std::vector<IdRange>;

struct IdMap {
  IdRanges users;
  IdRanges groups;
  bool set_groups =
      true;  ///< False where setgroups(2) is denied (a single-id map made without help).

  bool has_user(std::uint32_t id) const;
  bool has_group(std::uint32_t id) const;
};

std::string format_id_ranges(const IdRanges& ranges);
/// The ids that this process's own user namespace has, mapped onto themselves.
Result<IdMap> identity_of_own_namespace();
/// Writes both maps of a process that was just made with CLONE_NEWUSER by the caller.
Status write_id_map(pid_t pid, const IdMap& map);
/// A user namespace with this map and no process in it: for mount_setattr(2).
Result<Fd> make_user_namespace(const IdMap& map);

}  // namespace slipway::sandbox
