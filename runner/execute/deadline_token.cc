// The thread that cancels at a deadline.
#include "runner/execute/deadline_token.h"

#include "base/sys.h"

namespace slipway::runner {

DeadlineToken::DeadlineToken(const CancelToken& parent, MonoTime deadline)
    : parent_(parent), deadline_(deadline), token_(parent.child()), thread_([this] {
        const Result<bool> ended = sys::wait_readable(
            done_.poll_fd(),
            deadline_ == MonoTime::max() ? std::nullopt : std::optional(deadline_));
        if (ended && !*ended) token_.cancel(CancelLevel::kTerminate);
      }) {}

DeadlineToken::~DeadlineToken() {
  done_.cancel(CancelLevel::kTerminate);
  thread_.join();
}

Error DeadlineToken::explain(Error error) const {
  const bool ours =
      error.code() == ErrorCode::kCancelled && token_.cancelled() && !parent_.cancelled();
  if (!ours) return error;
  return Error(ErrorCode::kTimeout, "the step's time was over before the registry was done");
}

}  // namespace slipway::runner
