// Listing a work tree: the walk, the entries' form on the pipe, and their digest.
#include "runner/source/file_list.h"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/files.h"
#include "base/text.h"
#include "runner/source/tree_path.h"

namespace slipway::runner {
namespace {

std::int64_t nanoseconds(const struct timespec& time) {
  return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

/// The fixed part of an entry on the pipe and in the digest; both ends are the same program.
struct Packed {
  std::uint64_t size;
  std::int64_t mtime_ns;
  std::int64_t ctime_ns;
  std::uint64_t inode;
  std::uint64_t mode;
};

std::string_view special_kind(mode_t mode) {
  if (S_ISFIFO(mode)) return "fifo";
  if (S_ISSOCK(mode)) return "socket";
  return "device";
}

struct CloseDir {
  void operator()(DIR* dir) const { ::closedir(dir); }
};

class Walker {
 public:
  Walker(WalkFilter& filter, WalkSink& sink) : filter_(filter), sink_(sink) {}

  /// `dir_fd` is taken over.
  Status walk(Fd dir_fd, const std::string& dir, std::size_t depth) {
    if (depth > kMaxTreeDepth) {
      return fail(ErrorCode::kExhausted,
                  "read work tree: too deep at " + printable(dir.substr(0, 200)));
    }
    const std::unique_ptr<DIR, CloseDir> stream(::fdopendir(dir_fd.get()));
    if (!stream) return fail_errno("list " + printable(dir));
    const int fd = dir_fd.release();
    std::vector<std::string> names;
    bool repository = false;
    for (errno = 0; const dirent* entry = ::readdir(stream.get()); errno = 0) {
      const std::string_view name = entry->d_name;
      if (name == ".git") repository = true;
      if (name != "." && name != ".." && name != ".git") names.emplace_back(name);
    }
    if (errno != 0) return fail_errno("list " + printable(dir));
    if (repository && !dir.empty() && filter_.skips_nested_repositories()) {
      sink_.warning("skipped nested git repository " + printable(dir));
      return {};
    }
    for (const std::string& name : names)
      SLIP_TRY(visit(fd, name, dir.empty() ? name : dir + "/" + name, depth));
    return {};
  }

 private:
  Status visit(int dir_fd, const std::string& name, const std::string& path, std::size_t depth) {
    struct stat info {};
    if (::fstatat(dir_fd, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) {
      if (errno == ENOENT) return {};  // removed since it was listed
      return fail_errno("read work tree: stat " + printable(path));
    }
    if (S_ISDIR(info.st_mode)) return visit_directory(dir_fd, name, path, info, depth);
    if (!SLIP_TRY(filter_.take(path))) return {};
    if (S_ISREG(info.st_mode) || S_ISLNK(info.st_mode)) return add(path, info);
    sink_.warning("skipped " + std::string(special_kind(info.st_mode)) + " " + printable(path));
    return {};
  }

  Status visit_directory(int dir_fd, const std::string& name, const std::string& path,
                         const struct stat& info, std::size_t depth) {
    if (!SLIP_TRY(filter_.enter(path))) return {};
    Fd fd(::openat(dir_fd, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!fd && (errno == ENOENT || errno == ENOTDIR || errno == ELOOP))
      return {};  // replaced meanwhile
    if (!fd) return fail_errno("read work tree: open directory " + printable(path));
    if (filter_.keeps_directories()) SLIP_TRY(add(path, info));
    return walk(std::move(fd), path, depth + 1);
  }

  Status add(const std::string& path, const struct stat& info) {
    if (++count_ > kMaxTreeEntries) {
      return fail(ErrorCode::kExhausted,
                  "read work tree: more than " + std::to_string(kMaxTreeEntries) + " files");
    }
    return sink_.entry(make_entry(path, info));
  }

  WalkFilter& filter_;
  WalkSink& sink_;
  std::size_t count_ = 0;
};

Packed pack(const FileEntry& entry) {
  return {entry.size, entry.mtime_ns, entry.ctime_ns, entry.inode, entry.mode};
}

std::string_view bytes_of(const Packed& packed) {
  return {reinterpret_cast<const char*>(&packed), sizeof(packed)};
}

}  // namespace

FileEntry make_entry(std::string path, const struct stat& info) {
  FileEntry entry;
  entry.path = std::move(path);
  entry.mode = info.st_mode;
  // A directory's size and times say nothing of the files it holds.
  if (S_ISDIR(info.st_mode)) return entry;
  entry.size = static_cast<std::uint64_t>(info.st_size);
  entry.mtime_ns = nanoseconds(info.st_mtim);
  entry.ctime_ns = nanoseconds(info.st_ctim);
  entry.inode = info.st_ino;
  return entry;
}

std::string encode_entry(const FileEntry& entry) {
  return std::string(bytes_of(pack(entry))) + entry.path;
}

Result<FileEntry> decode_entry(std::string_view bytes) {
  Packed packed{};
  if (bytes.size() <= sizeof(packed))
    return fail(ErrorCode::kCorrupt, "read work tree: malformed entry");
  std::memcpy(&packed, bytes.data(), sizeof(packed));
  FileEntry entry;
  entry.path = bytes.substr(sizeof(packed));
  entry.mode = static_cast<std::uint32_t>(packed.mode);
  entry.size = packed.size;
  entry.mtime_ns = packed.mtime_ns;
  entry.ctime_ns = packed.ctime_ns;
  entry.inode = packed.inode;
  SLIP_TRY(check_tree_path(entry.path, PathOrigin::kDisk));
  return entry;
}

Status walk_tree(int root_fd, WalkFilter& filter, WalkSink& sink) {
  Fd own = SLIP_TRY(open_at(root_fd, ".", O_RDONLY | O_DIRECTORY));
  return Walker(filter, sink).walk(std::move(own), "", 0);
}

Digest list_digest(const std::vector<FileEntry>& entries, std::string_view base) {
  Sha256 hasher;
  std::string block(base);
  block += '\0';
  for (const FileEntry& entry : entries) {
    block += bytes_of(pack(entry));
    block += entry.path;
    block += '\0';
    if (block.size() < (std::size_t{64} << 10)) continue;
    hasher.update(block);
    block.clear();
  }
  hasher.update(block);
  return hasher.finish();
}

bool times_are_settled(const std::vector<FileEntry>& entries, WallTime scan_start) {
  // File systems stamp with the time of the last timer tick, at most 10 ms old (HZ=100); twice that for safety.
  constexpr std::int64_t kGranularity = 20'000'000;
  const std::int64_t start =
      std::chrono::duration_cast<std::chrono::nanoseconds>(scan_start.time_since_epoch()).count();
  return std::none_of(entries.begin(), entries.end(), [&](const FileEntry& entry) {
    return entry.ctime_ns > start - kGranularity;  // any write sets it; mtime can be set at will
  });
}

}  // namespace slipway::runner
