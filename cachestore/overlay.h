#pragma once

#include <sys/types.h>

#include <string_view>

#include "base/result.h"

namespace slipway::cachestore {

/// What overlayfs reads in the store's directories, for those who write an upper or read a stack without a mount.
/// Linux 5.11: Documentation/filesystems/overlayfs.rst, "whiteouts and opaque directories".

/// A removal: hides the name of the lower layers.
bool is_removal(mode_t mode, dev_t device);
/// Whether the open directory (not O_PATH) hides everything of the lower layers.
bool hides_lower(int dir_fd);
/// Makes it so.
Status hide_lower(int dir_fd);
/// Extended attributes that belong to a layer's files: user.*, capabilities, access control lists; nothing that
/// overlayfs or a security module reads.
bool is_layer_xattr(std::string_view name);
/// Whether this process can give a file to any container id: root outside user namespaces. Elsewhere an owner may have
/// to stay as it is.
bool gives_all_ids();

}  // namespace slipway::cachestore
