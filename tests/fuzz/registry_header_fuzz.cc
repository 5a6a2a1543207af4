// Any text as each of the other headers a registry sends, and as a URL: what is accepted keeps its promises.
#include <cstdint>
#include <cstdlib>

#include "cachestore/registry/header_values.h"
#include "cachestore/registry/url.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace slipway::cachestore;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  static const Url kBase =
      *Url::parse("https://registry.example:5000/v2/app/blobs/uploads/x?state=1");
  if (const auto range = parse_content_range(text)) {
    if (range->last < range->first || (range->total && *range->total <= range->last)) std::abort();
  }
  parse_upload_range(text);
  parse_warning(text);
  media_type_of(text);
  if (const auto wait = parse_retry_after(text, slipway::WallTime())) {
    if (wait->count() < 0) std::abort();
  }
  const auto link = parse_next_link(text);
  for (const std::string_view reference : {text, link ? std::string_view(*link) : text}) {
    const auto url = kBase.resolve(reference);
    if (!url) continue;
    // Written and read again it is the same, whoever reads it.
    const auto again = Url::parse(url->str());
    if (!again || *again != *url || url->path.empty() || url->path.front() != '/') std::abort();
  }
  return 0;
}
