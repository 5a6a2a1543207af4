// A pattern and a path, separated by a newline: no crash, no endless loop, and pruning never hides
// a match.
#include <cstdint>
#include <cstdlib>

#include "base/glob.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::size_t border = text.find('\n');
  if (border == std::string_view::npos) return 0;
  const std::string_view path = text.substr(border + 1);
  const slipway::Result<slipway::Glob> glob = slipway::Glob::compile(text.substr(0, border));
  if (!glob || !glob->matches(path)) return 0;
  for (std::size_t slash = path.find('/'); slash != std::string_view::npos;
       slash = path.find('/', slash + 1)) {
    if (!glob->may_match_below(path.substr(0, slash))) std::abort();
  }
  return 0;
}
