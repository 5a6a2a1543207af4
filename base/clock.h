#pragma once

#include <chrono>
#include <string>

namespace slipway {

using MonoTime = std::chrono::steady_clock::time_point;
using WallTime = std::chrono::system_clock::time_point;

/// The clock seam: tests pass a fake. Steady for timers, wall for records.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual MonoTime mono() const = 0;
  virtual WallTime wall() const = 0;
};
const Clock& real_clock();

/// RFC 3339 in UTC with milliseconds: "2026-01-02T03:04:05.678Z".
std::string format_rfc3339(WallTime time);

}  // namespace slipway
