#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "cachestore/layer/overlay_format.h"

namespace slipway::cachestore {

/// A file's extended attributes.
struct Xattrs {
  std::vector<std::pair<std::string, std::string>> kept;  ///< Those that layers hold, by name.
  // What overlayfs wrote about a file of the upper layer.
  bool opaque = false;
  bool foreign = false;  ///< A redirect or a metadata-only copy.
};

/// Reads them file by file with one buffer. File systems without attributes give none.
class XattrReader {
 public:
  XattrReader();
  /// `fd` may be O_PATH. Errors are causes only.
  Result<Xattrs> read(int fd);

 private:
  std::string_view overlay_;  ///< What overlayfs's own names begin with here.
  std::string names_;
};

}  // namespace slipway::cachestore
