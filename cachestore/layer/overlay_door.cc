// The door to overlay_format.cc for other rooms.
#include <sys/xattr.h>

#include "cachestore/layer/overlay_format.h"
#include "cachestore/overlay.h"

namespace slipway::cachestore {

bool is_removal(mode_t mode, dev_t device) { return is_whiteout(mode, device); }

bool hides_lower(int dir_fd) {
  const char* name = overlay_xattrs_here() == OverlayXattrs::kTrusted ? "trusted.overlay.opaque"
                                                                      : "user.overlay.opaque";
  char value = 0;
  return ::fgetxattr(dir_fd, name, &value, 1) == 1 && value == 'y';
}

Status hide_lower(int dir_fd) { return make_opaque(dir_fd, overlay_xattrs_here()); }

bool is_layer_xattr(std::string_view name) { return keeps_xattr(name); }

bool gives_all_ids() { return overlay_xattrs_here() == OverlayXattrs::kTrusted; }

}  // namespace slipway::cachestore
