// Removing a directory tree that somebody else filled, and the temporary directory that relies on
// it.
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <optional>
#include <vector>

#include "base/files.h"
#include "base/random.h"

namespace slipway {
namespace {

struct CloseDir {
  void operator()(DIR* dir) const { ::closedir(dir); }
};
using DirHandle = std::unique_ptr<DIR, CloseDir>;

// The mount a file lies on. Linux 5.8: statx(2), STATX_MNT_ID; st_dev alone misses bind mounts.
Result<std::uint64_t> mount_id(int fd, const std::string& what) {
  struct statx info {};
  if (::statx(fd, "", AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW, STATX_MNT_ID, &info) != 0) {
    return fail_errno("stat " + what);
  }
  return info.stx_mnt_id;
}

// The tree is walked with an explicit stack, one entry per level. Only the deepest kOpenLevels
// levels keep their directory open, so that a tree thousands of levels deep needs neither call
// stack nor descriptors; a level whose directory was closed is reopened through `..` of its child
// and checked by inode.
class Remover {
 public:
  explicit Remover(std::string what) : what_(std::move(what)) {}

  Status run(int parent_fd, const std::string& name) {
    if (::unlinkat(parent_fd, name.c_str(), 0) == 0 || errno == ENOENT) return {};
    if (errno != EISDIR && errno != EPERM && errno != EACCES) return fail_errno("remove " + what_);
    Status entered = enter(parent_fd, name);
    if (!entered) {
      if (entered.error().sys_errno() == ENOENT) return {};
      return entered;
    }
    while (!levels_.empty()) {
      SLIP_TRY(reopen());
      const std::optional<std::string> child = SLIP_TRY(empty_top());
      if (child) {
        SLIP_TRY(enter(::dirfd(levels_.back().dir.get()), *child));
        continue;
      }
      SLIP_TRY(leave(parent_fd));
    }
    return {};
  }

 private:
  static constexpr std::size_t kOpenLevels = 64;

  struct Level {
    std::string name;
    DirHandle dir;
    dev_t device = 0;
    ino_t inode = 0;
  };

  Status enter(int parent_fd, const std::string& name) {
    Fd fd = SLIP_TRY(open_dir(parent_fd, name));
    const std::uint64_t mount = SLIP_TRY(mount_id(fd.get(), what_ + " at " + name));
    if (levels_.empty()) {
      mount_ = mount;
      const Result<std::uint64_t> outside = mount_id(parent_fd, what_);
      if (outside && *outside != mount) {
        return fail(ErrorCode::kConflict, "remove " + what_ + ": is a mount point");
      }
    } else if (mount != mount_) {
      return fail(ErrorCode::kConflict, "remove " + what_ + ": a mount point lies at " + name);
    }
    struct stat info {};
    if (::fstat(fd.get(), &info) != 0) return fail_errno("stat " + what_ + " at " + name);
    DirHandle dir(::fdopendir(fd.get()));
    if (!dir) return fail_errno("list " + what_ + " at " + name);
    [[maybe_unused]] const int owned_by_dir = fd.release();
    if (levels_.size() >= kOpenLevels) levels_[levels_.size() - kOpenLevels].dir.reset();
    levels_.push_back(Level{name, std::move(dir), info.st_dev, info.st_ino});
    return {};
  }

  // Opens a directory to be emptied. One without read, write or search permission gets them first,
  // through a descriptor so that no link can redirect the chmod.
  Result<Fd> open_dir(int parent_fd, const std::string& name) const {
    constexpr int kFlags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW;
    const Fd path = SLIP_TRY_WITHIN("remove " + what_,
                                    open_at(parent_fd, name, O_PATH | O_DIRECTORY | O_NOFOLLOW));
    struct stat info {};
    if (::fstat(path.get(), &info) != 0) return fail_errno("stat " + what_ + " at " + name);
    if ((info.st_mode & 0700) != 0700) {
      // O_PATH descriptors take no fchmod; the magic link of our own descriptor does.
      const std::string self = "/proc/self/fd/" + std::to_string(path.get());
      ::chmod(self.c_str(), (info.st_mode & 07777) | 0700);
    }
    return open_at(path.get(), ".", kFlags);
  }

