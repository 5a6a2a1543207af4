#pragma once

#include <sys/types.h>

#include <optional>

namespace slipway::sandbox {

/// While it lives, files that this thread makes belong to `id`, without losing a capability. Overlayfs remembers the
/// credentials of its mounter and makes its work directory with them: on a shifted mount only ids inside the map can
/// own files, and host root is outside. Nothing happens without an id.
class CreatorIds {
 public:
  explicit CreatorIds(std::optional<uid_t> id);
  ~CreatorIds();
  CreatorIds(const CreatorIds&) = delete;
  CreatorIds& operator=(const CreatorIds&) = delete;

 private:
  bool active_ = false;
};

}  // namespace slipway::sandbox
