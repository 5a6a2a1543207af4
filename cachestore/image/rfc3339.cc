// Reads and writes the time stamps of image documents, to the nanosecond.
#include "cachestore/image/config_json.h"

namespace slipway::cachestore {
namespace {

// A WallTime counts nanoseconds in 64 bits, which last from 1677 to 2262. Go's zero time, year 1, is "no time" anyway.
constexpr int kFirstYear = 1700;
constexpr int kLastYear = 2261;

// Fixed-width decimal field at `at`, or -1.
int field(std::string_view text, std::size_t at, std::size_t width) {
  if (at + width > text.size()) return -1;
  int value = 0;
  for (const char c : text.substr(at, width)) {
    if (c < '0' || c > '9') return -1;
    value = value * 10 + (c - '0');
  }
  return value;
}

bool in_range(int value, int low, int high) { return value >= low && value <= high; }

// "Z" or "+hh:mm" -> minutes east.
std::optional<int> parse_offset(std::string_view text) {
  if (text == "Z" || text == "z") return 0;
  if (text.size() != 6 || (text[0] != '+' && text[0] != '-') || text[3] != ':') return std::nullopt;
  const int hours = field(text, 1, 2);
  const int minutes = field(text, 4, 2);
  if (!in_range(hours, 0, 23) || !in_range(minutes, 0, 59)) return std::nullopt;
  return (text[0] == '-' ? -1 : 1) * (hours * 60 + minutes);
}

// ".678…" -> nanoseconds; advances past the digits.
std::chrono::nanoseconds take_fraction(std::string_view& rest) {
  std::int64_t nanos = 0;
  std::int64_t scale = 100'000'000;
  if (rest.empty() || rest.front() != '.') return std::chrono::nanoseconds(0);
  rest.remove_prefix(1);
  while (!rest.empty() && rest.front() >= '0' && rest.front() <= '9') {
    nanos += (rest.front() - '0') * scale;
    scale /= 10;
    rest.remove_prefix(1);
  }
  return std::chrono::nanoseconds(nanos);
}

}  // namespace

// Spec: RFC 3339, section 5.6.
std::optional<WallTime> parse_rfc3339(std::string_view text) {
  using std::chrono::day;
  using std::chrono::month;
  using std::chrono::year;
  if (text.size() < 20 || text.size() > 64) return std::nullopt;
  const bool separated = text[4] == '-' && text[7] == '-' && (text[10] == 'T' || text[10] == 't') &&
                         text[13] == ':' && text[16] == ':';
  const int years = field(text, 0, 4);
  const int months = field(text, 5, 2);
  const int days = field(text, 8, 2);
  const int hours = field(text, 11, 2);
  const int minutes = field(text, 14, 2);
  const int seconds = field(text, 17, 2);
  if (!separated || !in_range(years, kFirstYear, kLastYear) || months < 0 || days < 0) {
    return std::nullopt;
  }
  const std::chrono::year_month_day date(year(years), month(static_cast<unsigned>(months)),
                                         day(static_cast<unsigned>(days)));
  if (!date.ok() || !in_range(hours, 0, 23) || !in_range(minutes, 0, 59) ||
      !in_range(seconds, 0, 60)) {
    return std::nullopt;
  }
  std::string_view rest = text.substr(19);
  const auto fraction = take_fraction(rest);
  const auto offset = parse_offset(rest);
  if (!offset) return std::nullopt;
  return std::chrono::sys_days(date) + std::chrono::hours(hours) +
         std::chrono::minutes(minutes - *offset) + std::chrono::seconds(seconds) + fraction;
}

// As Go's RFC3339Nano, so that what docker wrote is written again unchanged.
std::string format_nanos(WallTime time) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(time);
  const auto nanos = std::chrono::duration_cast<std::chrono::nanoseconds>(time - seconds).count();
  std::string text = format_rfc3339(seconds);
  text.resize(text.find_first_of(".Z"));
  if (nanos != 0) {
    std::string digits = std::to_string(nanos);
    digits.insert(0, 9 - digits.size(), '0');
    digits.resize(digits.find_last_not_of('0') + 1);
    text += "." + digits;
  }
  return text + "Z";
}

}  // namespace slipway::cachestore
