// Opening a store: its directory's owner and mode, the sub-directories, the index, and the sweep
// after a crash.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <climits>

#include "base/files.h"
#include "cachestore/image/layout.h"
#include "cachestore/snapshot/store_core.h"

namespace slipway::cachestore {
namespace {

Result<std::string> absolute(const std::string& path) {
  if (path.empty()) return fail(ErrorCode::kInvalid, "open store: no directory given");
  if (path.front() == '/') return path;
  char here[PATH_MAX];
  if (::getcwd(here, sizeof here) == nullptr) return fail_errno("find the current directory");
  return std::string(here) + "/" + path;
}

std::string octal(mode_t mode) {
  std::string text = "0";
  for (int shift = 6; shift >= 0; shift -= 3) {
    text += static_cast<char>('0' + static_cast<int>((mode >> shift) & 7U));
  }
  return text;
}

// Snapshots hold set-id files of every container: nobody else may reach them (CVE-2021-41091).
Status check_private(const std::string& root, int fd) {
  struct stat info {};
  if (::fstat(fd, &info) != 0) return fail_errno("open store " + root);
  if (info.st_uid != ::geteuid()) {
    return fail(ErrorCode::kPermission, "open store " + root + ": it belongs to user " +
                                            std::to_string(info.st_uid) +
                                            "; run as that user or use another --state");
  }
  if ((info.st_mode & 0077U) != 0) {
    return fail(ErrorCode::kPermission, "open store " + root + ": mode " + octal(info.st_mode) +
                                            " lets other users in; run: chmod 700 " + root);
  }
  return {};
}

Result<Fd> open_root(const std::string& root, bool create) {
  Fd fd(::open(root.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.valid()) {
    if (errno != ENOENT || !create) return fail_errno("open store " + root);
    SLIP_TRY_WITHIN("create store", make_dirs(root, 0700));
    fd = SLIP_TRY(open_file(root, O_RDONLY | O_DIRECTORY));
  }
  SLIP_TRY(check_private(root, fd.get()));
  return fd;
}

Result<Fd> open_snapshots(const std::string& root, int root_fd) {
  if (::mkdirat(root_fd, "snapshots", 0700) != 0 && errno != EEXIST) {
    return fail_errno("create " + root + "/snapshots");
  }
  return open_at(root_fd, "snapshots", O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
}

}  // namespace

Result<std::unique_ptr<StoreCore>> open_core(const StoreOptions& options) {
  const std::string root = SLIP_TRY(absolute(options.root));
  Fd root_fd = SLIP_TRY(open_root(root, options.create));
  auto database = SLIP_TRY(Database::open(root + "/store.db", options.create));
  auto core = std::make_unique<StoreCore>(root, options.limits, std::move(database));
  core->root_fd = std::move(root_fd);
  core->snapshots_fd = SLIP_TRY(open_snapshots(root, core->root_fd.get()));
  core->blobs = SLIP_TRY(BlobStore::open(root, core->root_fd.get()));
  core->yard = SLIP_TRY(DraftYard::open(root, core->root_fd.get()));
  SLIP_TRY(ensure_layout_file(*core));
  SLIP_TRY_WITHIN("sweep store", core->yard->sweep([&](const std::string& dead) {
    return tidy_after(*core, dead);
  }));
  return core;
}

}  // namespace slipway::cachestore
