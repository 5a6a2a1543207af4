#pragma once

#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace slipway::runner {

/// The writable upper of a step, before and after.

/// An empty upper that shows the owner and mode of the stack's root.
Status begin_upper(const std::vector<std::string>& lowers, const std::string& upper);
/// Nothing was written to it.
Result<bool> upper_is_untouched(const std::vector<std::string>& lowers, const std::string& upper);
/// Times later than `latest` become it, in the whole tree.
Status clamp_times(const std::string& directory, WallTime latest);

/// Places where mounts will lie. What of them is not in the stack is made by the engine in the upper; afterwards it
/// goes again, as BuildKit 28 does it, unless the command put something there.
class MountStubs {
 public:
  Status note(const std::vector<std::string>& lowers, const std::string& target);
  Status remove(const std::vector<std::string>& lowers, const std::string& upper) const;

 private:
  struct Stub {
    std::string path;       ///< Resolved, absolute.
    std::size_t known = 0;  ///< So many of its components are the stack's.
  };
  std::vector<Stub> stubs_;
};

}  // namespace slipway::runner
