// An ignore file and, behind a NUL byte, a path: no crash, no hang, and a walker that skips folders loses nothing.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "pipeline/dockerfile.h"

using namespace slipway::pipeline;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::size_t border = text.find('\0');
  if (border == std::string_view::npos) return 0;
  const std::string_view path = text.substr(border + 1);
  (void)match_path(text.substr(0, border), path);
  const auto patterns = IgnorePatterns::parse(text.substr(0, border));
  if (!patterns || path.empty() || patterns->ignores(path)) return 0;
  for (std::size_t slash = path.find('/'); slash != std::string_view::npos;
       slash = path.find('/', slash + 1)) {
    const std::string_view folder = path.substr(0, slash);
    if (folder.empty() || folder == ".") continue;
    if (patterns->ignores(folder) && !patterns->may_include_below(folder)) std::abort();
  }
  return 0;
}
