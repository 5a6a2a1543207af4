#pragma once

#include <string>

#include "base/result.h"
#include "sandbox/ids/id_map.h"

namespace slipway::sandbox {

/// The user's ranges in a file of the form of /etc/subuid ("name:first:count", the name may be a uid), as maps for
/// inside ids from `inside` on. Missing file or user: empty. Spec: subuid(5).
Result<IdRanges> read_sub_ids(const std::string& path, const std::string& user, uid_t uid,
                              std::uint32_t inside);

}  // namespace slipway::sandbox
