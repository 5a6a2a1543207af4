// Any text as an image name: what is accepted reads back as itself from both of its written forms.
#include <cstdint>
#include <cstdlib>

#include "cachestore/reference.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using slipway::cachestore::Reference;
  const auto reference = Reference::parse({reinterpret_cast<const char*>(data), size});
  if (!reference) return 0;
  const auto canonical = Reference::parse(reference->canonical());
  const auto familiar = Reference::parse(reference->familiar());
  if (!canonical || !familiar || *canonical != *reference || *familiar != *reference) std::abort();
  return 0;
}
