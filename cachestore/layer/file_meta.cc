// Applies owner, mode, extended attributes and time to unpacked files.
#include "cachestore/layer/file_meta.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <array>

#include "base/text.h"

namespace slipway::cachestore {
namespace {

constexpr mode_t kPermissions = 0777;
constexpr mode_t kAllBits = 07777;
// An artifact's owner must be able to read it again and to delete it.
constexpr mode_t kArtifactFile = 0400;
constexpr mode_t kArtifactDir = 0700;

bool keeps_owners(UnpackPolicy policy) {
  return policy == UnpackPolicy::kLayer || policy == UnpackPolicy::kCopyOwners;
}
bool keeps_bits(UnpackPolicy policy) {
  return keeps_owners(policy) || policy == UnpackPolicy::kCopyModes;
}

std::array<timespec, 2> both(timespec time) { return {time, time}; }

}  // namespace

// Kept exact or refused, never wrapped: id 65536 must not become root.
Status MetaWriter::check(const FileMeta& meta) const {
  if (!keeps_owners(policy_)) return {};
  const std::int64_t worst = std::max(meta.uid, meta.gid);
  if (worst > kMaxId || meta.uid < 0 || meta.gid < 0) {
    return fail(ErrorCode::kInvalid,
                "owner id " + std::to_string(worst) + " is beyond 65535, where container ids end");
  }
  return {};
}

// An ordinary user without sub-ids owns everything it unpacks; with them, ids outside the map cannot be given.
Status MetaWriter::owner(int result) {
  if (result == 0) return {};
  if (may_squash_ && (errno == EPERM || errno == EINVAL)) {
    ++stats_.squashed_owners;
    return {};
  }
  return fail_errno("set owner");
}

Status MetaWriter::set_xattrs(int fd, const FileMeta& meta) {
  if (!keeps_bits(policy_) || meta.xattrs == nullptr) return {};
  for (const auto& [name, value] : *meta.xattrs) {
    if (!keeps_xattr(name)) {
      ++stats_.dropped_xattrs;
      continue;
    }
    if (::fsetxattr(fd, name.c_str(), value.data(), value.size(), 0) == 0) continue;
    // Not every file system and namespace knows every attribute; the file is of use without it.
    if (errno != EOPNOTSUPP && errno != EPERM) return fail_errno("set xattr " + printable(name));
    ++stats_.dropped_xattrs;
  }
  return {};
}

Status MetaWriter::to_file(int fd, const FileMeta& meta, Times times) {
  if (!keeps_bits(policy_)) {
    const mode_t least = policy_ == UnpackPolicy::kArtifact ? kArtifactFile : 0;
    if (::fchmod(fd, (meta.mode & kPermissions) | least) != 0) return fail_errno("set mode");
  } else {
    // chown takes set-id bits and capabilities away: first the owner, then the rest.
    if (keeps_owners(policy_)) {
      SLIP_TRY(owner(::fchown(fd, static_cast<uid_t>(meta.uid), static_cast<gid_t>(meta.gid))));
    }
    if (::fchmod(fd, meta.mode & kAllBits) != 0) return fail_errno("set mode");
    SLIP_TRY(set_xattrs(fd, meta));
  }
  if (times == Times::kLater) return {};
  if (::futimens(fd, both(meta.mtime).data()) != 0) return fail_errno("set time");
  return {};
}

Status MetaWriter::to_directory(int fd, const FileMeta& meta) {
  FileMeta dir = meta;
  if (policy_ == UnpackPolicy::kArtifact) dir.mode |= kArtifactDir;
  return to_file(fd, dir, Times::kLater);
}

Status MetaWriter::to_name(int dir_fd, const std::string& name, const FileMeta& meta) {
  if (keeps_owners(policy_)) {
    SLIP_TRY(owner(::fchownat(dir_fd, name.c_str(), static_cast<uid_t>(meta.uid),
                              static_cast<gid_t>(meta.gid), AT_SYMLINK_NOFOLLOW)));
  }
  if (::utimensat(dir_fd, name.c_str(), both(meta.mtime).data(), AT_SYMLINK_NOFOLLOW) != 0) {
    return fail_errno("set time");
  }
  return {};
}

}  // namespace slipway::cachestore
