#pragma once

#include <initializer_list>
#include <optional>

#include "base/cancel.h"
#include "base/fd.h"
#include "base/result.h"

namespace slipway::runner {

/// Ctrl-C for pipelines: SIGINT, SIGTERM or SIGHUP cancels the token with kTerminate, a second one with kKill. One at a
/// time in a process; the former handlers come back at the end.
class CancelOnSignal {
 public:
  explicit CancelOnSignal(const CancelToken& token);
  ~CancelOnSignal();
  CancelOnSignal(const CancelOnSignal&) = delete;
  CancelOnSignal& operator=(const CancelOnSignal&) = delete;
};

/// Turns signals into bytes on a pipe, for a poll loop. One at a time in a process.
class SignalPipe {
 public:
  static Result<SignalPipe> open(std::initializer_list<int> signals);
  SignalPipe(SignalPipe&&) noexcept = default;
  SignalPipe& operator=(SignalPipe&&) = delete;
  ~SignalPipe();

  int fd() const { return read_.get(); }  ///< Readable when next() has something.
  std::optional<int> next();              ///< Never blocks.

 private:
  SignalPipe(Fd read, Fd write) : read_(std::move(read)), write_(std::move(write)) {}
  Fd read_;
  Fd write_;
};

}  // namespace slipway::runner
