// A volume's first content, and how much it holds.
#include "sandbox/volume/populate.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <vector>

#include "base/cancel.h"
#include "base/files.h"
#include "cachestore/archive.h"

namespace slipway::sandbox {
namespace {

constexpr const char* kPart = "staging.part";
constexpr const char* kComplete = "staging";
constexpr const char* kData = "data";
// A tree deeper than this is nobody's; what lies below is not counted.
constexpr std::size_t kMaxDepth = 512;

bool exists(int dir_fd, const char* name) {
  return ::faccessat(dir_fd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

Result<bool> is_empty(int dir_fd) {
  const Fd readable = SLIP_TRY(open_at(dir_fd, ".", O_RDONLY | O_DIRECTORY));
  return SLIP_TRY(list_dir(readable.get(), "volume")).empty();
}

Status copy_owner_and_mode(int from_fd, int to_fd) {
  struct stat info {};
  if (::fstat(from_fd, &info) != 0) return fail_errno("stat image directory");
  // An ordinary user cannot give away files to ids that its mapping lacks; the volume is usable all the same.
  if (::fchown(to_fd, info.st_uid, info.st_gid) != 0 && errno != EPERM && errno != EINVAL)
    return fail_errno("set owner of volume");
  if (::fchmod(to_fd, info.st_mode & 07777U) != 0) return fail_errno("set mode of volume");
  return {};
}

}  // namespace

Status finish_populating(int volume_fd) {
  if (exists(volume_fd, kPart)) SLIP_TRY(remove_tree_at(volume_fd, kPart));
  if (!exists(volume_fd, kComplete)) return {};
  const Fd staging = SLIP_TRY(open_at(volume_fd, kComplete, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
  const Fd data = SLIP_TRY(open_at(volume_fd, kData, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
  for (const std::string& name : SLIP_TRY(list_dir(staging.get(), "staged volume"))) {
    // EEXIST: a container made a file of that name meanwhile; the younger one stays, as with docker.
    if (::renameat2(staging.get(), name.c_str(), data.get(), name.c_str(), RENAME_NOREPLACE) != 0 &&
        errno != EEXIST)
      return fail_errno("populate volume");
  }
  SLIP_TRY(copy_owner_and_mode(staging.get(), data.get()));
  return remove_tree_at(volume_fd, kComplete);
}

Status populate_volume(int volume_fd, int image_dir_fd) {
  SLIP_TRY(finish_populating(volume_fd));
  const Fd data = SLIP_TRY(open_at(volume_fd, kData, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
  if (!SLIP_TRY(is_empty(data.get()))) return {};
  if (SLIP_TRY(is_empty(image_dir_fd))) return copy_owner_and_mode(image_dir_fd, data.get());
  if (::mkdirat(volume_fd, kPart, 0700) != 0) return fail_errno("make staging directory of volume");
  const Fd part = SLIP_TRY(open_at(volume_fd, kPart, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
  const CancelToken never;
  SLIP_TRY_WITHIN("populate volume",
                  cachestore::copy_tree(image_dir_fd, {"."}, part.get(),
                                        cachestore::UnpackPolicy::kLayer, {}, never));
  SLIP_TRY(copy_owner_and_mode(image_dir_fd, part.get()));
  if (::renameat(volume_fd, kPart, volume_fd, kComplete) != 0)
    return fail_errno("complete staging directory of volume");
  return finish_populating(volume_fd);
}

ByteCount volume_size(int dir_fd) {
  ByteCount total;
  std::vector<Fd> stack;
  std::vector<std::vector<std::string>> names;
  const auto enter = [&](int parent, const std::string& name) {
    Result<Fd> dir = open_at(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    if (!dir || stack.size() >= kMaxDepth) return;
    names.push_back(list_dir(dir->get(), name).value_or(std::vector<std::string>()));
    stack.push_back(*std::move(dir));
  };
  enter(dir_fd, ".");
  while (!stack.empty()) {
    if (names.back().empty()) {
      names.pop_back();
      stack.pop_back();
      continue;
    }
    const std::string name = std::move(names.back().back());
    names.back().pop_back();
    struct stat info {};
    if (::fstatat(stack.back().get(), name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) continue;
    total.value += static_cast<std::uint64_t>(info.st_blocks) * 512;  // stat(2): units of 512 bytes
    if (S_ISDIR(info.st_mode)) enter(stack.back().get(), name);
  }
  return total;
}

}  // namespace slipway::sandbox
