// Waiting for a process and saying how it ended, for containers and for what is put into them.
#include "sandbox/supervise/ending.h"

#include <errno.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>

namespace slipway::sandbox {

using Kind = Outcome::Kind;

int poll_timeout(std::optional<MonoTime> until) {
  if (!until) return -1;
  const auto left =
      std::chrono::ceil<std::chrono::milliseconds>(*until - std::chrono::steady_clock::now());
  return static_cast<int>(std::clamp<std::int64_t>(left.count(), 0, 1'000'000));
}

Ending await_end(const Watched& watched, const CancelToken& cancel,
                 std::optional<MonoTime> deadline, const StopPolicy& stop) {
  Ending ending = Ending::kNone;
  bool killed = false;
  std::optional<MonoTime> until = deadline;
  const auto end_it = [&](Ending why, bool now) {
    if (ending == Ending::kNone) {
      ending = why;
      until = std::chrono::steady_clock::now() + stop.grace;
      if (!now) watched.signal(stop.signal);
    }
    if (now) {
      watched.kill();
      killed = true;
      until.reset();
    }
  };
  for (;;) {
    struct pollfd polled[3] = {{watched.pidfd, POLLIN, 0}, {-1, POLLIN, 0}, {-1, POLLIN, 0}};
    if (ending == Ending::kNone) polled[1].fd = cancel.poll_fd(CancelLevel::kTerminate);
    if (!killed) polled[2].fd = cancel.poll_fd(CancelLevel::kKill);
    const int ready = ::poll(polled, 3, poll_timeout(until));
    if (ready < 0 && errno == EINTR) continue;
    if (polled[0].revents != 0) return ending;
    if (polled[2].revents != 0) {
      end_it(Ending::kCancelled, true);
    } else if (polled[1].revents != 0) {
      end_it(Ending::kCancelled, false);
    } else if (until && std::chrono::steady_clock::now() >= *until) {
      end_it(Ending::kTimedOut, ending != Ending::kNone);
    }
  }
}

std::optional<ExitRecord> read_exit_record(int status) {
  ExitRecord record{};
  if (::read(status, &record, sizeof record) != static_cast<ssize_t>(sizeof record))
    return std::nullopt;
  return record;
}

Outcome outcome_of(Ending ending, const std::optional<ExitRecord>& record, int fallback) {
  Outcome outcome;
  if (record && WIFEXITED(record->wait_status)) {
    outcome.code = WEXITSTATUS(record->wait_status);
  } else {
    outcome.kind = Kind::kSignalled;
    outcome.signal = record ? WTERMSIG(record->wait_status) : fallback;
  }
  if (record) {
    outcome.cpu_user = std::chrono::microseconds(record->user_us);
    outcome.cpu_system = std::chrono::microseconds(record->system_us);
    if (record->max_rss_kib > 0)
      outcome.peak_memory = ByteCount{static_cast<std::uint64_t>(record->max_rss_kib) << 10};
  }
  if (ending == Ending::kTimedOut) outcome.kind = Kind::kTimedOut;
  if (ending == Ending::kCancelled) outcome.kind = Kind::kCancelled;
  return outcome;
}

}  // namespace slipway::sandbox
