#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/fd.h"
#include "base/result.h"
#include "sandbox/container_config.h"
#include "sandbox/containers/log_format.h"

namespace slipway::sandbox {

/// The one writer of a container's log. A full disk stops nobody: what cannot be written is counted, and when there is
/// room again a notice in the log says how much is missing.
class LogWriter {
 public:
  /// `directory` is the log directory. Continues the newest file after cutting off a torn record.
  static Result<LogWriter> open(Fd directory, const LogConfig& config);

  /// One record (more for more than 1 MiB), one write(2).
  void append(OutputStream stream, std::string_view data, WallTime now);
  /// At the end: tells of a loss, if there is room again.
  void settle(WallTime now) {
    if (lost_ > 0) tell_loss(now);
  }

 private:
  LogWriter(Fd directory, const LogConfig& config)
      : directory_(std::move(directory)), config_(config) {}
  Status open_file(std::uint32_t number, int flags);
  bool put(const LogHead& head, std::string_view data);
  void rotate();
  void tell_loss(WallTime now);

  Fd directory_;
  LogConfig config_;
  Fd file_;
  std::uint32_t number_ = 0;
  std::uint64_t size_ = 0;
  std::uint64_t lost_ = 0;
  int last_errno_ = 0;
};

}  // namespace slipway::sandbox
