#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "runner/logs/live_area.h"
#include "runner/logs/output.h"

namespace slipway::runner {

/// A terminal whose last lines are redrawn in place. Each call is one write(2), so that no half-drawn frame is seen.
/// Spec: ECMA-48 CUU, EL, ED; DECTCEM for the cursor. Not thread-safe.
class Screen {
 public:
  explicit Screen(int fd) : out_(fd) {}
  /// Asked of the terminal at every call: no SIGWINCH handler needed. 80x24 when it does not say.
  ScreenSize size() const;
  /// Scrolls `permanent` (whole lines) up above the live area, and redraws that as `live`.
  void draw(std::string_view permanent, std::vector<std::string> live);
  /// Writes `permanent`, removes the live area and shows the cursor.
  void leave(std::string_view permanent);

 private:
  std::string to_top_of_live_area() const;

  TextOutput out_;
  std::vector<std::string> live_;  ///< As on the screen; the cursor stands below them.
  bool cursor_hidden_ = false;
};

}  // namespace slipway::runner
