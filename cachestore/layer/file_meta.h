#pragma once

#include <sys/types.h>

#include <cstdint>
#include <ctime>
#include <string>
#include <utility>
#include <vector>

#include "cachestore/archive.h"
#include "cachestore/layer/overlay_format.h"

namespace slipway::cachestore {

/// Owner, mode, attributes and time of a file, and how a policy applies them.
struct FileMeta {
  mode_t mode = 0;
  std::int64_t uid = 0;
  std::int64_t gid = 0;
  timespec mtime{};
  const std::vector<std::pair<std::string, std::string>>* xattrs = nullptr;  ///< May be null.
};

/// Ids in a container end here: the id map gives it 65,536.
constexpr std::int64_t kMaxId = 65'535;

enum class Times { kNow, kLater };

/// Sets everything of an open file or directory (not O_PATH) made by us; Times::kLater leaves the time to the caller.
/// Errors are causes only. Counts in `stats` what could not be kept.
class MetaWriter {
 public:
  MetaWriter(UnpackPolicy policy, OverlayXattrs xattrs, UnpackStats& stats)
      : policy_(policy), may_squash_(xattrs == OverlayXattrs::kUser), stats_(stats) {}

  Status check(const FileMeta& meta) const;
  Status to_file(int fd, const FileMeta& meta, Times times);
  Status to_directory(
      int fd,
      const FileMeta& meta);  ///< The time is set at the end, when nothing changes it any more.
  /// Of a link or fifo, by name, never followed.
  Status to_name(int dir_fd, const std::string& name, const FileMeta& meta);

 private:
  Status owner(int result);
  Status set_xattrs(int fd, const FileMeta& meta);

  UnpackPolicy policy_;
  bool may_squash_;
  UnpackStats& stats_;
};

}  // namespace slipway::cachestore
