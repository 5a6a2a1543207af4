// Whatever is parsed must be written to text that parses to the same value.
#include <cstdint>
#include <cstdlib>

#include "base/json.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const slipway::Result<slipway::Json> parsed = slipway::parse_json(text);
  if (!parsed) return 0;
  const slipway::Result<slipway::Json> compact = slipway::parse_json(parsed->dump());
  const slipway::Result<slipway::Json> pretty = slipway::parse_json(parsed->pretty());
  if (!compact || !pretty || *compact != *pretty) std::abort();
  // Doubles such as 1e2 come back as integers, so the second round is the fixed point.
  if (compact->dump() != parsed->dump()) std::abort();
  return 0;
}
