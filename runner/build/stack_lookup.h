#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace slipway::runner {

/// A path in a stack of snapshots, as a container on it would see the path. Nothing is mounted; the layers are read
/// as overlayfs reads them (whiteouts, opaque directories). Links stay inside the stack.
struct StackEntry {
  enum class Kind { kMissing, kDirectory, kFile };  ///< kFile: everything that is no directory.
  Kind kind = Kind::kMissing;
  std::string path;       ///< Links resolved, absolute, clean.
  std::size_t known = 0;  ///< kMissing: so many of the path's components exist.
  std::vector<std::string>
      layers;  ///< kDirectory: what to stack, bottom first; kFile: where it lies.
};
/// `lowers` bottom first. kInvalid: too many links, or a path through a file.
Result<StackEntry> look_up(const std::vector<std::string>& lowers, const std::string& path);

}  // namespace slipway::runner
