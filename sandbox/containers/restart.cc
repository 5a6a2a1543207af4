// Whether and when an ended container runs again. No clock and no process in here.
#include "sandbox/containers/restart.h"

#include <algorithm>

namespace slipway::sandbox {
namespace {

constexpr Millis kFirstDelay{100};
constexpr Millis kLongestDelay{60'000};
constexpr Millis kRanWell{10'000};

bool wanted(const RestartPolicy& policy, int restarts, const RunEnd& end) {
  if (end.by_hand) return false;
  switch (policy.kind) {
    case RestartPolicy::Kind::kNo:
      return false;
    case RestartPolicy::Kind::kOnFailure:
      return end.exit_code != 0 &&
             (policy.maximum_retries == 0 || restarts < policy.maximum_retries);
    case RestartPolicy::Kind::kAlways:
    case RestartPolicy::Kind::kUnlessStopped:
      return true;
  }
  return false;
}

}  // namespace

std::optional<Millis> Restarter::next(const RestartPolicy& policy, int restarts,
                                      const RunEnd& end) {
  if (!wanted(policy, restarts, end)) return std::nullopt;
  if (delay_ == Millis{0} || end.ran_for >= kRanWell)
    delay_ = kFirstDelay;
  else
    delay_ = std::min(delay_ * 2, kLongestDelay);
  return delay_;
}

bool restarts_after_crash(const RestartPolicy& policy, bool stopped_by_hand) {
  switch (policy.kind) {
    case RestartPolicy::Kind::kNo:
      return false;
    case RestartPolicy::Kind::kOnFailure:
      return true;  // Its end was no success.
    case RestartPolicy::Kind::kAlways:
      return true;
    case RestartPolicy::Kind::kUnlessStopped:
      return !stopped_by_hand;
  }
  return false;
}

}  // namespace slipway::sandbox
