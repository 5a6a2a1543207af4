// Reads an archive from a descriptor: time limits, cancel, digest and copy of the bytes as they came.
#include "cachestore/layer/fd_source.h"

#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <span>

#include "base/files.h"

namespace slipway::cachestore {
namespace {

bool is_regular(int fd) {
  struct stat info {};
  return ::fstat(fd, &info) == 0 && S_ISREG(info.st_mode);
}

}  // namespace

FdSource::FdSource(Options options)
    : options_(std::move(options)),
      may_block_(!is_regular(options_.fd)),
      deadline_(real_clock().mono() + options_.total) {}

// A sender that stalls or trickles must not hold an import for ever (CVE-2021-20291).
Status FdSource::wait() const {
  const MonoTime now = real_clock().mono();
  if (options_.cancel.cancelled()) {
    return fail(ErrorCode::kCancelled, "read " + options_.name + ": cancelled");
  }
  if (now >= deadline_) {
    return fail(ErrorCode::kTimeout, "read " + options_.name + ": not finished after " +
                                         format_duration(options_.total));
  }
  if (!may_block_) return {};
  const auto left = std::chrono::ceil<Millis>(deadline_ - now);
  std::array<pollfd, 2> fds = {pollfd{options_.fd, POLLIN, 0},
                               pollfd{options_.cancel.poll_fd(), POLLIN, 0}};
  const int timeout = static_cast<int>(std::min(options_.stall, left).count());
  const int ready = ::poll(fds.data(), fds.size(), timeout);
  if (ready < 0 && errno != EINTR) return fail_errno("wait for " + options_.name);
  if (ready == 0) {
    return fail(ErrorCode::kTimeout,
                "read " + options_.name + ": no data for " + format_duration(options_.stall));
  }
  if (ready < 0 || fds[1].revents != 0) return wait();
  return {};
}

Result<std::size_t> FdSource::read(std::span<char> out) {
  for (;;) {
    SLIP_TRY(wait());
    const ssize_t n = ::read(options_.fd, out.data(), out.size());
    if (n < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (n < 0) return fail_errno("read " + options_.name);
    const auto got = static_cast<std::size_t>(n);
    bytes_.fetch_add(got, std::memory_order_relaxed);
    if (options_.tee_fd >= 0) {
      const std::string_view data(out.data(), got);
      sha_.update(data);
      SLIP_TRY(write_all(options_.tee_fd, data, options_.tee_name));
    }
    return got;
  }
}

}  // namespace slipway::cachestore
