#pragma once

#include "base/result.h"
#include "base/units.h"

namespace slipway::sandbox {

/// Filling a volume from an image, whole or not at all: files are copied to `staging.part`, which becomes `staging` by
/// a rename once it is complete; then its entries move into `data` one by one. (Renaming staging over data would leave
/// a container that mounts the empty volume already with a directory nobody sees.) `volume_fd` is the volume's own
/// directory, locked by the caller.
Status populate_volume(int volume_fd, int image_dir_fd);
/// What a killed process left: a complete `staging` goes on into `data`, a part is removed.
Status finish_populating(int volume_fd);

/// Blocks of everything below a directory, as du counts; unreadable parts are left out.
ByteCount volume_size(int dir_fd);

}  // namespace slipway::sandbox
