#pragma once

#include <optional>
#include <string>

#include "base/cancel.h"
#include "base/clock.h"
#include "base/result.h"
#include "runner/build/copy.h"
#include "runner/build/file_meta.h"
#include "runner/build/target_tree.h"

namespace slipway::runner {

struct ArchiveRules {
  std::optional<Owner> owner;  ///< --chown: of everything in it.
  std::optional<WallTime> clamp;
  std::string staging;  ///< A directory on the target's file system for the time of unpacking.
};
/// ADD of an archive: its files into a directory of the target. As tar does: directories merge, everything else that is
/// there goes; directories that the archive does not describe are looked for through the target's links.
Result<CopyStats> unpack_archive(int fd, const std::string& name, TargetTree& to,
                                 const TargetTree::DirPtr& dir, const ArchiveRules& rules,
                                 const CancelToken& cancel);

}  // namespace slipway::runner
