#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace slipway::pipeline::dockerfile {

/// One code point at the start of `text`, which is not empty. An invalid byte is U+FFFD of length 1.
struct Character {
  char32_t code = 0;
  std::size_t bytes = 1;
};
Character first_character(std::string_view text);

/// The same, but an invalid byte B is 0xDC00 + B, so that names in other encodings stay apart.
Character first_raw_character(std::string_view text);

/// As Go's unicode package has it, which is what the reference implementation asks.
bool is_space(char32_t code);
bool is_letter(char32_t code);
bool is_digit(char32_t code);
/// Without white space at both ends.
std::string_view trim_space(std::string_view text);

/// Code points; an invalid byte B becomes 0xDC00 + B, so that to_bytes() gives the same bytes back.
std::u32string to_characters(std::string_view text);
std::string to_bytes(std::u32string_view text);

/// For messages: printable, in quotes, cut to a length a person reads.
std::string quoted(std::string_view text);

}  // namespace slipway::pipeline::dockerfile
