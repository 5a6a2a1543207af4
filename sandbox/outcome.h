#pragma once

#include <chrono>
#include <string>

#include "base/json.h"
#include "base/units.h"

namespace slipway::sandbox {

/// How a process in a container ended. A value, not an error: only the engine's own trouble is an Error.
struct Outcome {
  enum class Kind {
    kExited,       ///< With `code`; 0 is success.
    kSignalled,    ///< By `signal`, sent by somebody else than us.
    kTimedOut,     ///< We ended it at its deadline.
    kCancelled,    ///< We ended it because the cancel token fired.
    kOutOfMemory,  ///< The kernel killed within its memory limit.
    kSetupFailed,  ///< It never ran: `reason` says which step and why.
  };
  enum class SetupCause { kNone, kCommandNotFound, kNotExecutable, kOther };
  Kind kind = Kind::kExited;
  int code = 0;
  int signal = 0;
  std::string
      reason;  ///< kSetupFailed: "exec /bin/nope: no such file or directory (step 11 of 11)"
  SetupCause cause = SetupCause::kNone;

  std::chrono::microseconds cpu_user{0};
  std::chrono::microseconds cpu_system{0};
  std::chrono::microseconds wall{0};
  ByteCount peak_memory;  ///< 0 when not known.

  bool success() const { return kind == Kind::kExited && code == 0; }
  /// As docker: exit code; 128+signal; 137 out of memory or killed; 124 timed out; 130 cancelled; 127 command not
  /// found; 126 not executable; 125 other set-up failure.
  int shell_code() const;
  /// "exit code 3", "killed by SIGSEGV", "timed out", "cancelled", "out of memory", reason.
  std::string describe() const;
};

}  // namespace slipway::sandbox
