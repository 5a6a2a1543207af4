// Paths of the container, always by openat2 from a directory descriptor, so that no link leads out
// of the root.
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>

#include "sandbox/launch/child/child.h"
#include "sandbox/launch/child/raw.h"

namespace slipway::sandbox::child {
namespace {

constexpr std::size_t kPathSize = 4096;  // PATH_MAX
constexpr std::uint64_t kInRoot = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
constexpr int kMaxAttempts = 1'000;
constexpr int kMaxRounds = 400;  // Components made plus dangling links followed, for one target.

std::size_t length(const char* text) {
  std::size_t size = 0;
  while (text[size] != '\0') size++;
  return size;
}

long close_and(long fd, long result) {
  raw::invoke(SYS_close, fd);
  return result;
}

// A path being made in the root: `text[0, existing)` is there, the next component is not.
struct Walk {
  char text[kPathSize];
  std::size_t size = 0;

  long set(const char* path) {
    size = length(path);
    if (size + 1 > kPathSize) return -ENAMETOOLONG;
    for (std::size_t i = 0; i <= size; i++) text[i] = path[i];
    return 0;
  }
  std::size_t component_end(std::size_t from) const {
    while (from < size && text[from] == '/') from++;
    while (from < size && text[from] != '/') from++;
    return from;
  }
  bool last(std::size_t end) const {
    while (end < size && text[end] == '/') end++;
    return end == size;
  }
};

// Opens the longest existing prefix; *end is where it stops.
long open_prefix(int root, Walk& walk, std::size_t* end) {
  long parent = open_how(root, "/", O_PATH | O_DIRECTORY, kInRoot);
  *end = 0;
  while (parent >= 0 && *end < walk.size) {
    const std::size_t next = walk.component_end(*end);
    const char saved = walk.text[next];
    walk.text[next] = '\0';
    const long fd = open_how(root, walk.text, O_PATH, kInRoot);
    walk.text[next] = saved;
    if (fd == -ENOENT) return parent;
    raw::invoke(SYS_close, parent);
    parent = fd;
    *end = next;
  }
  return parent;
}

// The component after `end` is a link to something missing: continue with where it points, still
// inside the root.
long follow_dangling(Walk& walk, std::size_t end, std::size_t next, const char* link,
                     std::size_t link_size) {
  Walk fresh;
  const std::size_t prefix = link[0] == '/' ? 0 : end;
  if (prefix + 1 + link_size + (walk.size - next) + 1 > kPathSize) return -ENAMETOOLONG;
  for (std::size_t i = 0; i < prefix; i++) fresh.text[fresh.size++] = walk.text[i];
  fresh.text[fresh.size++] = '/';
  for (std::size_t i = 0; i < link_size; i++) fresh.text[fresh.size++] = link[i];
  for (std::size_t i = next; i < walk.size; i++) fresh.text[fresh.size++] = walk.text[i];
  fresh.text[fresh.size] = '\0';
  return walk.set(fresh.text);
}

// Makes the component after `end` (or follows it when it is a dangling link).
long extend(long parent, Walk& walk, std::size_t end, bool directory) {
  const std::size_t next = walk.component_end(end);
  std::size_t begin = end;
  while (walk.text[begin] == '/') begin++;
  const char saved = walk.text[next];
  walk.text[next] = '\0';
  const char* name = walk.text + begin;
  long result;
  char link[kPathSize];
  const long link_size =
      raw::invoke(SYS_readlinkat, parent, name, link, static_cast<long>(sizeof link));
  if (link_size > 0) {
    walk.text[next] = saved;
    return follow_dangling(walk, end, next, link, static_cast<std::size_t>(link_size));
  }
  if (directory || saved == '/') {
    result = raw::invoke(SYS_mkdirat, parent, name, 0755);
  } else {
    result = raw::invoke(SYS_openat, parent, name,
                         O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
    if (result >= 0) result = close_and(result, 0);
  }
  walk.text[next] = saved;
  return result;
}

}  // namespace

long open_how(int at, const char* path, std::uint64_t flags, std::uint64_t resolve) {
  struct open_how how {};
  how.flags = flags | O_CLOEXEC;
  how.resolve = resolve;
  // Linux: openat2(2), EAGAIN: a rename or mount anywhere on the machine made a ".." uncertain. Other containers start
  // all the time, so the bound is generous.
  long fd = -EAGAIN;
  for (int attempt = 0; attempt < kMaxAttempts && fd == -EAGAIN; attempt++) {
    fd = raw::invoke(SYS_openat2, at, path, &how, static_cast<long>(sizeof how));
  }
  return fd;
}

long ensure_target(int root, const char* path, bool directory, bool* made) {
  *made = false;
  const std::uint64_t kind = directory ? O_DIRECTORY : 0;
  long fd = open_how(root, path, O_PATH | kind, kInRoot);
  if (fd != -ENOENT) return fd;
  Walk walk;
  long result = walk.set(path);
  for (int round = 0; result >= 0 && round < kMaxRounds; round++) {
    std::size_t end = 0;
    fd = open_prefix(root, walk, &end);
    if (fd < 0) return fd;
    if (walk.last(end)) return fd;
    result = close_and(fd, extend(fd, walk, end, directory));
    *made = true;
  }
  return result < 0 ? result : -ELOOP;
}

long open_directory(State& state, const Operation& operation) {
  const long fd =
      open_how(state.fd(operation.at), operation.path, O_PATH | O_DIRECTORY | O_NOFOLLOW,
               RESOLVE_NO_SYMLINKS | RESOLVE_BENEATH);
  if (fd < 0) return fd;
  state.keep(operation.out, static_cast<int>(fd));
  return 0;
}

long open_root(State& state, const Operation& operation) {
  const long fd = raw::invoke(SYS_openat, AT_FDCWD, "/", O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
  if (fd < 0) return fd;
  state.keep(operation.out, static_cast<int>(fd));
  return 0;
}

long make_directory(State& state, const Operation& operation) {
  const int at = state.fd(operation.at);
  const long result = raw::invoke(SYS_mkdirat, at, operation.path, operation.mode);
  // A read-only root says EROFS before it looks whether the name exists; opening it tells later.
  if (result == -EEXIST || result == -EROFS) return 0;
  if (result < 0 || (operation.mode & 07022) == 0) return result;
  return raw::invoke(SYS_fchmodat, at, operation.path,
                     operation.mode);  // The umask took bits away.
}

long make_directories(State& state, const Operation& operation) {
  bool made = false;
  const long fd = ensure_target(state.fd(kRoot), operation.path, true, &made);
  if (fd < 0) return fd;
  long result = 0;
  if (made) {
    result = raw::invoke(SYS_fchownat, fd, "", operation.uid, operation.gid, AT_EMPTY_PATH);
  }
  return close_and(fd, result);
}

long make_file(State& state, const Operation& operation) {
  const long fd = raw::invoke(SYS_openat, state.fd(operation.at), operation.path,
                              O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (fd < 0) return fd;
  const char* data = static_cast<const char*>(operation.data);
  for (std::size_t done = 0; done < operation.size;) {
    const long size =
        raw::invoke(SYS_write, fd, data + done, static_cast<long>(operation.size - done));
    if (size <= 0) return close_and(fd, size < 0 ? size : -EIO);
    done += static_cast<std::size_t>(size);
  }
  if (operation.uid != 0 || operation.gid != 0) {
    const long owned = raw::invoke(SYS_fchown, fd, operation.uid, operation.gid);
    if (owned < 0) return close_and(fd, owned);
  }
  return close_and(fd, raw::invoke(SYS_fchmod, fd, operation.mode));
}

long make_link(State& state, const Operation& operation) {
  const long result = raw::invoke(SYS_symlinkat, static_cast<const char*>(operation.data),
                                  state.fd(operation.at), operation.path);
  return result == -EEXIST || result == -EROFS ? 0 : result;
}

// R5: only through a procfs that this child mounted itself.
long write_control(State& state, const Operation& operation) {
  const long fd = open_how(state.fd(operation.at), operation.path, O_WRONLY,
                           RESOLVE_NO_SYMLINKS | RESOLVE_BENEATH | RESOLVE_NO_XDEV);
  long result = fd;
  if (fd >= 0) {
    result = close_and(
        fd, raw::invoke(SYS_write, fd, operation.data, static_cast<long>(operation.size)));
  }
  return result < 0 && operation.flags == 0 ? result : 0;
}

}  // namespace slipway::sandbox::child
