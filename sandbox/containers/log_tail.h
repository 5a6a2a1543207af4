#pragma once

#include <array>
#include <cstdint>

#include "base/result.h"
#include "sandbox/container_state.h"
#include "sandbox/containers/log_format.h"

namespace slipway::sandbox {

/// A byte of a log: a file, where in it a record begins, and how much of the record's data comes before.
struct LogPosition {
  std::uint32_t file = 0;
  std::uint64_t offset = 0;
  std::uint32_t skip = 0;
  auto operator<=>(const LogPosition&) const = default;
};

/// For each stream (by number) the first byte that belongs to the last lines.
using LogStart = std::array<LogPosition, 3>;

/// Where the last `tail` lines of the wanted streams begin, found from the end of the log.
Result<LogStart> find_tail(int directory, const LogRequest& request, std::uint64_t tail);

}  // namespace slipway::sandbox
