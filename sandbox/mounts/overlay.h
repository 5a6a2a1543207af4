#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

#include "base/fd.h"
#include "base/result.h"
#include "sandbox/spec.h"

namespace slipway::sandbox {

/// How this process sees the directories that overlays are made of.
struct LayerView {
  std::string root;    ///< Absolute path that layer paths begin with.
  int directory = -1;  ///< The same directory, perhaps with shifted owners; borrowed.
  bool user_xattr =
      false;  ///< Overlay metadata in user.overlay.*: mounted inside a user namespace.
  std::optional<uid_t>
      creator;  ///< Host id that container root has; files the overlay makes for itself get it.
};

/// Mounts the stack, detached. A stack without upper is read-only. kInvalid when a layer is not below the view's root;
/// other errors carry the kernel's own words.
Result<Fd> mount_overlay(const OverlayStack& stack, const LayerView& view);

}  // namespace slipway::sandbox
