// Cursor movement and erasing for the live area.
#include "runner/logs/screen.h"

#include <sys/ioctl.h>

#include <algorithm>

#include "base/text.h"

namespace slipway::runner {
namespace {

constexpr std::string_view kEraseLineEnd = "\x1b[K";
constexpr std::string_view kEraseBelow = "\x1b[J";
constexpr std::string_view kHideCursor = "\x1b[?25l";
constexpr std::string_view kShowCursor = "\x1b[?25h";

}  // namespace

ScreenSize Screen::size() const {
  struct winsize window {};
  ScreenSize size;
  if (::ioctl(out_.fd(), TIOCGWINSZ, &window) != 0) return size;
  if (window.ws_col > 0) size.columns = window.ws_col;
  if (window.ws_row > 0) size.rows = window.ws_row;
  return size;
}

/// Terminals re-wrap lines when they become narrower, so a drawn line may by now take several rows.
std::string Screen::to_top_of_live_area() const {
  if (live_.empty()) return "\r";
  const ScreenSize now = size();
  std::size_t rows = 0;
  for (const std::string& line : live_) {
    rows += std::max<std::size_t>(1, (display_width(line) + now.columns - 1) / now.columns);
  }
  rows = std::min(rows, now.rows - 1);
  return "\r\x1b[" + std::to_string(std::max<std::size_t>(1, rows)) + "A";
}

void Screen::draw(std::string_view permanent, std::vector<std::string> live) {
  if (permanent.empty() && live == live_) return;
  std::string frame;
  if (!cursor_hidden_) frame += kHideCursor;
  cursor_hidden_ = true;
  frame += to_top_of_live_area();
  // Permanent lines may wrap over several rows of the old live area: clear it first. Without them
  // each line is overwritten in place, which never shows an empty area.
  if (!permanent.empty()) frame.append(kEraseBelow).append(permanent);
  for (const std::string& line : live) frame.append(line).append(kEraseLineEnd).append("\n");
  frame += kEraseBelow;
  out_.write(frame);
  live_ = std::move(live);
}

void Screen::leave(std::string_view permanent) {
  std::string frame;
  if (!live_.empty()) frame.append(to_top_of_live_area()).append(kEraseBelow);
  frame += permanent;
  if (cursor_hidden_) frame += kShowCursor;
  cursor_hidden_ = false;
  live_.clear();
  out_.write(frame);
}

}  // namespace slipway::runner
