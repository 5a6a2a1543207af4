#pragma once

#include <string>

#include "base/json.h"
#include "base/result.h"
#include "sandbox/volumes.h"

namespace slipway::sandbox {

/// What volume.json keeps: everything of a VolumeInfo but its path and users.
Json volume_json(const VolumeInfo& volume);
/// kCorrupt names the member.
Result<VolumeInfo> read_volume_json(const Json& json);

/// The local driver's options: sets kind, path, access and tmpfs_*. kInvalid or kUnsupported name the option; a bind's
/// device must be a directory.
Status apply_volume_options(VolumeInfo& volume);

}  // namespace slipway::sandbox
