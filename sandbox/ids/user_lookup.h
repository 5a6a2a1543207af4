#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "base/result.h"
#include "sandbox/ids/id_map.h"

namespace slipway::sandbox {

struct UserIds {
  uid_t uid = 0;
  gid_t gid = 0;
  std::vector<gid_t> groups;  ///< Supplementary, from the group file.
};

/// Finds "", "name", "uid", "name:group", "uid:gid" in etc/passwd and etc/group below `root` (a directory descriptor).
/// No NSS. A missing file is empty; a link out of the root, FIFO, device or more than 1 MiB is an error (R12, R21).
/// Spec: passwd(5), group(5); docker's rule: numbers need no entry, names do.
/// `add` are further groups by name or number (docker's --group-add).
Result<UserIds> look_up_user(int root, const std::string& user,
                             const std::vector<std::string>& add = {});

/// The same for a process: kInvalid for ids that the map does not have; groups that it does not have are left out.
Result<UserIds> look_up_process_user(int root, const std::string& user,
                                     const std::vector<std::string>& add, const IdMap& map);

}  // namespace slipway::sandbox
