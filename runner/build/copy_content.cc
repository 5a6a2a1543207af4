// Bytes from file to file, by whatever the kernel does fastest.
#include "runner/build/copy_content.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/files.h"

namespace slipway::runner {
namespace {

// Below that one read and one write are quicker than asking the file system for more.
constexpr std::uint64_t kSmall = std::uint64_t{128} << 10;
// Between two looks at the cancel token.
constexpr std::uint64_t kPiece = std::uint64_t{64} << 20;

tl::unexpected<Error> shorter() {
  return fail(ErrorCode::kUnavailable, "the file became shorter while it was copied");
}

bool cannot_copy_range() {
  return errno == EXDEV || errno == EINVAL || errno == EOPNOTSUPP || errno == ENOSYS ||
         errno == EPERM || errno == EIO;
}

Status copy_by_buffer(int from, int to, std::uint64_t size, std::string& buffer,
                      const CancelToken& cancel) {
  if (buffer.size() < kSmall) buffer.resize(kSmall);
  while (size > 0) {
    if (cancel.cancelled()) return fail(ErrorCode::kCancelled, "copy: cancelled");
    const ssize_t got = ::read(from, buffer.data(), std::min<std::uint64_t>(size, buffer.size()));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail_errno("read");
    if (got == 0) return shorter();
    SLIP_TRY(write_all(to, std::string_view(buffer.data(), static_cast<std::size_t>(got)), "copy"));
    size -= static_cast<std::uint64_t>(got);
  }
  return {};
}

// Both descriptors stand where to begin. Linux 4.5: copy_file_range(2).
Status copy_run(int from, int to, std::uint64_t size, std::string& buffer,
                const CancelToken& cancel) {
  while (size > 0) {
    if (cancel.cancelled()) return fail(ErrorCode::kCancelled, "copy: cancelled");
    const ssize_t done = ::copy_file_range(from, nullptr, to, nullptr, std::min(size, kPiece), 0);
    if (done < 0 && errno == EINTR) continue;
    if (done < 0 && cannot_copy_range()) return copy_by_buffer(from, to, size, buffer, cancel);
    if (done < 0) return fail_errno("copy");
    if (done == 0) return shorter();
    size -= static_cast<std::uint64_t>(done);
  }
  return {};
}

// Only where there is data. Linux 3.1: lseek(2), SEEK_DATA.
Status copy_sparse(int from, int to, std::uint64_t size, std::string& buffer,
                   const CancelToken& cancel) {
  const auto end = static_cast<off_t>(size);
  for (off_t at = 0; at < end;) {
    const off_t data = ::lseek(from, at, SEEK_DATA);
    if (data < 0 && errno == ENXIO) break;  // nothing but a hole
    if (data < 0) return fail_errno("look for data");
    const off_t hole = std::min(::lseek(from, data, SEEK_HOLE), end);
    if (hole < data) break;
    if (::lseek(from, data, SEEK_SET) < 0 || ::lseek(to, data, SEEK_SET) < 0) {
      return fail_errno("seek");
    }
    SLIP_TRY(copy_run(from, to, static_cast<std::uint64_t>(hole - data), buffer, cancel));
    at = hole;
  }
  if (::ftruncate(to, end) != 0) return fail_errno("set size");
  return {};
}

}  // namespace

Status copy_content(int from, int to, std::uint64_t size, bool sparse, std::string& buffer,
                    const CancelToken& cancel) {
  if (size == 0) return {};
  if (size <= kSmall) return copy_by_buffer(from, to, size, buffer, cancel);
  // Linux 4.5: FICLONE.
  if (::ioctl(to, FICLONE, from) == 0) return {};
  return sparse ? copy_sparse(from, to, size, buffer, cancel)
                : copy_run(from, to, size, buffer, cancel);
}

}  // namespace slipway::runner
