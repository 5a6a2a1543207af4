// Cursor movement and erasing for the live area.
#include "runner/logs/screen.h"

#include <sys/ioctl.h>

#include <algorithm>

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

/// A terminal made narrower may have wrapped the drawn lines again, or cut them: terminals differ. Counting each as
/// one row leaves
/// a piece of the old live area behind at worst; counting more could erase permanent lines.
std::string Screen::to_top_of_live_area() const {
  const std::size_t rows = std::min(live_.size(), size().rows - 1);
  return rows == 0 ? "\r" : "\r\x1b[" + std::to_string(rows) + "A";
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
