// The spellings of a secret that a log may contain. Each encoder appends to a list; one table says
// which apply when.
#include "runner/logs/secret_forms.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/text.h"

namespace slipway::runner {
namespace {

using Forms = std::vector<std::string>;

constexpr std::size_t kMinForm = 4;                  // shorter ones would mask ordinary words
constexpr std::size_t kLong = std::size_t{4} << 10;  // longer values are files; see the header

std::string replace_all(std::string text, std::string_view from, std::string_view to) {
  for (std::size_t at = text.find(from); at != std::string::npos;
       at = text.find(from, at + to.size())) {
    text.replace(at, from.size(), to);
  }
  return text;
}

std::string upper(std::string text) {
  for (char& c : text) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  return text;
}

void raw(std::string_view value, Forms& out) {
  out.emplace_back(value);
  if (value.find('\n') != std::string_view::npos) {
    out.push_back(
        replace_all(std::string(value), "\n", "\r\n"));  // through a pty, ONLCR of termios(3)
  }
}

// Both base64 alphabets of RFC 4648.
void add_base64(const std::string& encoded, Forms& out) {
  std::string url = encoded;
  std::replace(url.begin(), url.end(), '+', '-');
  std::replace(url.begin(), url.end(), '/', '_');
  if (url != encoded) out.push_back(std::move(url));
  out.push_back(encoded);
}

/// Inside a longer text the value may start at any of three phases; the first and last digits then
/// mix with its neighbours' bits, so only the digits that the value alone decides are kept.
void base64(std::string_view value, Forms& out) {
  for (std::size_t phase = 0; phase < 3; ++phase) {
    const std::string encoded = base64_encode(std::string(phase, '\0') + std::string(value));
    const std::size_t first = (phase * 8 + 5) / 6;
    const std::size_t end = (phase + value.size()) * 8 / 6;
    if (end <= first) continue;
    add_base64(encoded.substr(first, end - first), out);
    // Where the text ends with the value, its last bits are in one more digit, which padding may follow.
    add_base64(encoded.substr(first), out);
    add_base64(encoded.substr(first, encoded.find_last_not_of('=') + 1 - first), out);
  }
}

/// base64(1) wraps at 76 columns, PEM and openssl at 64: each full or last line is a form of its
/// own.
void wrapped_base64(std::string_view value, Forms& out) {
  const std::string encoded = base64_encode(value);
  constexpr std::size_t kMinTail = 8;  // a last line of fewer digits is too common a word
  for (const std::size_t columns : {std::size_t{76}, std::size_t{64}}) {
    if (encoded.size() <= columns) continue;
    for (std::size_t at = 0; at < encoded.size(); at += columns) {
      const std::string line = encoded.substr(at, columns);
      if (line.size() >= kMinTail) out.push_back(line);
    }
  }
}

void hex(std::string_view value, Forms& out) {
  std::string digits = hex_encode(value);
  out.push_back(upper(digits));
  out.push_back(std::move(digits));
}

std::string percent(std::string_view value, std::string_view also_kept, bool lower_case) {
  std::string out;
  for (const char c : value) {
    if (also_kept.find(c) != std::string_view::npos) {
      out += c;
    } else {
      const std::string code = percent_encode(std::string_view(&c, 1));
      out += lower_case && code.size() > 1 ? to_lower(code) : code;
    }
  }
  return out;
}

void percent_encoded(std::string_view value, Forms& out) {
  // RFC 3986; then JavaScript's encodeURIComponent and encodeURI, which leave more as it is.
  for (const std::string_view kept : {"", "!'()*", "!'()*;/?:@&=+$,#"}) {
    for (const bool lower_case : {false, true}) out.push_back(percent(value, kept, lower_case));
  }
  for (const bool lower_case : {false, true}) {  // application/x-www-form-urlencoded
    out.push_back(replace_all(percent(value, "*", lower_case), "%20", "+"));
  }
}

enum class JsonDialect { kMinimal, kSlashes, kHtmlSafe, kAscii };

void append_json_escape(char32_t point, std::string& out) {
  if (point >= 0x10000) {
    out += fmt::format("\\u{:04x}\\u{:04x}", 0xD800 + ((point - 0x10000) >> 10),
                       0xDC00 + ((point - 0x10000) & 0x3FF));
  } else {
    out += fmt::format("\\u{:04x}", static_cast<std::uint32_t>(point));
  }
}

/// Code point of the UTF-8 sequence at the front; `text` is valid UTF-8.
char32_t decode(std::string_view text, std::size_t& length) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  length = byte(0) < 0x80 ? 1 : byte(0) < 0xE0 ? 2 : byte(0) < 0xF0 ? 3 : 4;
  if (length == 1) return byte(0);
  char32_t point = byte(0) & (0xFFu >> (length + 1));
  for (std::size_t i = 1; i < length; ++i) point = (point << 6) | (byte(i) & 0x3Fu);
  return point;
}

std::string json_text(std::string_view value, JsonDialect dialect) {
  static constexpr std::string_view kShort = "\"\"\\\\\bb\ff\nn\rr\tt";
  std::string out;
  for (std::size_t i = 0, length = 1; i < value.size(); i += length) {
    const char32_t point = decode(value.substr(i), length);
    const char c = value[i];
    std::size_t at = 0;
    while (at < kShort.size() && kShort[at] != c) at += 2;
    if (at < kShort.size()) {
      out += '\\';
      out += kShort[at + 1];
    } else if (dialect == JsonDialect::kSlashes && c == '/') {
      out += "\\/";
    } else if (point < 0x20 || (dialect == JsonDialect::kAscii && point > 0x7E) ||
               (dialect == JsonDialect::kHtmlSafe && (c == '<' || c == '>' || c == '&'))) {
      append_json_escape(point, out);
    } else {
      out += value.substr(i, length);
    }
  }
  return out;
}

void json_escaped(std::string_view value, Forms& out) {
  if (!valid_utf8(value)) return;  // has no JSON form
  for (const JsonDialect dialect : {JsonDialect::kMinimal, JsonDialect::kSlashes,
                                    JsonDialect::kHtmlSafe, JsonDialect::kAscii}) {
    out.push_back(json_text(value, dialect));
  }
}

void shell_quoted(std::string_view value, Forms& out) {
  out.push_back(
      replace_all(std::string(value), "'", "'\\''"));  // sh -x, shlex.quote of python: '"'"'
  out.push_back(replace_all(std::string(value), "'", "'\"'\"'"));
  std::string in_double_quotes;
  std::string backslashed;  // printf %q
  for (const char c : value) {
    if (std::string_view("\"\\$`").find(c) != std::string_view::npos) in_double_quotes += '\\';
    if (std::string_view(" \t!\"#$&'()*,;<>?[\\]^`{|}~").find(c) != std::string_view::npos)
      backslashed += '\\';
    in_double_quotes += c;
    backslashed += c;
  }
  out.push_back(std::move(in_double_quotes));
  out.push_back(std::move(backslashed));
}

struct Encoder {
  void (*append)(std::string_view value, Forms& out);
  bool for_long_values;
};
constexpr std::array<Encoder, 7> kEncoders{{
    {raw, true},
    {base64, true},
    {wrapped_base64, true},
    {json_escaped, true},
    {hex, false},
    {percent_encoded, false},
    {shell_quoted, false},
}};

void encode(std::string_view value, Forms& out) {
  for (const Encoder& encoder : kEncoders) {
    if (value.size() <= kLong || encoder.for_long_values) encoder.append(value, out);
  }
}

}  // namespace

std::vector<std::string> secret_forms(std::string_view value) {
  Forms out;
  encode(value, out);
  const std::vector<std::string_view> lines = split(value, '\n');
  for (const std::string_view line : lines) {
    const std::string_view part = trim(line);
    if (part.size() >= kMinForm && part != value) encode(part, out);
  }
  std::erase_if(out, [](const std::string& form) { return form.size() < kMinForm; });
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

}  // namespace slipway::runner
