// Which failures are worth another try, and how long to wait. SECURITY.md R38: permanent errors fail at once.
#include "cachestore/registry/retry.h"

#include <sys/random.h>

#include <algorithm>
#include <cmath>

#include "base/sys.h"

namespace slipway::cachestore {
namespace {

constexpr Millis kLongestWait{60'000};
constexpr Millis kNoticed{2'000};  // a wait after which people ask whether anything still happens
// A name that does not resolve or a port nobody listens on is mostly a slip of the pen; but name servers do falter.
constexpr int kAttemptsUnreached = 3;

/// Half to all of `pause`, so that many clients do not come back together.
Millis jittered(Millis pause) {
  std::uint16_t random = 0;
  if (::getrandom(&random, sizeof random, GRND_NONBLOCK) != sizeof random) random = 0x8000;
  return pause / 2 + Millis(pause.count() * random / 0x20000);
}

Status wait(Millis time, const CancelToken& cancel) {
  const MonoTime until = std::chrono::steady_clock::now() + time;
  if (SLIP_TRY(sys::wait_readable(cancel.poll_fd(), until)))
    return fail(ErrorCode::kCancelled, "cancelled");
  return {};
}

}  // namespace

Status Retry::again(Trouble trouble, const CancelToken& cancel) {
  const int most = trouble.most_attempts > 0 ? std::min(trouble.most_attempts, options_.attempts)
                                             : options_.attempts;
  if (++failures_ >= most) {
    if (failures_ == 1) return fail(std::move(trouble.error));
    return fail(trouble.error.code(),
                trouble.error.text() + " (tried " + std::to_string(failures_) + " times)");
  }
  if (trouble.retry_after && *trouble.retry_after > kLongestWait)
    return fail(std::move(trouble.error));
  // 2^16 first pauses are hours already; shifting further would overflow.
  const Millis pause =
      trouble.retry_after
          ? *trouble.retry_after
          : jittered(
                std::min(options_.back_off * (1 << std::min(failures_ - 1, 16)), kLongestWait));
  announce(trouble.error.text(), pause);
  return wait(pause, cancel);
}

void Retry::announce(const std::string& trouble, Millis pause) const {
  const std::string text = trouble + "; trying again in " + format_duration(pause);
  if (tell_) {
    tell_(text);
  } else if (pause >= kNoticed && options_.warn) {
    options_.warn(text);
  }
}

std::optional<Trouble> trouble_of(const HttpAnswer& answer, const std::string& account) {
  const int status = answer.status;
  const bool passing = status == 408 || status == 429 ||
                       (status >= 500 && status != 501 && status != 505 && status != 507);
  if (!passing) return std::nullopt;
  const auto after =
      parse_retry_after(answer.headers.first("retry-after"), std::chrono::system_clock::now());
  return Trouble{answer_error(answer, account), after, 0};
}

std::optional<Trouble> trouble_of(const HttpFailure& failure) {
  switch (failure.kind) {
    case HttpFailure::Kind::kFinal:
      return std::nullopt;
    case HttpFailure::Kind::kTransient:
      return Trouble{failure.error.clone(), std::nullopt, 0};
    case HttpFailure::Kind::kUnreached:
    case HttpFailure::Kind::kNoTls:
      break;
  }
  return Trouble{failure.error.clone(), std::nullopt, kAttemptsUnreached};
}

}  // namespace slipway::cachestore
