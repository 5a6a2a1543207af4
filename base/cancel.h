#pragma once

#include <memory>

namespace slipway {

/// How urgently work should end. Only ever grows.
enum class CancelLevel {
  kNone = 0,
  kTerminate = 1,  ///< First Ctrl-C: terminate steps, run clean-up.
  kKill = 2,       ///< Second Ctrl-C: kill.
};

/// One token goes from Ctrl-C or HTTP down to the step. Copies share state. A child token fires when its
/// parent does, and alone when only the child is cancelled. Thread-safe; `cancel` is async-signal-safe
/// (an atomic store and a write(2) to an eventfd).
class CancelToken {
 public:
  CancelToken();
  CancelToken child() const;

  void cancel(CancelLevel level) const noexcept;
  CancelLevel level() const noexcept;
  bool cancelled() const noexcept { return level() != CancelLevel::kNone; }
  /// Readable (poll) once the level is at least `level`; owned by the token, do not read or close.
  int poll_fd(CancelLevel level = CancelLevel::kTerminate) const noexcept;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace slipway