  // Unlinks what it can at the top level; returns the first sub-directory met.
  Result<std::optional<std::string>> empty_top() {
    DIR* dir = levels_.back().dir.get();
    while (true) {
      errno = 0;
      const dirent* entry = ::readdir(dir);
      if (entry == nullptr) {
        if (errno != 0) return fail_errno("list " + what_ + " at " + levels_.back().name);
        return std::optional<std::string>();
      }
      const std::string_view name = entry->d_name;
      if (name == "." || name == "..") continue;
      if (entry->d_type == DT_DIR) return std::optional<std::string>(name);
      if (::unlinkat(::dirfd(dir), entry->d_name, 0) == 0 || errno == ENOENT) continue;
      if (errno == EISDIR) return std::optional<std::string>(name);
      return fail_errno("remove " + what_ + " at " + std::string(name));
    }
  }

  // The top level is empty: step up and remove it.
  Status leave(int base_fd) {
    Level done = std::move(levels_.back());
    levels_.pop_back();
    if (!levels_.empty() && !levels_.back().dir) {
      SLIP_TRY(reopen_from(::dirfd(done.dir.get())));
    }
    const int parent_fd = levels_.empty() ? base_fd : ::dirfd(levels_.back().dir.get());
    if (::unlinkat(parent_fd, done.name.c_str(), AT_REMOVEDIR) == 0 || errno == ENOENT) return {};
    if (errno != ENOTEMPTY) return fail_errno("remove " + what_ + " at " + done.name);
    // Somebody added a file meanwhile, or readdir missed one while we deleted: look once more, a
    // few times.
    if (++refills_ > kMaxRefills) return fail_errno("remove " + what_ + " at " + done.name);
    return enter(parent_fd, done.name);
  }

  Status reopen() const {
    return levels_.back().dir ? Status()
                              : fail(ErrorCode::kInternal, "remove " + what_ + ": lost its place");
  }

  Status reopen_from(int child_fd) {
    Level& level = levels_.back();
    Fd fd = SLIP_TRY_WITHIN("remove " + what_, open_at(child_fd, "..", O_RDONLY | O_DIRECTORY));
    struct stat info {};
    if (::fstat(fd.get(), &info) != 0) return fail_errno("stat " + what_ + " at " + level.name);
    if (info.st_dev != level.device || info.st_ino != level.inode) {
      return fail(ErrorCode::kConflict,
                  "remove " + what_ + ": " + level.name + " was moved meanwhile");
    }
    level.dir.reset(::fdopendir(fd.get()));
    if (!level.dir) return fail_errno("list " + what_ + " at " + level.name);
    [[maybe_unused]] const int owned_by_dir = fd.release();
    return {};
  }

  static constexpr int kMaxRefills = 1000;

  std::string what_;
  std::vector<Level> levels_;
  std::uint64_t mount_ = 0;
  int refills_ = 0;
};

}  // namespace

Status remove_tree_at(int dir_fd, const std::string& name) {
  return Remover(name).run(dir_fd, name);
}

Status remove_tree(const std::string& path) {
  std::string trimmed = path;
  while (trimmed.size() > 1 && trimmed.back() == '/') trimmed.pop_back();
  const std::size_t slash = trimmed.rfind('/');
  const std::string parent = slash == std::string::npos ? "."
                             : slash == 0               ? "/"
                                                        : trimmed.substr(0, slash);
  const std::string name = slash == std::string::npos ? trimmed : trimmed.substr(slash + 1);
  if (name.empty() || name == "." || name == "..") {
    return fail(ErrorCode::kInvalid, "remove " + path + ": not a name in a directory");
  }
  Result<Fd> dir = open_file(parent, O_PATH | O_DIRECTORY);
  if (!dir) {
    if (dir.error().sys_errno() == ENOENT) return {};
    return fail(std::move(dir).error().within("remove " + path));
  }
  return Remover(path).run(dir->get(), name);
}

Result<TempDir> TempDir::make(const std::string& parent, std::string_view prefix) {
  const std::string path = parent + "/" + std::string(prefix) + random_hex(8);
  if (::mkdir(path.c_str(), 0700) != 0) return fail_errno("create directory " + path);
  return TempDir(path);
}

TempDir::TempDir(TempDir&& other) noexcept : path_(std::exchange(other.path_, {})) {}

TempDir& TempDir::operator=(TempDir&& other) noexcept {
  std::swap(path_, other.path_);
  return *this;
}

TempDir::~TempDir() {
  if (!path_.empty()) (void)remove_tree(path_);
}

std::string TempDir::release() { return std::exchange(path_, {}); }

}  // namespace slipway
