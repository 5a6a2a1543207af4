// Cron lines: five fields and an optional zone. When they fire is computed by the server, not here.
#include <array>

#include "base/text.h"
#include "pipeline/check/scalars.h"

namespace slipway::pipeline {

namespace {

struct Field {
  std::string_view name;
  long long low;
  long long high;
  std::span<const std::string_view> names;
};

constexpr std::string_view kMonths[] = {"jan", "feb", "mar", "apr", "may", "jun",
                                        "jul", "aug", "sep", "oct", "nov", "dec"};
constexpr std::string_view kDays[] = {"sun", "mon", "tue", "wed", "thu", "fri", "sat"};
constexpr std::array<Field, 5> kFields{{{"minute", 0, 59, {}},
                                        {"hour", 0, 23, {}},
                                        {"day of month", 1, 31, {}},
                                        {"month", 1, 12, kMonths},
                                        {"day of week", 0, 7, kDays}}};

std::optional<long long> value_of(std::string_view text, const Field& field) {
  const std::string lower = to_lower(text);
  for (std::size_t at = 0; at < field.names.size(); ++at)
    if (lower == field.names[at]) return field.low + static_cast<long long>(at);
  const auto value = parse_int(text);
  if (!value || *value < field.low || *value > field.high) return std::nullopt;
  return value;
}

bool range_fits(std::string_view text, const Field& field) {
  if (text == "*" || text == "H") return true;
  if (text.starts_with("H(") && text.ends_with(")")) text = text.substr(2, text.size() - 3);
  const std::size_t dash = text.find('-');
  if (dash == std::string_view::npos) return value_of(text, field).has_value();
  const auto from = value_of(text.substr(0, dash), field);
  const auto to = value_of(text.substr(dash + 1), field);
  return from && to && *from <= *to;
}

bool field_fits(std::string_view text, const Field& field) {
  for (const std::string_view part : split(text, ',')) {
    const std::size_t slash = part.find('/');
    if (!range_fits(part.substr(0, slash), field)) return false;
    if (slash == std::string_view::npos) continue;
    const auto step = parse_int(part.substr(slash + 1));
    if (!step || *step < 1 || *step > field.high) return false;
  }
  return true;
}

// The zone database is not at hand here (no disk): only its form is checked.
bool zone_fits(std::string_view zone) {
  if (zone.size() > 64 || zone.front() < 'A' || zone.front() > 'Z') return false;
  for (const char c : zone) {
    const bool fine = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
                      c == '/' || c == '_' || c == '-' || c == '+';
    if (!fine) return false;
  }
  return true;
}

}  // namespace

std::optional<ScalarProblem> check_cron(std::string_view text) {
  std::vector<std::string_view> words;
  for (const std::string_view word : split(text, ' '))
    if (!word.empty()) words.push_back(word);
  if (words.size() < kFields.size() || words.size() > kFields.size() + 1)
    return ScalarProblem{
        "a cron line has five fields and an optional zone, found " + std::to_string(words.size()),
        "for example \"H 3 * * 1-5 Europe/Paris\""};
  for (std::size_t at = 0; at < kFields.size(); ++at) {
    if (field_fits(words[at], kFields[at])) continue;
    const Field& field = kFields[at];
    return ScalarProblem{
        "bad " + std::string(field.name) + " \"" + printable(ellipsize(words[at], 40)) + "\"",
        "from " + std::to_string(field.low) + " to " + std::to_string(field.high) +
            ", or *, lists, ranges, steps and H"};
  }
  if (words.size() > kFields.size() && !zone_fits(words.back()))
    return ScalarProblem{"bad zone \"" + printable(ellipsize(words.back(), 40)) + "\"",
                         "for example UTC or Europe/Paris"};
  return std::nullopt;
}

}  // namespace slipway::pipeline
