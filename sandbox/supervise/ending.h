#pragma once

#include <signal.h>

#include <functional>
#include <optional>

#include "base/cancel.h"
#include "base/clock.h"
#include "sandbox/engine.h"
#include "sandbox/launch/child/operation.h"

namespace slipway::sandbox {

/// Why we end a process; the first reason stays.
enum class Ending { kNone, kTimedOut, kCancelled };

/// What waiting needs to know of a process.
struct Watched {
  int pidfd = -1;                   ///< Readable at the end.
  std::function<void(int)> signal;  ///< Asks it to end.
  std::function<void()> kill;
};
/// Blocks until the process has ended, ending it at the deadline or on cancel as `stop` says.
Ending await_end(const Watched& watched, const CancelToken& cancel,
                 std::optional<MonoTime> deadline, const StopPolicy& stop);

/// What the parent of the process wrote about it, if it came to that.
std::optional<ExitRecord> read_exit_record(int status);
/// `fallback` is the signal when there is no record.
Outcome outcome_of(Ending ending, const std::optional<ExitRecord>& record, int fallback);

int poll_timeout(std::optional<MonoTime> until);

}  // namespace slipway::sandbox
