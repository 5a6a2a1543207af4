// From an image's name to a stack that a container can stand on.
#include "base/text.h"
#include "runner/execute/job_state.h"

namespace slipway::runner {

Result<StepImage> resolve_image(cachestore::Store& store, const std::string& name) {
  StepImage image;
  image.name = name;
  if (name == "host") {
    image.host_tools = true;
    image.config.env = {"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"};
    image.stack.push(SLIP_TRY(host_base(store)));
    return image;
  }
  Result<cachestore::Image> found = store.image(name);
  if (!found && found.error().code() == ErrorCode::kNotFound) {
    return fail(ErrorCode::kNotFound, std::move(found).error().text() +
                                          "; bring it in with `runner image import ROOTFS.tar " +
                                          shell_quote(name) + "`");
  }
  cachestore::Image stored = SLIP_TRY(std::move(found));
  image.config = std::move(stored.config);
  for (cachestore::Snapshot& layer : stored.layers) image.stack.push(std::move(layer));
  if (image.stack.snapshots().empty()) image.stack.push(SLIP_TRY(empty_base(store)));
  return image;
}

}  // namespace slipway::runner
