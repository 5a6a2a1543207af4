// Walking an overlay's upper directory. Spec: Documentation/filesystems/overlayfs.rst, "whiteouts and opaque
// directories".
#include "sandbox/containers/upper.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>
#include <set>

#include "base/files.h"

namespace slipway::sandbox {
namespace {

using Change = Containers::Change;
using Kind = Change::Kind;

constexpr std::size_t kDeepest = 256;  // As for layers: what is deeper cannot come from an image.

bool is_whiteout(const struct stat& info) { return S_ISCHR(info.st_mode) && info.st_rdev == 0; }

bool is_opaque(int directory) {
  std::array<char, 4> value{};
  for (const char* name : {"trusted.overlay.opaque", "user.overlay.opaque"}) {
    if (::fgetxattr(directory, name, value.data(), value.size()) == 1 && value[0] == 'y')
      return true;
  }
  return false;
}

// Where the engine mounts its own things; without a file of the image there is an empty one now.
bool is_engines(const std::string& path, const struct stat& info) {
  constexpr std::string_view kDirectories[] = {"/proc", "/sys", "/dev"};
  constexpr std::string_view kFiles[] = {"/etc/hosts", "/etc/hostname", "/etc/resolv.conf"};
  const auto is_path = [&](std::string_view one) { return path == one; };
  if (S_ISDIR(info.st_mode))
    return std::any_of(std::begin(kDirectories), std::end(kDirectories), is_path);
  return S_ISREG(info.st_mode) && info.st_size == 0 &&
         std::any_of(std::begin(kFiles), std::end(kFiles), is_path);
}

std::optional<struct stat> stat_in(int root, const std::string& path) {
  const auto found = open_in_root(root, path, O_PATH | O_NOFOLLOW);
  struct stat info {};
  if (!found || ::fstat(found->get(), &info) != 0) return std::nullopt;
  return info;
}

class ChangeWalk {
 public:
  explicit ChangeWalk(int lower) : lower_(lower) {}

  // True when anything was changed at or below `path`.
  Result<bool> walk(int upper, const std::string& path, std::size_t depth) {
    if (depth > kDeepest) return fail(ErrorCode::kInvalid, "compare " + path + ": too deep");
    bool any = false;
    const bool opaque = is_opaque(upper);
    const auto names = SLIP_TRY(list_dir(upper, path));
    for (const std::string& name : names) any = SLIP_TRY(entry(upper, path, name, depth)) || any;
    if (opaque) any = SLIP_TRY(hidden_below(path, names)) || any;
    return any;
  }

  std::vector<Change> take() {
    std::sort(changes_.begin(), changes_.end(),
              [](const Change& a, const Change& b) { return a.path < b.path; });
    return std::move(changes_);
  }

 private:
  Result<bool> entry(int upper, const std::string& parent, const std::string& name,
                     std::size_t depth) {
    const std::string path = parent + "/" + name;
    struct stat info {};
    if (::fstatat(upper, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) {
      if (errno == ENOENT) return false;  // A running container removed it just now.
      return fail_errno("compare " + path);
    }
    const auto below = stat_in(lower_, path);
    if (is_whiteout(info)) {
      if (below) changes_.push_back({Kind::kDeleted, path});
      return below.has_value();
    }
    if (!below && is_engines(path, info)) return false;
    const bool same_kind = below && (below->st_mode & S_IFMT) == (info.st_mode & S_IFMT);
    bool changed = true;
    if (S_ISDIR(info.st_mode)) {
      const bool touched = !same_kind || below->st_mode != info.st_mode ||
                           below->st_uid != info.st_uid || below->st_gid != info.st_gid;
      auto directory = open_at(upper, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
      if (!directory && directory.error().code() == ErrorCode::kNotFound) return false;
      const Fd opened = SLIP_TRY(std::move(directory));
      changed = SLIP_TRY(walk(opened.get(), path, depth + 1)) || touched;
    }
    if (changed) changes_.push_back({same_kind ? Kind::kModified : Kind::kAdded, path});
    return changed;
  }

  // What an opaque directory hides without a whiteout for each.
  Result<bool> hidden_below(const std::string& path, const std::vector<std::string>& names) {
    const auto directory = open_in_root(lower_, path, O_RDONLY | O_DIRECTORY);
    if (!directory) return false;
    bool any = false;
    for (const std::string& name : SLIP_TRY(list_dir(directory->get(), path))) {
      if (std::binary_search(names.begin(), names.end(), name)) continue;
      changes_.push_back({Kind::kDeleted, path + "/" + name});
      any = true;
    }
    return any;
  }

  int lower_;
  std::vector<Change> changes_;
};

struct SizeWalk {
  std::uint64_t bytes = 0;
  std::set<std::pair<dev_t, ino_t>> seen;  // Files with several names.

  Status walk(int directory, std::size_t depth) {
    if (depth > kDeepest) return {};
    for (const std::string& name : SLIP_TRY(list_dir(directory, "upper"))) {
      struct stat info {};
      if (::fstatat(directory, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) continue;
      if (S_ISREG(info.st_mode)) {
        if (info.st_nlink == 1 || seen.insert({info.st_dev, info.st_ino}).second)
          bytes += static_cast<std::uint64_t>(info.st_size);
      } else if (S_ISDIR(info.st_mode)) {
        const auto below = open_at(directory, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
        if (below) SLIP_TRY(walk(below->get(), depth + 1));
      }
    }
    return {};
  }
};

}  // namespace

Result<std::vector<Change>> upper_changes(int upper, int lower) {
  ChangeWalk walk(lower);
  SLIP_TRY(walk.walk(upper, "", 0));
  return walk.take();
}

Result<std::uint64_t> upper_size(int upper) {
  SizeWalk walk;
  SLIP_TRY(walk.walk(upper, 0));
  return walk.bytes;
}

}  // namespace slipway::sandbox
