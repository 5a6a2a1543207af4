// What a directory is: a git checkout or just files; and single files of it.
#include <fcntl.h>
#include <sys/stat.h>

#include <climits>
#include <cstdlib>
#include <optional>

#include "base/files.h"
#include "base/text.h"
#include "runner/source/git_reader.h"
#include "runner/source/tree_path.h"
#include "runner/source/workspace.h"

namespace slipway::runner {
namespace {

Result<std::string> resolve_directory(const std::string& dir) {
  const std::unique_ptr<char, void (*)(void*)> real(::realpath(dir.c_str(), nullptr), std::free);
  if (!real) return fail_errno("examine directory " + printable(dir));
  struct stat info {};
  if (::stat(real.get(), &info) != 0) return fail_errno("examine directory " + printable(dir));
  if (!S_ISDIR(info.st_mode))
    return fail(ErrorCode::kInvalid, "examine " + printable(dir) + ": not a directory");
  return std::string(real.get());
}

/// The nearest directory upwards with a `.git`; like git it stops at the border of the file system.
std::optional<std::string> find_checkout(std::string dir) {
  struct stat start {};
  if (::stat(dir.c_str(), &start) != 0) return std::nullopt;
  for (;;) {
    if (path_exists((dir == "/" ? "" : dir) + "/.git")) return dir;
    if (dir == "/") return std::nullopt;
    const std::size_t slash = dir.rfind('/');
    dir = slash == 0 ? "/" : dir.substr(0, slash);
    struct stat info {};
    if (::stat(dir.c_str(), &info) != 0 || info.st_dev != start.st_dev) return std::nullopt;
  }
}

}  // namespace

Result<SourceState> examine_source(const std::string& dir) {
  const std::string real = SLIP_TRY(resolve_directory(dir));
  if (const std::optional<std::string> root = find_checkout(real)) return git_examine(*root);
  SourceState state;
  state.root = real;
  return state;
}

Result<std::string> read_source_file(const SourceState& state, const std::string& rev,
                                     const std::string& path, ByteCount limit) {
  SLIP_TRY(check_tree_path(path, PathOrigin::kDisk));
  if (!rev.empty()) {
    if (!state.git)
      return fail(ErrorCode::kInvalid, "read commit " + printable(rev) + ": " +
                                           printable(state.root) + " is no git checkout");
    return git_read_file(state.root, rev, path, limit);
  }
  const Fd root = SLIP_TRY(open_file(state.root, O_RDONLY | O_DIRECTORY));
  // Links of the repository are followed, but not out of it.
  const Fd fd = SLIP_TRY(open_in_root(root.get(), path, O_RDONLY | O_NONBLOCK | O_NOCTTY));
  struct stat info {};
  if (::fstat(fd.get(), &info) != 0) return fail_errno("read " + printable(path));
  if (!S_ISREG(info.st_mode))
    return fail(ErrorCode::kInvalid, "read " + printable(path) + ": not a regular file");
  return read_fd(fd.get(), limit, printable(path));
}

}  // namespace slipway::runner
