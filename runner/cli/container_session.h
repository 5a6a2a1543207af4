#pragma once

#include <memory>
#include <optional>

#include "base/cancel.h"
#include "base/result.h"
#include "runner/cli/signals.h"
#include "sandbox/engine.h"

namespace slipway::runner {

/// Size of the terminal on `fd`, or 24 by 80.
sandbox::Terminal terminal_size(int fd);

/// What stands between this process and one container in the foreground: signals go on to it, and with a pty also
/// input, output and the window's size. One thread; ends with finish() or the destructor, which restore the terminal.
class ContainerSession {
 public:
  struct Options {
    int input = -1;  ///< Read for the pty; -1: no input. Put in raw mode when it is a terminal.
    int output = 1;  ///< Gets what the pty prints; its size is the pty's.
    CancelToken
        cancel;  ///< Fired with kKill by the third urgent signal: the container ignored two.
  };
  /// `signals` must have been opened before the container was started, so that none is lost in between.
  ContainerSession(sandbox::Container& container, SignalPipe& signals, Options options);
  ~ContainerSession();
  /// After Container::wait: the rest of the output comes out, the terminal is as it was.
  void finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// The signals of docker's --sig-proxy that make sense for a foreground container, and window changes.
Result<SignalPipe> open_session_signals();

}  // namespace slipway::runner
