#pragma once

#include <cstdint>
#include <string>

#include "base/clock.h"
#include "cachestore/store.h"

namespace slipway::runner {

/// One line that redraws itself on a terminal: bytes, rate, time left. Not thread-safe.
class ImportProgressLine {
 public:
  ImportProgressLine(int fd, std::string source, const Clock& clock);
  ~ImportProgressLine();  ///< Takes the line away.
  void update(const cachestore::ImportProgress& progress);

  /// "120 MiB of 300 MiB  85 MiB/s  3s left" (without a total: no share, no time left).
  static std::string text(const cachestore::ImportProgress& progress, Millis elapsed);

 private:
  int fd_;
  std::string source_;
  const Clock& clock_;
  MonoTime started_;
  MonoTime drawn_;
  bool visible_ = false;
};

}  // namespace slipway::runner
