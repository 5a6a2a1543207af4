// UTF-8 and classes of characters, as the language's reference implementation (written in Go) sees them.
#include "pipeline/dockerfile/characters.h"

#include <re2/re2.h>

#include "base/text.h"

namespace slipway::pipeline::dockerfile {
namespace {

constexpr char32_t kReplacement = 0xFFFD;
constexpr char32_t kRawByte = 0xDC00;    // low surrogates cannot come out of valid UTF-8
constexpr std::size_t kShownWidth = 80;  // columns of a line in a terminal

bool continues(std::string_view text, std::size_t at) {
  return at < text.size() && (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80;
}

void append(std::string& out, char32_t code) {
  if (code < 0x80) {
    out += static_cast<char>(code);
  } else if (code < 0x800) {
    out += static_cast<char>(0xC0 | (code >> 6));
    out += static_cast<char>(0x80 | (code & 0x3F));
  } else if (code < 0x10000) {
    out += static_cast<char>(0xE0 | (code >> 12));
    out += static_cast<char>(0x80 | ((code >> 6) & 0x3F));
    out += static_cast<char>(0x80 | (code & 0x3F));
  } else {
    out += static_cast<char>(0xF0 | (code >> 18));
    out += static_cast<char>(0x80 | ((code >> 12) & 0x3F));
    out += static_cast<char>(0x80 | ((code >> 6) & 0x3F));
    out += static_cast<char>(0x80 | (code & 0x3F));
  }
}

bool is_of(char32_t code, const RE2& set) {
  std::string text;
  append(text, code);
  return RE2::FullMatch(text, set);
}

}  // namespace

Character first_character(std::string_view text) {
  const auto byte = [&](std::size_t at) {
    return static_cast<char32_t>(static_cast<unsigned char>(text[at]));
  };
  const char32_t lead = byte(0);
  if (lead < 0x80) return {lead, 1};
  std::size_t bytes = 0;
  char32_t code = 0;
  if (lead >= 0xC2 && lead <= 0xDF) bytes = 2, code = lead & 0x1F;
  if (lead >= 0xE0 && lead <= 0xEF) bytes = 3, code = lead & 0x0F;
  if (lead >= 0xF0 && lead <= 0xF4) bytes = 4, code = lead & 0x07;
  if (bytes == 0) return {kReplacement, 1};
  for (std::size_t i = 1; i < bytes; ++i) {
    if (!continues(text, i)) return {kReplacement, 1};
    code = (code << 6) | (byte(i) & 0x3F);
  }
  const bool overlong = (bytes == 3 && code < 0x800) || (bytes == 4 && code < 0x10000);
  const bool surrogate = code >= 0xD800 && code <= 0xDFFF;
  if (overlong || surrogate || code > 0x10FFFF) return {kReplacement, 1};
  return {code, bytes};
}

Character first_raw_character(std::string_view text) {
  const Character first = first_character(text);
  if (first.code != kReplacement || first.bytes != 1) return first;
  return {kRawByte + static_cast<unsigned char>(text[0]), 1};
}

bool is_space(char32_t code) {
  switch (code) {
    case 0x1680:
    case 0x2028:
    case 0x2029:
    case 0x202F:
    case 0x205F:
    case 0x3000:
      return true;
    default:
      return (code >= 0x09 && code <= 0x0D) || code == 0x20 || code == 0x85 || code == 0xA0 ||
             (code >= 0x2000 && code <= 0x200A);
  }
}

bool is_letter(char32_t code) {
  if (code < 0x80) return (code >= 'a' && code <= 'z') || (code >= 'A' && code <= 'Z');
  static const RE2 letters("\\pL");
  return is_of(code, letters);
}

bool is_digit(char32_t code) {
  if (code < 0x80) return code >= '0' && code <= '9';
  static const RE2 digits("\\p{Nd}");
  return is_of(code, digits);
}

std::string_view trim_space(std::string_view text) {
  while (!text.empty()) {
    const Character first = first_character(text);
    if (!is_space(first.code)) break;
    text.remove_prefix(first.bytes);
  }
  while (!text.empty()) {
    std::size_t last = text.size() - 1;
    while (last > 0 && text.size() - last < 4 && continues(text, last)) --last;
    const Character character = first_character(text.substr(last));
    if (character.bytes != text.size() - last || !is_space(character.code)) break;
    text.remove_suffix(character.bytes);
  }
  return text;
}

std::u32string to_characters(std::string_view text) {
  std::u32string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const Character first = first_raw_character(text);
    out += first.code;
    text.remove_prefix(first.bytes);
  }
  return out;
}

std::string to_bytes(std::u32string_view text) {
  std::string out;
  out.reserve(text.size());
  for (const char32_t code : text) {
    if (code >= kRawByte && code < kRawByte + 0x100) {
      out += static_cast<char>(code - kRawByte);
    } else {
      append(out, code);
    }
  }
  return out;
}

std::string quoted(std::string_view text) {
  return '"' + ellipsize(printable(text), kShownWidth) + '"';
}

}  // namespace slipway::pipeline::dockerfile
