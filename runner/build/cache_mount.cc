// Cache mounts' directories: found by id, locked by flock, filled once.
#include "runner/build/cache_mount.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/digest.h"
#include "base/files.h"
#include "base/text.h"
#include "runner/build/copy.h"

namespace slipway::runner {
namespace {

constexpr unsigned kDefaultMode = 0755;  // Spec: Dockerfile reference, "RUN --mount=type=cache".
// How often a lock that somebody else holds is tried again: flock(2) cannot be waited for together with a cancel.
constexpr int kRetryMillis = 20;
constexpr int kMaxPrivate = 1'000;  // Copies of one private cache: as many steps run at once.

enum class Wait { kNo, kYes };

Result<bool> lock_file(int fd, int operation, Wait wait, const std::string& what,
                       const CancelToken& cancel) {
  for (;;) {
    if (::flock(fd, operation | LOCK_NB) == 0) return true;
    if (errno != EWOULDBLOCK && errno != EINTR) return fail_errno("lock " + what);
    if (wait == Wait::kNo) return false;
    pollfd poll_cancel{cancel.poll_fd(), POLLIN, 0};
    if (::poll(&poll_cancel, 1, kRetryMillis) > 0 || cancel.cancelled())
      return fail(ErrorCode::kCancelled, "wait for " + what + ": cancelled");
  }
}

Status fill(const std::string& directory, const CacheMountRequest& request,
            const CancelToken& cancel) {
  const std::string fs = directory + "/fs";
  if (path_exists(fs)) return {};
  const std::string begun = directory + "/begun";
  SLIP_TRY(remove_tree(begun));  // Left by somebody who was killed.
  SLIP_TRY(make_dirs(begun, kDefaultMode));
  if (request.from != nullptr) {
    CopyRequest copy;
    copy.from = request.from;
    copy.selection.sources = {request.mount.source.empty() ? "/" : request.mount.source};
    copy.destination = "/";
    copy.link = true;
    copy.what = "RUN --mount=type=cache,from=" + request.mount.from;
    SLIP_TRY(copy_files(copy, {}, begun, cancel));
  }
  const uid_t uid = request.mount.uid.value_or(0);
  const gid_t gid = request.mount.gid.value_or(0);
  if (::chown(begun.c_str(), uid, gid) != 0) return fail_errno("chown " + begun);
  const unsigned mode = request.mount.mode.value_or(kDefaultMode);
  if (::chmod(begun.c_str(), mode & 07777) != 0) return fail_errno("chmod " + begun);
  if (::rename(begun.c_str(), fs.c_str()) != 0) return fail_errno("place " + fs);
  return {};
}

/// Null: somebody else has it and it was not to be waited for.
Result<std::optional<CacheDirectory>> open_one(const std::string& directory, int operation,
                                               Wait wait, const CacheMountRequest& request,
                                               const CancelToken& cancel) {
  SLIP_TRY(make_dirs(directory, 0700));
  CacheDirectory opened;
  opened.path = directory + "/fs";
  const std::string what = "cache mount " + printable(request.mount.id);
  // Filling is its own lock: two that share the cache shall not both do it.
  const Fd filling = SLIP_TRY(open_file(directory + "/filling", O_RDWR | O_CREAT, 0600));
  SLIP_TRY(lock_file(filling.get(), LOCK_EX, Wait::kYes, what, cancel));
  SLIP_TRY(fill(directory, request, cancel));
  opened.lock = SLIP_TRY(open_file(directory + "/lock", O_RDWR | O_CREAT, 0600));
  (void)::flock(filling.get(), LOCK_UN);
  if (!SLIP_TRY(lock_file(opened.lock.get(), operation, wait, what, cancel)))
    return std::optional<CacheDirectory>();
  return std::optional<CacheDirectory>(std::move(opened));
}

}  // namespace

Result<CacheDirectory> open_cache_directory(const std::string& state_dir,
                                            const CacheMountRequest& request,
                                            const CancelToken& cancel) {
  const std::string name =
      Digest::of(request.name_space + std::string(1, '\0') + request.mount.id).hex();
  const std::string base = state_dir + "/build-caches/" + name;
  const bool is_private = request.mount.sharing == pipeline::RunMount::Sharing::kPrivate;
  const bool shared = request.mount.sharing == pipeline::RunMount::Sharing::kShared;
  if (!is_private) {
    auto opened = SLIP_TRY(open_one(base, shared ? LOCK_SH : LOCK_EX, Wait::kYes, request, cancel));
    return std::move(*opened);
  }
  for (int i = 0; i < kMaxPrivate; ++i) {
    const std::string directory = i == 0 ? base : base + "-" + std::to_string(i);
    auto opened = SLIP_TRY(open_one(directory, LOCK_EX, Wait::kNo, request, cancel));
    if (opened) return std::move(*opened);
  }
  return fail(ErrorCode::kExhausted, "open cache mount " + printable(request.mount.id) + ": " +
                                         std::to_string(kMaxPrivate) + " are in use");
}

}  // namespace slipway::runner
