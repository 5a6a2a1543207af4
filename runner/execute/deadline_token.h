#pragma once

#include <thread>

#include "base/cancel.h"
#include "base/clock.h"
#include "base/error.h"

namespace slipway::runner {

/// A cancel token that also fires when a step's time is over: for work that knows only tokens. Owns a thread.
class DeadlineToken {
 public:
  DeadlineToken(const CancelToken& parent, MonoTime deadline);
  ~DeadlineToken();
  DeadlineToken(const DeadlineToken&) = delete;
  DeadlineToken& operator=(const DeadlineToken&) = delete;

  const CancelToken& get() const { return token_; }
  /// kCancelled because of the deadline becomes kTimeout; any other error stays.
  Error explain(Error error) const;

 private:
  CancelToken parent_;
  MonoTime deadline_;
  CancelToken token_;
  CancelToken done_;
  std::thread thread_;
};

}  // namespace slipway::runner
