// "5 minutes ago" for lists.
#include "runner/cli/relative_time.h"

#include <array>
#include <cstdint>

namespace slipway::runner {
namespace {

struct Unit {
  const char* name;
  std::int64_t seconds;
  std::int64_t up_to;  ///< Used below this many seconds.
};
// The borders are docker's (go-units HumanDuration): two of the next unit before it takes over.
constexpr std::array<Unit, 7> kUnits{{{"second", 1, 60},
                                      {"minute", 60, 3'600},
                                      {"hour", 3'600, 48 * 3'600},
                                      {"day", 86'400, 14 * 86'400},
                                      {"week", 7 * 86'400, 60 * 86'400},
                                      {"month", 30 * 86'400, 730 * 86'400},
                                      {"year", 365 * 86'400, INT64_MAX}}};

}  // namespace

std::string relative_time(WallTime then, WallTime now) {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(now - then).count();
  if (seconds < 1) return "Less than a second ago";
  for (const Unit& unit : kUnits) {
    if (seconds >= unit.up_to) continue;
    const std::int64_t count = seconds / unit.seconds;
    return std::to_string(count) + " " + unit.name + (count == 1 ? "" : "s") + " ago";
  }
  return "";
}

}  // namespace slipway::runner
