// How Go prints what stands in an image's history.
#include "runner/build/go_text.h"

#include <array>
#include <cstdint>
#include <cstdio>

#include "base/text.h"

namespace slipway::runner {
namespace {

std::string escaped(char c) {
  switch (c) {
    case '"':
      return "\\\"";
    case '\\':
      return "\\\\";
    case '\a':
      return "\\a";
    case '\b':
      return "\\b";
    case '\f':
      return "\\f";
    case '\n':
      return "\\n";
    case '\r':
      return "\\r";
    case '\t':
      return "\\t";
    case '\v':
      return "\\v";
    default:
      break;
  }
  std::array<char, 8> text{};
  std::snprintf(text.data(), text.size(), "\\x%02x", static_cast<unsigned char>(c));
  return text.data();
}

bool needs_escape(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte < 0x20 || byte == 0x7f || c == '"' || c == '\\';
}

/// `value` in units of `unit` with its fraction, without trailing zeros: 1500 of 1000 is "1.5".
std::string decimal(std::int64_t value, std::int64_t unit) {
  std::string text = std::to_string(value / unit);
  std::string fraction = std::to_string(unit + value % unit).substr(1);
  while (!fraction.empty() && fraction.back() == '0') fraction.pop_back();
  return fraction.empty() ? text : text + "." + fraction;
}

}  // namespace

std::string go_quote(std::string_view text) {
  const std::string valid = to_valid_utf8(text);
  std::string out = "\"";
  for (const char c : valid) out += needs_escape(c) ? escaped(c) : std::string(1, c);
  return out + "\"";
}

std::string go_quote(const std::vector<std::string>& words) {
  std::vector<std::string> quoted;
  for (const std::string& word : words) quoted.push_back(go_quote(word));
  return "[" + join(quoted, " ") + "]";
}

std::string go_list(const std::vector<std::string>& words) { return "[" + join(words, " ") + "]"; }

std::string go_duration(std::chrono::nanoseconds duration) {
  const std::int64_t nanos = duration.count();
  if (nanos == 0) return "0s";
  if (nanos < 1'000) return std::to_string(nanos) + "ns";
  if (nanos < 1'000'000) return decimal(nanos, 1'000) + "µs";
  if (nanos < 1'000'000'000) return decimal(nanos, 1'000'000) + "ms";
  const std::int64_t minutes = nanos / 60'000'000'000;
  std::string text = decimal(nanos % 60'000'000'000, 1'000'000'000) + "s";
  if (minutes > 0) text = std::to_string(minutes % 60) + "m" + text;
  if (minutes >= 60) text = std::to_string(minutes / 60) + "h" + text;
  return text;
}

}  // namespace slipway::runner
