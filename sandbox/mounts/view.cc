// Reading a stack from outside any container.
#include "sandbox/view.h"

#include <fcntl.h>

#include "base/files.h"
#include "sandbox/ids/engine_namespaces.h"
#include "sandbox/mounts/overlay.h"

namespace slipway::sandbox {

Result<Fd> open_view(const OverlayStack& stack) {
  const EngineNamespaces namespaces = SLIP_TRY(engine_namespaces());
  const Fd root = SLIP_TRY(open_file("/", O_PATH | O_DIRECTORY));
  const LayerView unshifted{
      .root = "", .directory = root.get(), .user_xattr = !namespaces.privileged};
  OverlayStack lowers;
  lowers.lowers = stack.lowers;
  const Fd mount = SLIP_TRY(mount_overlay(lowers, unshifted));
  return open_at(mount.get(), ".", O_RDONLY | O_DIRECTORY);
}

}  // namespace slipway::sandbox
