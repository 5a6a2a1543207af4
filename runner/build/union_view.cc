// Reading a stack of layers as one tree. Nothing is written and nothing is followed out of it.
#include "runner/build/union_view.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <deque>
#include <map>
#include <memory>

#include "base/files.h"
#include "base/text.h"
#include "cachestore/overlay.h"

namespace slipway::runner {
namespace {

// As many as Go's and continuity's resolvers take; the kernel's own limit is 40 within one call.
constexpr int kMaxLinks = 255;
// A rename elsewhere makes the kernel answer EAGAIN.
constexpr int kRaceTries = 64;

struct CloseDir {
  void operator()(DIR* dir) const { ::closedir(dir); }
};

// Linux 5.6: openat2(2).
Fd open_beneath(int root_fd, const std::string& path, int flags) {
  open_how how{};
  how.flags = static_cast<std::uint64_t>(flags | O_CLOEXEC);
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
  for (int tries = 0;; ++tries) {
    const long fd =
        ::syscall(SYS_openat2, root_fd, path.empty() ? "." : path.c_str(), &how, sizeof how);
    if (fd >= 0) return Fd(static_cast<int>(fd));
    if (errno != EINTR && (errno != EAGAIN || tries >= kRaceTries)) return Fd();
  }
}

bool is_absent(int sys_errno) { return sys_errno == ENOENT || sys_errno == ENOTDIR; }

Result<std::vector<std::string>> names_in(int dir_fd, const std::string& what) {
  Fd fd(::openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd) return fail_errno("list " + what);
  const std::unique_ptr<DIR, CloseDir> dir(::fdopendir(fd.get()));
  if (!dir) return fail_errno("list " + what);
  [[maybe_unused]] const int owned_by_dir = fd.release();
  std::vector<std::string> names;
  while (true) {
    errno = 0;
    const dirent* entry = ::readdir(dir.get());
    if (entry == nullptr) break;
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") names.emplace_back(name);
  }
  if (errno != 0) return fail_errno("list " + what);
  return names;
}

}  // namespace

std::string join_path(const std::string& parent, const std::string& name) {
  if (parent.empty()) return name;
  if (name.empty()) return parent;
  std::string joined;
  joined.reserve(parent.size() + 1 + name.size());
  joined += parent;
  joined += '/';
  joined += name;
  return joined;
}

std::vector<std::string> path_parts(std::string_view path) {
  std::vector<std::string> parts;
  for (const std::string_view part : split(path, '/')) {
    if (!part.empty() && part != ".") parts.emplace_back(part);
  }
  return parts;
}

std::string clean_path(std::string_view path) {
  std::vector<std::string> kept;
  for (std::string& part : path_parts(path)) {
    if (part != "..") {
      kept.push_back(std::move(part));
    } else if (!kept.empty()) {
      kept.pop_back();
    }
  }
  return join(kept, "/");
}

const UnionDir::Part* UnionDir::part(LayerIndex layer) const {
  for (const Part& part : parts) {
    if (part.layer == layer) return &part;
  }
  return nullptr;
}

Result<UnionView> UnionView::open(const std::vector<std::string>& directories) {
  // Overlayfs takes 500 lower layers.
  constexpr std::size_t kMaxLayers = 1'000;
  if (directories.size() > kMaxLayers) {
    return fail(ErrorCode::kInvalid, "open stack: more than 1000 layers");
  }
  UnionView view;
  for (const std::string& path : directories) {
    view.roots_.push_back(SLIP_TRY(slipway::open_file(path, O_PATH | O_DIRECTORY)));
    view.names_.push_back(path);
  }
  return view;
}

UnionEntry UnionView::root() const {
  UnionEntry root;
  root.info.st_mode = S_IFDIR | 0755;
  if (!roots_.empty()) ::fstat(roots_.back().get(), &root.info);
  for (std::size_t i = roots_.size(); i-- > 0;) {
    root.layers.push_back(static_cast<LayerIndex>(i));
  }
  root.layer = root.layers.empty() ? LayerIndex{0} : root.layers.front();
  return root;
}

Result<UnionDir> UnionView::open_dir(const std::string& path,
                                     const std::vector<LayerIndex>& layers) const {
  UnionDir dir;
  dir.path = path;
  for (const LayerIndex layer : layers) {
    Fd fd = open_beneath(roots_[layer].get(), path, O_RDONLY | O_DIRECTORY);
    if (!fd) {
      // Gone, or no directory any more: only the top one must be there, it is what was asked for.
      if (is_absent(errno) && !dir.parts.empty()) continue;
      return fail_errno("open directory " + printable(names_[layer] + "/" + path));
    }
    dir.parts.push_back({layer, std::move(fd)});
    if (layer != layers.back() && cachestore::hides_lower(dir.parts.back().fd.get())) break;
  }
  return dir;
}

Result<std::optional<UnionEntry>> UnionView::child(const UnionDir& dir,
                                                   const std::string& name) const {
  std::optional<UnionEntry> found;
  for (const UnionDir::Part& part : dir.parts) {
    struct stat info {};
    if (::fstatat(part.fd.get(), name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) {
      if (is_absent(errno)) continue;
      return fail_errno("stat " + printable(join_path(dir.path, name)));
    }
    if (cachestore::is_removal(info.st_mode, info.st_rdev)) break;
    if (found && !S_ISDIR(info.st_mode)) break;
    if (!found) found = UnionEntry{name, info, part.layer, {}};
    if (!S_ISDIR(info.st_mode)) break;
    found->layers.push_back(part.layer);
  }
  return found;
}

Result<std::vector<UnionEntry>> UnionView::list(const UnionDir& dir) const {
  std::vector<UnionEntry> entries;
  if (dir.parts.empty()) return entries;
  const std::string what = printable("/" + dir.path);
  std::vector<std::string> names = SLIP_TRY(names_in(dir.parts.front().fd.get(), what));
  for (std::size_t i = 1; i < dir.parts.size(); ++i) {
    for (std::string& name : SLIP_TRY(names_in(dir.parts[i].fd.get(), what))) {
      names.push_back(std::move(name));
    }
  }
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  entries.reserve(names.size());
  for (const std::string& name : names) {
    // What went away meanwhile is not listed.
    std::optional<UnionEntry> entry = SLIP_TRY(child(dir, name));
    if (entry) entries.push_back(*std::move(entry));
  }
  return entries;
}

Result<UnionView::Place> UnionView::resolve(const std::string& path, Last last) const {
  std::vector<UnionEntry> way = {root()};  // directories from the root to where we are
  std::deque<std::string> rest;
  for (std::string& part : path_parts(path)) rest.push_back(std::move(part));
  std::vector<std::string> names;
  int links = 0;
  bool exists = true;
  while (!rest.empty()) {
    const std::string name = std::move(rest.front());
    rest.pop_front();
    if (name == "..") {
      if (!names.empty()) names.pop_back();
      if (way.size() > names.size() + 1) way.pop_back();
      exists = way.size() == names.size() + 1;
      continue;
    }
    if (!exists) {
      names.push_back(name);
      continue;
    }
    if (!way.back().is_directory()) {
      return fail(ErrorCode::kNotFound,
                  "open /" + printable(join(names, "/")) + ": not a directory");
    }
    const UnionDir dir = SLIP_TRY(open_dir(join(names, "/"), way.back().layers));
    std::optional<UnionEntry> entry = SLIP_TRY(child(dir, name));
    if (entry && entry->is_link() && (last == Last::kFollow || !rest.empty())) {
      if (++links > kMaxLinks) {
        return fail(ErrorCode::kInvalid, "open " + printable(path) + ": too many links");
      }
      const std::string target = SLIP_TRY(read_link(dir, *entry));
      std::vector<std::string> parts = path_parts(target);
      rest.insert(rest.begin(), parts.begin(), parts.end());
      if (target.starts_with('/')) {
        names.clear();
        way.resize(1);
      }
      continue;
    }
    names.push_back(name);
    exists = entry.has_value();
    if (entry) way.push_back(*std::move(entry));
  }
  Place place;
  place.path = join(names, "/");
  if (exists) place.entry = std::move(way.back());
  return place;
}

Result<Fd> UnionView::open_file(const UnionDir& dir, const UnionEntry& entry) const {
  const UnionDir::Part* part = dir.part(entry.layer);
  const std::string what = printable(join_path(dir.path, entry.name));
  if (part == nullptr) return fail(ErrorCode::kInternal, "open " + what + ": no such layer");
  // Not blocking: a fifo that took the file's place must not hang us.
  Fd fd(::openat(part->fd.get(), entry.name.c_str(),
                 O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
  if (!fd) return fail_errno("open " + what);
  struct stat info {};
  if (::fstat(fd.get(), &info) != 0) return fail_errno("stat " + what);
  if (!S_ISREG(info.st_mode) || info.st_ino != entry.info.st_ino) {
    return fail(ErrorCode::kUnavailable, "open " + what + ": the file was replaced meanwhile");
  }
  return fd;
}

Result<std::string> UnionView::read_link(const UnionDir& dir, const UnionEntry& entry) const {
  const UnionDir::Part* part = dir.part(entry.layer);
  const std::string what = printable(join_path(dir.path, entry.name));
  if (part == nullptr) return fail(ErrorCode::kInternal, "read link " + what + ": no such layer");
  std::array<char, PATH_MAX> target{};
  const ssize_t n = ::readlinkat(part->fd.get(), entry.name.c_str(), target.data(), target.size());
  if (n < 0) return fail_errno("read link " + what);
  return std::string(target.data(), static_cast<std::size_t>(n));
}

}  // namespace slipway::runner
