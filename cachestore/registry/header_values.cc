// Values of the few headers a registry client reads. Challenges have a file of their own (auth_header.cc).
#include "cachestore/registry/header_values.h"

#include <time.h>

#include <algorithm>

#include "base/text.h"

namespace slipway::cachestore {
namespace {

// Longest time a header may ask for; what is more is as good as never.
constexpr long long kYear = 366LL * 24 * 3600;

std::optional<std::string> quoted_text(std::string_view text) {
  if (!text.starts_with('"')) return std::nullopt;
  std::string result;
  for (std::size_t i = 1; i < text.size(); ++i) {
    if (text[i] == '"') return result;
    if (text[i] == '\\' && i + 1 < text.size()) ++i;
    result += text[i];
  }
  return std::nullopt;
}

/// True when one of the `;`-separated parameters is rel=next (the value may be a list of words).
bool is_next(std::string_view parameters) {
  for (const std::string_view parameter : split(parameters, ';')) {
    const std::size_t equals = parameter.find('=');
    if (equals == std::string_view::npos || to_lower(trim(parameter.substr(0, equals))) != "rel")
      continue;
    std::string_view value = trim(parameter.substr(equals + 1));
    if (value.size() >= 2 && value.front() == '"' && value.back() == '"')
      value = value.substr(1, value.size() - 2);
    const std::vector<std::string_view> words = split(value, ' ');
    return std::any_of(words.begin(), words.end(),
                       [](std::string_view word) { return to_lower(word) == "next"; });
  }
  return false;
}

}  // namespace

void Headers::add(std::string_view name, std::string_view value) {
  lines_.emplace_back(to_lower(name), std::string(value));
}

std::string_view Headers::first(std::string_view name) const {
  const std::vector<std::string_view> values = all(name);
  return values.empty() ? std::string_view() : values.front();
}

std::vector<std::string_view> Headers::all(std::string_view name) const {
  std::vector<std::string_view> values;
  const std::string key = to_lower(name);
  for (const auto& [line_name, value] : lines_) {
    if (line_name == key) values.push_back(value);
  }
  return values;
}

std::string Headers::joined(std::string_view name) const {
  std::string list;
  for (const std::string_view value : all(name)) {
    if (!list.empty()) list += ", ";
    list += value;
  }
  return list;
}

std::string media_type_of(std::string_view content_type) {
  return to_lower(trim(content_type.substr(0, content_type.find(';'))));
}

std::optional<std::uint64_t> parse_size_header(std::string_view digits) {
  // 18 digits: parse_int takes signs, and 2^63 has 19.
  if (digits.empty() || digits.size() > 18) return std::nullopt;
  if (!std::all_of(digits.begin(), digits.end(), [](char c) { return c >= '0' && c <= '9'; })) {
    return std::nullopt;
  }
  return static_cast<std::uint64_t>(*parse_int(digits));
}

std::optional<ContentRange> parse_content_range(std::string_view value) {
  if (!to_lower(value.substr(0, 6)).starts_with("bytes ")) return std::nullopt;
  value = trim(value.substr(6));
  const std::size_t dash = value.find('-');
  const std::size_t slash = value.find('/');
  if (dash == std::string_view::npos || slash == std::string_view::npos || slash < dash)
    return std::nullopt;
  const auto first = parse_size_header(value.substr(0, dash));
  const auto last = parse_size_header(value.substr(dash + 1, slash - dash - 1));
  const std::string_view total = value.substr(slash + 1);
  if (!first || !last || *last < *first) return std::nullopt;
  ContentRange range{*first, *last, parse_size_header(total)};
  if (total != "*" && (!range.total || *range.total <= *last)) return std::nullopt;
  return range;
}

std::optional<std::uint64_t> parse_upload_range(std::string_view value) {
  value = trim(value);
  if (value.starts_with("bytes=")) value.remove_prefix(6);
  const std::size_t dash = value.find('-');
  if (dash == std::string_view::npos) return std::nullopt;
  const auto first = parse_size_header(value.substr(0, dash));
  const auto last = parse_size_header(value.substr(dash + 1));
  if (!first || !last || *first != 0) return std::nullopt;
  return *last == 0 ? 0 : *last + 1;
}

std::optional<std::string> parse_next_link(std::string_view value) {
  while (true) {
    const std::size_t open = value.find('<');
    if (open == std::string_view::npos) return std::nullopt;
    const std::size_t close = value.find('>', open);
    if (close == std::string_view::npos) return std::nullopt;
    const std::string_view target = value.substr(open + 1, close - open - 1);
    value.remove_prefix(close + 1);
    const std::string_view parameters = value.substr(0, value.find('<'));
    const std::size_t comma = parameters.rfind(',');  // of the next link, if there is one
    const bool more = parameters.size() < value.size();
    if (is_next(more ? parameters.substr(0, comma) : parameters)) return std::string(target);
  }
}

std::optional<Millis> parse_retry_after(std::string_view value, WallTime now) {
  value = trim(value);
  if (const auto seconds = parse_size_header(value)) {
    return Millis(std::min<long long>(static_cast<long long>(*seconds), kYear) * 1000);
  }
  struct tm date {};
  const std::string text(value.substr(0, 64));
  const char* end = ::strptime(text.c_str(), "%a, %d %b %Y %H:%M:%S GMT", &date);
  if (end == nullptr || *end != '\0') return std::nullopt;
  const long long left = ::timegm(&date) - std::chrono::system_clock::to_time_t(now);
  return Millis(std::clamp<long long>(left, 0, kYear) * 1000);
}

std::optional<std::string> parse_warning(std::string_view value) {
  value = trim(value);
  if (!value.starts_with("299 ")) return std::nullopt;
  value = trim(value.substr(4));
  const std::size_t blank = value.find(' ');  // behind the agent, "-" by the spec
  return blank == std::string_view::npos ? std::nullopt : quoted_text(trim(value.substr(blank)));
}

}  // namespace slipway::cachestore
