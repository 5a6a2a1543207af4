#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"

namespace slipway::runner {

/// Keys that leave a container running, as docker writes them: "ctrl-p,ctrl-q".
class DetachKeys {
 public:
  DetachKeys() = default;  ///< None.
  /// kInvalid names the key. "" is none.
  static Result<DetachKeys> parse(std::string_view text);
  /// What of the typed bytes goes on: a beginning of the keys is held back until the next byte decides. Nothing when
  /// the keys are complete.
  std::optional<std::string> pass(std::string_view typed);

 private:
  std::string keys_;
  std::size_t matched_ = 0;
};

/// Between three descriptors of this process and one of a container: its pty, or an attachment of docker's stream
/// protocol. Borrowed descriptors; what is -1 takes no part.
struct RelayOptions {
  int remote = -1;
  bool framed =
      false;  ///< From remote come docker's frames (stdout and stderr apart), else bytes for `output`.
  int input = -1;
  std::string early_input;  ///< What was read from `input` before.
  int output = -1;
  int error = -1;
  std::function<void()> end_input;  ///< Called when `input` has ended and all of it went on.
  DetachKeys* keys = nullptr;       ///< Of a terminal.
  int wake = -1;                    ///< When readable, `on_wake` is called: signals.
  std::function<void()> on_wake;
  int stop = -1;  ///< When readable, only what is there already is still copied.
  std::optional<MonoTime> deadline;
  std::function<void()>
      on_broken_output;  ///< Nobody reads our output any more; it is dropped from then on.
};

enum class RelayEnd {
  kRemoteEnded,
  kDetached,
  kStopped,
  kDeadline,
};

/// Copies until one of these ends; never blocks on a slow reader or writer while a signal waits. `remote` is made
/// non-blocking.
RelayEnd run_relay(const RelayOptions& options);

}  // namespace slipway::runner
