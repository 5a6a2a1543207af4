#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/units.h"

namespace slipway::cachestore {

/// Header lines of one answer in their order; names are compared without case.
class Headers {
 public:
  void add(std::string_view name, std::string_view value);
  void clear() { lines_.clear(); }
  std::string_view first(std::string_view name) const;  ///< Empty when absent.
  std::vector<std::string_view> all(std::string_view name) const;
  std::string joined(
      std::string_view name) const;  ///< All values as one list. Spec: RFC 9110, 5.3.
  bool has(std::string_view name) const { return !all(name).empty(); }

 private:
  std::vector<std::pair<std::string, std::string>> lines_;  // names in lower case
};

/// "application/json; charset=utf-8" -> "application/json".
std::string media_type_of(std::string_view content_type);

/// "bytes 5-9/10" or "bytes 5-9/*". Spec: RFC 9110, 14.4.
struct ContentRange {
  std::uint64_t first = 0;
  std::uint64_t last = 0;
  std::optional<std::uint64_t> total;
};
std::optional<ContentRange> parse_content_range(std::string_view value);

/// How many bytes an upload has: "0-9" or "bytes=0-9" -> 10. "0-0" is what registries say of an empty upload and of one
/// byte: nobody uploads one byte in pieces, so it means none.
std::optional<std::uint64_t> parse_upload_range(std::string_view value);

/// Target of the first link with rel="next". Spec: RFC 8288.
std::optional<std::string> parse_next_link(std::string_view value);

/// Seconds or an HTTP date. Never negative.
std::optional<Millis> parse_retry_after(std::string_view value, WallTime now);

/// The text of `299 - "text"`. Spec: OCI distribution-spec, "Warnings".
std::optional<std::string> parse_warning(std::string_view value);

std::optional<std::uint64_t> parse_size_header(std::string_view digits);

}  // namespace slipway::cachestore
