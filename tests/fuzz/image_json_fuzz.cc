// Any text as an image config: accepted ones survive being written and read again.
#include <cstdint>
#include <cstdlib>

#include "cachestore/image/config_json.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace slipway::cachestore;
  const auto parsed = parse_config({reinterpret_cast<const char*>(data), size}, "fuzz");
  if (!parsed) return 0;
  const std::string text = make_config(parsed->config, parsed->diff_ids);
  const auto again = parse_config(text, "again");
  if (!again || again->diff_ids != parsed->diff_ids || !(again->config == parsed->config)) {
    std::abort();
  }
  return 0;
}
