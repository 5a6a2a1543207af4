// Trees -> trees, without an archive: shared blocks where the file system can, else a copy inside the kernel.
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/limits.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <map>

#include "base/files.h"
#include "base/text.h"
#include "cachestore/archive.h"
#include "cachestore/layer/entry_path.h"
#include "cachestore/layer/file_meta.h"
#include "cachestore/layer/target.h"
#include "cachestore/layer/tree_walk.h"
#include "cachestore/layer/xattrs.h"

namespace slipway::cachestore {
namespace {

// One call copies at most this much, so that a cancel is seen in time.
constexpr std::size_t kCopyStep = std::size_t{64} << 20;

bool cannot_copy_range() {
  return errno == EXDEV || errno == EINVAL || errno == EOPNOTSUPP || errno == ENOSYS;
}

// Linux 4.5: FICLONE; 5.3: copy_file_range(2) between file systems, else sendfile(2).
Status copy_content(int from, int to, std::uint64_t size, const CancelToken& cancel) {
  if (size == 0 || ::ioctl(to, FICLONE, from) == 0) return {};
  bool in_range = true;
  // No more than the size it had: a file that keeps growing would never end.
  for (std::uint64_t left = size; left > 0;) {
    if (cancel.cancelled()) return fail(ErrorCode::kCancelled, "copy: cancelled");
    const std::size_t step = std::min<std::uint64_t>(left, kCopyStep);
    const ssize_t n = in_range ? ::copy_file_range(from, nullptr, to, nullptr, step, 0)
                               : ::sendfile(to, from, nullptr, step);
    if (n == 0) return {};
    if (n > 0) {
      left -= static_cast<std::uint64_t>(n);
    } else if (in_range && cannot_copy_range()) {
      in_range = false;
    } else if (errno != EINTR) {
      return fail_errno("copy");
    }
  }
  return {};
}

class Copier {
 public:
  Copier(int to_fd, UnpackPolicy policy, const LayerLimits& limits, const CancelToken& cancel)
      : target_(to_fd, policy, overlay_xattrs_here()),
        policy_(policy),
        limits_(limits),
        cancel_(cancel),
        keeps_all_(policy == UnpackPolicy::kLayer || policy == UnpackPolicy::kCopyOwners),
        meta_(policy, overlay_xattrs_here(), stats_) {}

  Status add(const TreeItem& item) {
    const std::string path = item.path;
    if (policy_ == UnpackPolicy::kArtifact && names_git_dir(path)) {
      ++stats_.skipped;
      return {};
    }
    ++stats_.entries;
    FileMeta meta;
    meta.mode = item.info.st_mode & 07777U;
    meta.uid = item.info.st_uid;
    meta.gid = item.info.st_gid;
    meta.mtime = item.info.st_mtim;
    SLIP_TRY(meta_.check(meta));
    Xattrs xattrs;
    if (keeps_all_ && !S_ISLNK(item.info.st_mode)) {
      const Fd opened = SLIP_TRY(open_at(item.dir_fd, item.name, O_PATH | O_NOFOLLOW));
      xattrs = SLIP_TRY(xattrs_.read(opened.get()));
      meta.xattrs = &xattrs.kept;
    }
    if (S_ISDIR(item.info.st_mode)) return add_directory(path, meta);
    if (S_ISREG(item.info.st_mode)) return add_name(item, meta);
    if (S_ISLNK(item.info.st_mode)) return add_link(item, meta);
    ++stats_.skipped;
    return {};
  }

  UnpackStats finish() {
    for (const auto& [path, mtime] : times_) {
      const auto fd = target_.open_dir(path, O_RDONLY);
      const std::array<timespec, 2> both = {mtime, mtime};
      if (fd) ::futimens(fd->get(), both.data());
    }
    return stats_;
  }

