#pragma once

#include <cstdint>
#include <string_view>

namespace slipway::text {

/// The first character of a non-empty text. `valid` is false for a byte that starts no well-formed
/// sequence; `length` is then 1.
struct Character {
  std::uint32_t point = 0;
  std::size_t length = 1;
  bool valid = false;
};
Character first_character(std::string_view text);

/// Columns one code point takes on a terminal: 0, 1 or 2.
int column_width(std::uint32_t point);
/// Must never reach a terminal as it is: C0, DEL, C1, bidi controls, line separators, zero-width
/// and tag characters.
bool is_unsafe(std::uint32_t point);

}  // namespace slipway::text
