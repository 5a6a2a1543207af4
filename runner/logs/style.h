#pragma once

#include <string>
#include <string_view>

#include "runner/logs/event.h"

namespace slipway::runner {

/// How the run's state is coloured; one table in style.cc gives the SGR codes (the eight standard colours only, which
/// every theme keeps readable).
enum class Paint { kNone, kGood, kBad, kWarn, kDim, kBold, kRunning };

/// What the terminal or file can show.
struct Style {
  bool colour = false;
  bool utf8 = true;

  std::string paint(Paint paint, std::string_view text) const;
  std::string_view bar() const { return utf8 ? "│" : "|"; }
  std::string_view dot() const { return utf8 ? "·" : "-"; }
  std::string_view spinner(std::size_t frame) const;
  /// A line of job output made safe; ends with a colour reset when it may have left a colour on.
  std::string job_line(std::string_view line) const;
  std::string annotation_line(const Event& event) const;  ///< "error: src/a.c:12: message"
  std::string log_line(
      const Event& event) const;  ///< The same, with the runner's own words set off.
};

/// True when LC_ALL, LC_CTYPE or LANG (the first that is set) names UTF-8.
bool locale_is_utf8();

/// One row per status of an end event.
struct StatusLook {
  std::string_view name;
  std::string_view mark;  ///< UTF-8.
  std::string_view ascii_mark;
  Paint paint;
  bool failure;
};
/// Unknown names look like failures.
const StatusLook& look_of(std::string_view status);
std::string mark_of(std::string_view status, const Style& style);
/// "failed: exit code 2", "skipped: needs build", "timed out".
std::string outcome_text(const Event& end);
std::string seconds_text(double seconds);

}  // namespace slipway::runner
