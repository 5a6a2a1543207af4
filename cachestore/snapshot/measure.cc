// Disk usage of a directory tree, without recursion on the call stack.
#include "cachestore/snapshot/measure.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/fd.h"

namespace slipway::cachestore {
namespace {

struct CloseDir {
  void operator()(DIR* dir) const { ::closedir(dir); }
};

constexpr std::uint64_t kBlock = 512;  // unit of st_blocks, stat(2)

}  // namespace

ByteCount measure_tree(int dir_fd) {
  ByteCount total;
  std::vector<std::string> pending = {"."};
  while (!pending.empty()) {
    const std::string path = std::move(pending.back());
    pending.pop_back();
    Fd fd(::openat(dir_fd, path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!fd.valid()) continue;
    const std::unique_ptr<DIR, CloseDir> dir(::fdopendir(fd.get()));
    if (dir == nullptr) continue;
    (void)fd.release();
    while (const dirent* entry = ::readdir(dir.get())) {
      const std::string_view name = entry->d_name;
      struct stat info {};
      if (name == "." || name == "..") continue;
      if (::fstatat(::dirfd(dir.get()), entry->d_name, &info, AT_SYMLINK_NOFOLLOW) != 0) continue;
      total.value += static_cast<std::uint64_t>(info.st_blocks) * kBlock;
      if (S_ISDIR(info.st_mode)) pending.push_back(path + "/" + entry->d_name);
    }
  }
  return total;
}

}  // namespace slipway::cachestore
