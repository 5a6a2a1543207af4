#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "sandbox/spec.h"

namespace slipway::sandbox {

/// What a tmpfs is mounted with: options of the file system for fsconfig(2), and MOUNT_ATTR_* bits.
struct TmpfsSettings {
  std::vector<std::pair<std::string, std::string>> options;
  std::uint64_t attributes = 0;
};

/// kInvalid names the option.
Result<TmpfsSettings> tmpfs_settings(const TmpfsMount& mount);

}  // namespace slipway::sandbox
