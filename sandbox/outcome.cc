// How an outcome is told to shells and people.
#include "sandbox/outcome.h"

#include <signal.h>
#include <string.h>

namespace slipway::sandbox {
namespace {

std::string signal_name(int signal) {
  const char* name = ::sigabbrev_np(signal);
  return name != nullptr ? std::string("SIG") + name : "signal " + std::to_string(signal);
}

}  // namespace

int Outcome::shell_code() const {
  switch (kind) {
    case Kind::kExited:
      return code;
    case Kind::kSignalled:
      return 128 + signal;
    case Kind::kTimedOut:
      return 124;
    case Kind::kCancelled:
      return 130;
    case Kind::kOutOfMemory:
      return 137;
    case Kind::kSetupFailed:
      break;
  }
  switch (cause) {
    case SetupCause::kCommandNotFound:
      return 127;
    case SetupCause::kNotExecutable:
      return 126;
    default:
      return 125;
  }
}

std::string Outcome::describe() const {
  switch (kind) {
    case Kind::kExited:
      return "exit code " + std::to_string(code);
    case Kind::kSignalled:
      return "killed by " + signal_name(signal);
    case Kind::kTimedOut:
      return "timed out";
    case Kind::kCancelled:
      return "cancelled";
    case Kind::kOutOfMemory:
      return "out of memory";
    case Kind::kSetupFailed:
      break;
  }
  return reason;
}

}  // namespace slipway::sandbox
