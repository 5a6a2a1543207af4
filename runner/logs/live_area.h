#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "runner/logs/run_view.h"
#include "runner/logs/style.h"

namespace slipway::runner {

struct ScreenSize {
  std::size_t columns = 80;
  std::size_t rows = 24;
};

/// The lines at the bottom of the terminal: running jobs with their step and timer, then "3/12 done". Fewer lines than
/// the screen has rows, each narrower than the screen; none when nothing runs.
std::vector<std::string> draw_live_area(const RunView& view, MonoTime now, std::size_t frame,
                                        ScreenSize size, const Style& style);

}  // namespace slipway::runner
