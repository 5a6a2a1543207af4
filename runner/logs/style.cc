// Marks, colours and words that all sinks for people share.
#include "runner/logs/style.h"

#include <algorithm>
#include <array>
#include <cstdlib>

#include "base/text.h"
#include "base/units.h"

namespace slipway::runner {
namespace {

constexpr std::array<std::string_view, 7> kSgr{"", "32", "31", "33", "2", "1", "36"};  // by Paint

constexpr std::array<StatusLook, 8> kLooks{{
    {"succeeded", "✓", "+", Paint::kGood, false},
    {"warning", "!", "!", Paint::kWarn, false},
    {"skipped", "–", "-", Paint::kDim, false},
    {"cancelled", "–", "-", Paint::kWarn, false},
    {"failed", "✗", "x", Paint::kBad, true},
    {"timed-out", "✗", "x", Paint::kBad, true},
    {"out-of-memory", "✗", "x", Paint::kBad, true},
    {"error", "✗", "x", Paint::kBad, true},
}};

constexpr std::array<std::string_view, 10> kSpinner{"⠋", "⠙", "⠹", "⠸", "⠼",
                                                    "⠴", "⠦", "⠧", "⠇", "⠏"};
constexpr std::array<std::string_view, 4> kAsciiSpinner{"|", "/", "-", "\\"};

}  // namespace

std::string Style::paint(Paint how, std::string_view text) const {
  const std::string_view code = kSgr[static_cast<std::size_t>(how)];
  if (!colour || code.empty() || text.empty()) return std::string(text);
  std::string out = "\x1b[";
  out.append(code).append("m").append(text).append("\x1b[0m");
  return out;
}

std::string_view Style::spinner(std::size_t frame) const {
  return utf8 ? kSpinner[frame % kSpinner.size()] : kAsciiSpinner[frame % kAsciiSpinner.size()];
}

std::string Style::job_line(std::string_view line) const {
  std::string safe = terminal_safe(line, colour ? KeepColour::kYes : KeepColour::kNo);
  if (safe.find('\x1b') != std::string::npos) safe += "\x1b[0m";
  return safe;
}

std::string Style::annotation_line(const Event& event) const {
  const std::string_view level = event.details["level"].string_or("notice");
  const Paint how = level == "error"     ? Paint::kBad
                    : level == "warning" ? Paint::kWarn
                                         : Paint::kDim;
  std::string place(event.details["file"].string_or(""));
  const std::string_view line = event.details["line"].string_or("");
  if (!place.empty() && !line.empty()) place += ":" + std::string(line);
  return paint(how, level) + ": " + (place.empty() ? "" : printable(place) + ": ") +
         printable(event.line);
}

std::string Style::log_line(const Event& event) const {
  if (event.stream == "annotation") return annotation_line(event);
  if (event.stream == "group")
    return paint(Paint::kBold, std::string(utf8 ? "▸ " : "> ") + printable(event.line));
  if (event.stream != "slipway") return job_line(event.line);
  const Paint how = event.line.starts_with("$ ") ? Paint::kBold : Paint::kWarn;
  return paint(how, terminal_safe(event.line, KeepColour::kNo));
}

bool locale_is_utf8() {
  for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
    const char* value = std::getenv(name);
    if (value == nullptr || *value == '\0') continue;
    const std::string lower = to_lower(value);
    return lower.find("utf-8") != std::string::npos || lower.find("utf8") != std::string::npos;
  }
  return false;
}

const StatusLook& look_of(std::string_view status) {
  for (const StatusLook& look : kLooks) {
    if (look.name == status) return look;
  }
  return kLooks.back();
}

std::string mark_of(std::string_view status, const Style& style) {
  const StatusLook& look = look_of(status);
  return style.paint(look.paint, style.utf8 ? look.mark : look.ascii_mark);
}

std::string outcome_text(const Event& end) {
  std::string text = printable(end.status);
  for (char& c : text) {
    if (c == '-') c = ' ';
  }
  if (!end.reason.empty() && end.reason != text) {
    text += ": " + printable(end.reason);
  } else if (end.reason.empty() && end.exit_code != 0) {
    text += ": exit code " + std::to_string(end.exit_code);
  }
  return text;
}

std::string seconds_text(double seconds) {
  const Millis millis(static_cast<Millis::rep>(std::clamp(seconds, 0.0, 1e9) * 1000));
  if (millis < Millis(100)) return std::to_string(millis.count()) + "ms";
  return format_duration(millis);
}

}  // namespace slipway::runner
