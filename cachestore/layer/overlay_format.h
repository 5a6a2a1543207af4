#pragma once

#include <sys/types.h>

#include <string_view>

#include "base/result.h"

namespace slipway::cachestore {

/// Which extended attributes overlayfs reads here: trusted.* needs root of the machine, user.* the mount option
/// `userxattr`. Linux 5.11: Documentation/filesystems/overlayfs.rst, "whiteouts and opaque directories".
enum class OverlayXattrs { kTrusted, kUser };

/// What this process can write: trusted for root outside any user namespace.
OverlayXattrs overlay_xattrs_here();

/// Hides everything of the lower layers in directory `dir_fd`.
Status make_opaque(int dir_fd, OverlayXattrs xattrs);
/// A whiteout: hides `name` of the lower layers. Linux 5.8: allowed in a user namespace, too.
Status make_whiteout(int dir_fd, const char* name);
bool is_whiteout(mode_t mode, dev_t device);

/// Whether an archive may set this attribute: known name spaces, nothing that overlayfs or a security module reads.
bool keeps_xattr(std::string_view name);

}  // namespace slipway::cachestore
