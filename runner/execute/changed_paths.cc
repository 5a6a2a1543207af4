// What differs between two trees.
#include "runner/execute/changed_paths.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "base/files.h"
#include "runner/execute/artifacts.h"

namespace slipway::runner {
namespace {

Result<bool> same_bytes(int a_dir, int b_dir, const std::string& path) {
  const Fd a = SLIP_TRY(open_in_root(a_dir, path, O_RDONLY | O_NOFOLLOW));
  const Fd b = SLIP_TRY(open_in_root(b_dir, path, O_RDONLY | O_NOFOLLOW));
  std::array<char, 16'384> first;   // NOLINT: filled by read
  std::array<char, 16'384> second;  // NOLINT: filled by read
  for (off_t at = 0;;) {
    const ssize_t left = ::pread(a.get(), first.data(), first.size(), at);
    if (left < 0) return fail_errno("read " + path);
    const ssize_t right =
        ::pread(b.get(), second.data(), static_cast<std::size_t>(std::max<ssize_t>(left, 1)), at);
    if (right < 0) return fail_errno("read " + path);
    if (left != right || !std::equal(first.begin(), first.begin() + left, second.begin()))
      return false;
    if (left == 0) return true;
    at += left;
  }
}

Result<bool> same(int a_dir, int b_dir, const std::string& path) {
  struct stat a {
  }, b{};
  if (::fstatat(a_dir, path.c_str(), &a, AT_SYMLINK_NOFOLLOW) != 0 ||
      ::fstatat(b_dir, path.c_str(), &b, AT_SYMLINK_NOFOLLOW) != 0)
    return fail_errno("examine " + path);
  if ((a.st_mode & S_IFMT) != (b.st_mode & S_IFMT) || a.st_size != b.st_size) return false;
  if (S_ISLNK(a.st_mode)) {
    std::array<char, 4096> first{};
    std::array<char, 4096> second{};
    (void)!::readlinkat(a_dir, path.c_str(), first.data(), first.size());
    (void)!::readlinkat(b_dir, path.c_str(), second.data(), second.size());
    return first == second;
  }
  if ((a.st_mode & 0100) != (b.st_mode & 0100)) return false;
  return same_bytes(a_dir, b_dir, path);
}

}  // namespace

Result<std::vector<std::string>> changed_paths(const std::string& before, const std::string& after,
                                               const CancelToken& cancel) {
  const Fd a = SLIP_TRY(open_file(before, O_RDONLY | O_DIRECTORY));
  const Fd b = SLIP_TRY(open_file(after, O_RDONLY | O_DIRECTORY));
  std::vector<std::string> old_files = SLIP_TRY(find_files(a.get(), {"**"}, {}));
  std::vector<std::string> new_files = SLIP_TRY(find_files(b.get(), {"**"}, {}));
  std::sort(old_files.begin(), old_files.end());
  std::sort(new_files.begin(), new_files.end());
  std::vector<std::string> changed;
  std::set_symmetric_difference(old_files.begin(), old_files.end(), new_files.begin(),
                                new_files.end(), std::back_inserter(changed));
  std::vector<std::string> both;
  std::set_intersection(old_files.begin(), old_files.end(), new_files.begin(), new_files.end(),
                        std::back_inserter(both));
  for (const std::string& path : both) {
    if (cancel.cancelled()) return fail(ErrorCode::kCancelled, "compare trees: cancelled");
    if (!SLIP_TRY(same(a.get(), b.get(), path))) changed.push_back(path);
  }
  return changed;
}

}  // namespace slipway::runner
