// Files -> archive bytes. Which files, and what is said about them, is decided by the packers.
#include "cachestore/layer/tar_stream.h"

#include <fcntl.h>
#include <linux/limits.h>
#include <unistd.h>

#include <algorithm>

#include "base/files.h"

namespace slipway::cachestore {
namespace {

constexpr std::size_t kChunk = std::size_t{256} << 10;

Error changed() { return Error(ErrorCode::kUnavailable, "the file changed while it was read"); }

}  // namespace

Status TarStream::link(const TreeItem& item, TarItem tar) {
  tar.type = '2';
  tar.link.resize(PATH_MAX);
  const ssize_t n = ::readlinkat(item.dir_fd, item.name.c_str(), tar.link.data(), tar.link.size());
  if (n < 0) return fail_errno("read link");
  tar.link.resize(static_cast<std::size_t>(n));
  return header(tar);
}

Status TarStream::file(const TreeItem& item, TarItem tar) {
  const Fd fd = SLIP_TRY(open_at(item.dir_fd, item.name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK));
  struct stat opened {};
  if (::fstat(fd.get(), &opened) != 0) return fail_errno("stat");
  if (opened.st_ino != item.info.st_ino || !S_ISREG(opened.st_mode)) return fail(changed());
  tar.size = static_cast<std::uint64_t>(opened.st_size);
  SLIP_TRY(header(tar));
  chunk_.resize(kChunk);
  std::uint64_t left = tar.size;
  for (;;) {
    const ssize_t n = ::read(fd.get(), chunk_.data(), chunk_.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fail_errno("read");
    if (n == 0) break;
    const auto got = static_cast<std::size_t>(n);
    if (got > left) return fail(changed());
    left -= got;
    SLIP_TRY(put({chunk_.data(), got}));
  }
  if (left != 0) return fail(changed());
  return put(tar_padding(tar.size));
}

Status TarStream::finish() {
  SLIP_TRY(put(tar_trailer()));
  return flush();
}

Status TarStream::put(std::string_view data) {
  if (buffer_.size() + data.size() > kChunk) SLIP_TRY(flush());
  if (data.size() >= kChunk) return out_.write(data);
  buffer_ += data;
  return {};
}

Status TarStream::flush() {
  Status done = out_.write(buffer_);
  buffer_.clear();
  return done;
}

}  // namespace slipway::cachestore
