// Markers in job output.
#include "runner/logs/markers.h"

#include <algorithm>
#include <array>

#include "base/text.h"

namespace slipway::runner {
namespace {

constexpr std::size_t kLongestTitle = 500;
constexpr std::string_view kEraseLine = "\x1b[0K";

/// GitHub: workflow commands, "%25 %0D %0A" in messages and also "%3A %2C" in properties.
std::string unescape(std::string_view text) {
  constexpr std::array<std::pair<std::string_view, char>, 5> kEscapes{
      {{"%0A", '\n'}, {"%0D", '\r'}, {"%3A", ':'}, {"%2C", ','}, {"%25", '%'}}};
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto found = std::find_if(kEscapes.begin(), kEscapes.end(), [&](const auto& escape) {
      return text.substr(i, escape.first.size()) == escape.first;
    });
    out += found == kEscapes.end() ? text[i] : found->second;
    if (found != kEscapes.end()) i += found->first.size() - 1;
  }
  return out;
}

std::string shortened(std::string_view text) {
  return to_valid_utf8(trim(text).substr(0, kLongestTitle));
}

std::optional<LogMarker> annotation(std::string_view level, std::string_view rest) {
  const std::size_t end = rest.find("::");
  if (end == std::string_view::npos || (end > 0 && rest[0] != ' ')) return std::nullopt;
  LogMarker marker;
  marker.kind = LogMarker::Kind::kAnnotation;
  marker.level = level;
  marker.text = shortened(unescape(rest.substr(end + 2)));
  for (const std::string_view property : split(rest.substr(0, end), ',')) {
    const std::string_view pair = trim(property);
    const std::size_t equals = pair.find('=');
    if (equals == std::string_view::npos) continue;
    const std::string value = shortened(unescape(pair.substr(equals + 1)));
    if (pair.substr(0, equals) == "file") marker.file = value;
    if (pair.substr(0, equals) == "line") marker.line = value;
  }
  return marker;
}

std::optional<LogMarker> command(std::string_view line) {
  LogMarker marker;
  if (line.starts_with("group::")) {
    marker.text = shortened(line.substr(7));
    return marker;
  }
  if (line.starts_with("endgroup::")) {
    marker.kind = LogMarker::Kind::kEndGroup;
    return marker;
  }
  for (const std::string_view level : {"error", "warning", "notice"}) {
    if (line.starts_with(level)) return annotation(level, line.substr(level.size()));
  }
  return std::nullopt;
}

/// "section_start:1560896352:name[collapsed=true]\r\e[0KTitle"
std::optional<LogMarker> section(std::string_view line) {
  if (line.starts_with(kEraseLine)) line.remove_prefix(kEraseLine.size());
  const bool begins = line.starts_with("section_start:");
  if (!begins && !line.starts_with("section_end:")) return std::nullopt;
  const std::size_t time = line.find(':') + 1;
  const std::size_t colon = line.find(':', time);
  if (colon == std::string_view::npos || colon == time) return std::nullopt;
  const std::string_view digits = line.substr(time, colon - time);
  if (!std::all_of(digits.begin(), digits.end(), [](char c) { return c >= '0' && c <= '9'; }))
    return std::nullopt;
  LogMarker marker;
  if (!begins) {
    marker.kind = LogMarker::Kind::kEndGroup;
    return marker;
  }
  const std::string_view rest = line.substr(colon + 1);
  const std::size_t title = rest.find('\r');
  if (title != std::string_view::npos)
    marker.text = shortened(terminal_safe(rest.substr(title + 1), KeepColour::kNo));
  if (marker.text.empty()) marker.text = shortened(rest.substr(0, rest.find_first_of("[\r")));
  return marker;
}

}  // namespace

std::optional<LogMarker> parse_marker(std::string_view line) {
  if (line.starts_with("::")) return command(line.substr(2));
  if (line.starts_with("##[")) {  // older GitHub: ##[group]Title, ##[endgroup]
    if (line.starts_with("##[group]")) return command("group::" + std::string(line.substr(9)));
    if (line.starts_with("##[endgroup]")) return command("endgroup::");
    return std::nullopt;
  }
  return section(line);
}

}  // namespace slipway::runner
