// Trees -> tar, reproducibly: sorted names, no owners, whole seconds.
#include <fcntl.h>
#include <linux/limits.h>
#include <unistd.h>

#include <algorithm>
#include <vector>

#include "base/files.h"
#include "base/text.h"
#include "cachestore/archive.h"
#include "cachestore/layer/tar_writer.h"
#include "cachestore/layer/tree_walk.h"

namespace slipway::cachestore {
namespace {

constexpr std::size_t kChunk = std::size_t{256} << 10;

class Packer {
 public:
  explicit Packer(int out_fd) : out_fd_(out_fd) {}

  Status add(const TreeItem& item) {
    TarItem tar;
    tar.name = item.path;
    tar.mode = item.info.st_mode & 07777U;
    tar.mtime = {item.info.st_mtim.tv_sec, 0};
    if (S_ISDIR(item.info.st_mode)) {
      tar.type = '5';
      tar.name += '/';
      return put(tar_header(tar));
    }
    if (S_ISLNK(item.info.st_mode)) return add_link(item, tar);
    if (S_ISREG(item.info.st_mode)) return add_file(item, tar);
    if (S_ISSOCK(item.info.st_mode)) return {};
    return fail(ErrorCode::kInvalid, "a fifo or device cannot be packed");
  }

  Status finish() {
    SLIP_TRY(put(tar_trailer()));
    return flush();
  }

 private:
  Status add_link(const TreeItem& item, TarItem& tar) {
    tar.type = '2';
    tar.link.resize(PATH_MAX);
    const ssize_t n =
        ::readlinkat(item.dir_fd, item.name.c_str(), tar.link.data(), tar.link.size());
    if (n < 0) return fail_errno("read link");
    tar.link.resize(static_cast<std::size_t>(n));
    return put(tar_header(tar));
  }

  // The header promises a size, so a file that grows or shrinks meanwhile cannot be packed.
  Status add_file(const TreeItem& item, TarItem& tar) {
    const Fd fd = SLIP_TRY(open_at(item.dir_fd, item.name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK));
    struct stat opened {};
    if (::fstat(fd.get(), &opened) != 0) return fail_errno("stat");
    if (opened.st_ino != item.info.st_ino || !S_ISREG(opened.st_mode)) return fail(changed());
    tar.size = static_cast<std::uint64_t>(opened.st_size);
    SLIP_TRY(put(tar_header(tar)));
    std::vector<char> chunk(std::min<std::uint64_t>(kChunk, tar.size + 1));
    std::uint64_t left = tar.size;
    for (;;) {
      const ssize_t n = ::read(fd.get(), chunk.data(), chunk.size());
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return fail_errno("read");
      if (n == 0) break;
      const auto got = static_cast<std::size_t>(n);
      if (got > left) return fail(changed());
      left -= got;
      SLIP_TRY(put({chunk.data(), got}));
    }
    if (left != 0) return fail(changed());
    return put(tar_padding(tar.size));
  }

  static Error changed() {
    return Error(ErrorCode::kUnavailable, "the file changed while it was read");
  }

  Status put(std::string_view data) {
    if (buffer_.size() + data.size() > kChunk) SLIP_TRY(flush());
    if (data.size() >= kChunk) return write_all(out_fd_, data, "archive");
    buffer_ += data;
    return {};
  }

  Status flush() {
    Status done = write_all(out_fd_, buffer_, "archive");
    buffer_.clear();
    return done;
  }

  int out_fd_;
  std::string buffer_;
};

}  // namespace

Status pack(int dir_fd, const std::vector<std::string>& paths, int out_fd,
            const CancelToken& cancel) {
  Packer packer(out_fd);
  SLIP_TRY(walk_tree(dir_fd, paths, LayerLimits(), cancel,
                     [&](const TreeItem& item) { return packer.add(item); }));
  return packer.finish();
}

}  // namespace slipway::cachestore
