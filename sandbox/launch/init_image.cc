// The embedded init program and the sealed memfd it runs from.
#include "sandbox/launch/init_image.h"

#include <string_view>

#include "base/fd.h"
#include "base/sys.h"

// Not read through a file at run time: the binary must not depend on where it lies.
asm(R"(
  .pushsection .rodata
  .globl slipway_init_begin
  .globl slipway_init_end
slipway_init_begin:
  .incbin ")" SLIPWAY_INIT_FILE R"("
slipway_init_end:
  .popsection
)");
extern "C" const char slipway_init_begin[];
extern "C" const char slipway_init_end[];

namespace slipway::sandbox {

Result<int> init_image() {
  static const Result<Fd> image = sys::memfd_sealed(
      "slipway-init",
      {slipway_init_begin, static_cast<std::size_t>(slipway_init_end - slipway_init_begin)});
  if (!image) return fail(image.error().clone());
  return image->get();
}

}  // namespace slipway::sandbox
