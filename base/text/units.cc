// Sizes and durations as people write and read them.
#include "base/units.h"

#include <fmt/format.h>

#include <cmath>
#include <limits>

#include "base/text.h"

namespace slipway {
namespace {

struct SizeUnit {
  std::string_view name;
  int shift;
};
constexpr SizeUnit kSizeUnits[] = {
    {"", 0},     {"b", 0},  {"k", 10},  {"kb", 10},  {"kib", 10}, {"m", 20},  {"mb", 20},
    {"mib", 20}, {"g", 30}, {"gb", 30}, {"gib", 30}, {"t", 40},   {"tb", 40}, {"tib", 40},
};

struct TimeUnit {
  std::string_view name;
  std::int64_t millis;
};
constexpr TimeUnit kTimeUnits[] = {
    {"ms", 1}, {"s", 1000}, {"m", 60'000}, {"h", 3'600'000}, {"d", 86'400'000}, {"w", 604'800'000},
};

// A century: longer is a slip of the keyboard, and sums of two still fit.
constexpr std::int64_t kMaxMillis = std::int64_t{36'525} * 86'400'000;

// Texts come from files and flags: repeat them in errors, but cut and made printable.
std::string quoted(std::string_view text) {
  return "\"" + ellipsize(printable(text.substr(0, 200)), 40) + "\"";
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Decimal number with an optional fraction at the front of `text`, removed from it. At most 18
// digits, so that the parts fit.
struct Decimal {
  std::uint64_t whole = 0;
  double fraction = 0;
  bool valid = false;
};
Decimal take_decimal(std::string_view& text) {
  Decimal out;
  std::size_t digits = 0;
  while (!text.empty() && is_digit(text[0]) && digits < 18) {
    out.whole = out.whole * 10 + static_cast<std::uint64_t>(text[0] - '0');
    text.remove_prefix(1);
    ++digits;
  }
  if (digits == 0) return out;
  if (text.size() > 1 && text[0] == '.' && is_digit(text[1])) {
    text.remove_prefix(1);
    for (double place = 0.1; !text.empty() && is_digit(text[0]); place /= 10) {
      out.fraction += place * (text[0] - '0');
      text.remove_prefix(1);
    }
  }
  out.valid = text.empty() || !is_digit(text[0]);
  return out;
}

}  // namespace

Result<ByteCount> parse_size(std::string_view text) {
  std::string_view rest = trim(text);
  const auto bad = [&](std::string_view cause) {
    return fail(ErrorCode::kInvalid, "parse size " + quoted(text) + ": " + std::string(cause));
  };
  const Decimal number = take_decimal(rest);
  if (!number.valid) return bad("must be a number with a unit, such as 512m");
  const std::string unit = to_lower(trim(rest));
  for (const SizeUnit& candidate : kSizeUnits) {
    if (candidate.name != unit) continue;
    const std::uint64_t scale = std::uint64_t{1} << candidate.shift;
    if (number.whole > (std::numeric_limits<std::uint64_t>::max() >> candidate.shift) / 2) {
      return bad("too large");
    }
    const double part = number.fraction * static_cast<double>(scale);
    return ByteCount{number.whole * scale + static_cast<std::uint64_t>(std::llround(part))};
  }
  return bad("unknown unit (use k, m, g or t)");
}

std::string format_size(ByteCount size) {
  constexpr std::string_view kNames[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  if (size.value < 1024) return fmt::format("{} B", size.value);
  auto value = static_cast<double>(size.value);
  std::size_t unit = 0;
  // 1023.5 would print as 1024 in three digits; it belongs to the next unit.
  while (value >= 1023.5 && unit + 1 < std::size(kNames)) {
    value /= 1024;
    ++unit;
  }
  const int decimals = value < 9.995 ? 2 : value < 99.95 ? 1 : 0;
  std::string digits = fmt::format("{:.{}f}", value, decimals);
  if (decimals > 0) {
    digits.erase(digits.find_last_not_of('0') + 1);
    if (digits.back() == '.') digits.pop_back();
  }
  return digits + " " + std::string(kNames[unit]);
}

Result<Millis> parse_duration(std::string_view text) {
  std::string_view rest = trim(text);
  const auto bad = [&](std::string_view cause) {
    return fail(ErrorCode::kInvalid, "parse duration " + quoted(text) + ": " + std::string(cause));
  };
  if (rest.empty()) return bad("must be a number with a unit, such as 90s or 1h30m");
  std::int64_t total = 0;
  std::int64_t previous_unit = std::numeric_limits<std::int64_t>::max();
  while (!rest.empty()) {
    const Decimal number = take_decimal(rest);
    if (!number.valid) return bad("must be a number with a unit, such as 90s or 1h30m");
    std::size_t letters = 0;
    while (letters < rest.size() && rest[letters] >= 'a' && rest[letters] <= 'z') ++letters;
    const std::string_view name = rest.substr(0, letters);
    rest.remove_prefix(letters);
    if (name.empty()) return bad("the unit is missing (use ms, s, m, h or d)");
    const TimeUnit* unit = nullptr;
    for (const TimeUnit& candidate : kTimeUnits) {
      if (candidate.name == name) unit = &candidate;
    }
    if (unit == nullptr) return bad("unknown unit (use ms, s, m, h or d)");
    if (unit->millis >= previous_unit) return bad("units must go from large to small");
    previous_unit = unit->millis;
    if (number.whole > static_cast<std::uint64_t>(kMaxMillis / unit->millis))
      return bad("too long");
    total += static_cast<std::int64_t>(number.whole) * unit->millis +
             std::llround(number.fraction * static_cast<double>(unit->millis));
    if (total > kMaxMillis) return bad("too long");
  }
  return Millis(total);
}

std::string format_duration(Millis duration) {
  const std::int64_t millis = std::max<std::int64_t>(duration.count(), 0);
  if (millis < 9'950) return fmt::format("{:.1f}s", static_cast<double>(millis) / 1000);
  const std::int64_t seconds = (millis + 500) / 1000;
  if (seconds < 60) return fmt::format("{}s", seconds);
  if (seconds < 3600) return fmt::format("{}m{:02}s", seconds / 60, seconds % 60);
  if (seconds < 86'400) return fmt::format("{}h{:02}m", seconds / 3600, seconds / 60 % 60);
  return fmt::format("{}d{:02}h", seconds / 86'400, seconds / 3600 % 24);
}

}  // namespace slipway