 private:
  Status add_directory(const std::string& path, const FileMeta& meta) {
    const Target::Place place = SLIP_TRY(target_.place(path));
    if (SLIP_TRY(target_.clear(place, Target::Keep::kDirectory)) != Target::Before::kDirectory &&
        ::mkdirat(place.dir_fd, place.name.c_str(), 0700) != 0) {
      return fail_errno("make directory");
    }
    Fd dir = SLIP_TRY(open_at(place.dir_fd, place.name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
    SLIP_TRY(meta_.to_directory(dir.get(), meta));
    times_.emplace_back(path, meta.mtime);
    target_.enter(path, std::move(dir));
    return {};
  }

  // A further name of a file that was copied already, or the file.
  Status add_name(const TreeItem& item, const FileMeta& meta) {
    if (!keeps_all_ || item.info.st_nlink < 2) return add_file(item, meta);
    const auto [first, fresh] = links_.try_emplace({item.info.st_dev, item.info.st_ino}, item.path);
    if (fresh) return add_file(item, meta);
    const Fd from = SLIP_TRY(target_.open_parent(first->second));
    const std::string name = first->second.substr(first->second.rfind('/') + 1);
    const Target::Place place = SLIP_TRY(target_.place(item.path));
    SLIP_TRY(target_.clear(place, Target::Keep::kNothing));
    if (::linkat(from.get(), name.c_str(), place.dir_fd, place.name.c_str(), 0) != 0)
      return fail_errno("make hard link");
    return {};
  }

  Status add_file(const TreeItem& item, const FileMeta& meta) {
    // O_NONBLOCK: a fifo that took the file's place must not hang us.
    const Fd from = SLIP_TRY(open_at(item.dir_fd, item.name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK));
    struct stat opened {};
    if (::fstat(from.get(), &opened) != 0) return fail_errno("stat");
    if (!S_ISREG(opened.st_mode)) return fail(ErrorCode::kUnavailable, "the file was replaced");
    stats_.bytes += static_cast<std::uint64_t>(opened.st_size);
    if (stats_.bytes > limits_.max_bytes.value) {
      return fail(ErrorCode::kExhausted, "more than " + format_size(limits_.max_bytes));
    }
    const Target::Place place = SLIP_TRY(target_.place(item.path));
    SLIP_TRY(target_.clear(place, Target::Keep::kNothing));
    const Fd to =
        SLIP_TRY(open_at(place.dir_fd, place.name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600));
    SLIP_TRY(
        copy_content(from.get(), to.get(), static_cast<std::uint64_t>(opened.st_size), cancel_));
    return meta_.to_file(to.get(), meta, Times::kNow);
  }

  Status add_link(const TreeItem& item, const FileMeta& meta) {
    std::string link(PATH_MAX, '\0');
    const ssize_t n = ::readlinkat(item.dir_fd, item.name.c_str(), link.data(), link.size());
    if (n < 0) return fail_errno("read link");
    link.resize(static_cast<std::size_t>(n));
    if (policy_ == UnpackPolicy::kArtifact) {
      SLIP_TRY(check_artifact_link(link, path_depth(item.path) - 1));
    }
    const Target::Place place = SLIP_TRY(target_.place(item.path));
    SLIP_TRY(target_.clear(place, Target::Keep::kNothing));
    if (::symlinkat(link.c_str(), place.dir_fd, place.name.c_str()) != 0)
      return fail_errno("make link");
    return meta_.to_name(place.dir_fd, place.name, meta);
  }

  Target target_;
  UnpackPolicy policy_;
  const LayerLimits& limits_;
  const CancelToken& cancel_;
  const bool keeps_all_;  ///< Also attributes and hard links.
  UnpackStats stats_;
  XattrReader xattrs_;
  std::map<std::pair<dev_t, ino_t>, std::string> links_;  ///< First path of files with several.
  MetaWriter meta_;
  std::vector<std::pair<std::string, timespec>> times_;
};

}  // namespace

Result<UnpackStats> copy_tree(int from_fd, const std::vector<std::string>& paths, int to_fd,
                              UnpackPolicy policy, const LayerLimits& limits,
                              const CancelToken& cancel) {
  Copier copier(to_fd, policy, limits, cancel);
  SLIP_TRY(walk_tree(from_fd, paths, limits, cancel,
                     [&](const TreeItem& item) { return copier.add(item); }));
  return copier.finish();
}

}  // namespace slipway::cachestore
