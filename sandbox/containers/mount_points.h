#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "sandbox/containers/record.h"
#include "sandbox/containers/resolve.h"
#include "sandbox/volumes.h"

namespace slipway::sandbox {

struct MountSources {
  Volumes* volumes = nullptr;  ///< May be null: then volumes are kUnsupported.
  std::function<Result<std::vector<MountInfo>>(const std::string& container)> mounts_of;
  /// A directory of the machine is a power, whether it comes as a bind, as a volume or from another container.
  const PowerPolicy& policy;
};

/// Fills in record.mounts: what was asked for, what `volumes_from` has, and an anonymous volume for each of the image's
/// that nothing else covers. Makes and acquires volumes, fills new ones from the image, makes missing bind sources
/// where that was asked. Errors name the mount.
Status resolve_mounts(Record& record, const ImageParts& image, const MountSources& sources);

}  // namespace slipway::sandbox
