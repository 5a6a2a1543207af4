#pragma once

#include <functional>
#include <optional>

#include "base/result.h"
#include "runner/cli/signals.h"
#include "runner/relay.h"
#include "sandbox/containers.h"

namespace slipway::runner {

/// What stands between this process and a container's (or exec's) streams in the foreground: input, output, signals,
/// the window's size, detach keys; the terminal is raw meanwhile and restored always.
struct SessionOptions {
  bool input = false;  ///< Pass standard input on.
  bool output = true;
  bool error = true;
  std::string detach_keys = "ctrl-p,ctrl-q";
  std::function<Status(int signal)>
      signal;  ///< Where signals go on to; empty: nowhere, they act here.
  std::function<Status(sandbox::Terminal)> resize;
  std::optional<MonoTime> deadline;
};

class AttachSession {
 public:
  /// Before the container is started, so that no signal is lost in between.
  static Result<std::unique_ptr<AttachSession>> open(SessionOptions options);
  /// Until the stream ends, the person detaches or the deadline passes. The window's size is set first.
  RelayEnd run(const sandbox::Attachment& attachment);

  AttachSession(SessionOptions options, DetachKeys keys, std::optional<SignalPipe> signals)
      : options_(std::move(options)), keys_(std::move(keys)), signals_(std::move(signals)) {}

 private:
  void forward_signals(bool tty);

  SessionOptions options_;
  DetachKeys keys_;
  std::optional<SignalPipe> signals_;
  int urgent_signals_ = 0;
};

/// kInvalid when `tty` and `interactive` are asked for and standard input is no terminal, as docker.
Status check_terminal(bool tty, bool interactive);

}  // namespace slipway::runner
