// The layer applier. What the hostile shapes become:
//   absolute name         below the target (layer), refused (artifact)
//   ".." in a name        refused
//   name through a link   resolved with the target as root (layer), refused (artifact)
//   same name twice       the last wins; what was there is unlinked first, never written through
//   hard link             to a file in the target only, its last part not followed; artifacts: to regular files only
//   device                an empty file, counted (layer), refused (artifact): real nodes have no use in a container
//                         whose /dev is made by the engine, and a 0:0 device would be taken for a whiteout
//   fifo                  made, never opened (layer), refused (artifact)
//   .wh.NAME              a whiteout, or an opaque mark if this layer has a directory NAME itself
//   .wh..wh..opq          an opaque mark; other .wh..wh.* (aufs' own files) are left out
//   owner above 65535     refused; an owner an ordinary user cannot set becomes its root, counted
// Spec: OCI image-spec, layer.md.
#include "cachestore/layer/apply.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>

#include "base/files.h"
#include "base/text.h"
#include "cachestore/layer/entry_path.h"

namespace slipway::cachestore {
namespace {

constexpr std::string_view kWhiteout = ".wh.";
constexpr std::string_view kWhiteoutMeta = ".wh..wh.";
constexpr std::string_view kOpaque = ".wh..wh..opq";
// Directory times wait for the end of the archive; a million directories of common depth fit.
constexpr std::size_t kMaxTimesBytes = std::size_t{128} << 20;
// Smaller files are better written many at a time.
constexpr std::uint64_t kWriteBackFrom = std::uint64_t{256} << 10;

std::string_view base_of(std::string_view path) { return path.substr(path.rfind('/') + 1); }

std::string_view dir_of(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? std::string_view() : path.substr(0, slash);
}

Error invalid(std::string cause) { return Error(ErrorCode::kInvalid, std::move(cause)); }

FileMeta meta_of(const TarEntry& entry) {
  return {entry.mode, entry.uid, entry.gid, entry.mtime, &entry.xattrs};
}

Status write_piece(int fd, std::string_view piece) {
  while (!piece.empty()) {
    const ssize_t n = ::write(fd, piece.data(), piece.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fail_errno("write");
    piece.remove_prefix(static_cast<std::size_t>(n));
  }
  return {};
}

// Makes a file that did not exist; what was there goes.
Result<Fd> create(Target& target, const Target::Place& place) {
  const int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
  Fd fd(::openat(place.dir_fd, place.name.c_str(), flags, 0600));
  if (fd.valid()) return fd;
  if (errno != EEXIST) return fail_errno("create");
  SLIP_TRY(target.clear(place, Target::Keep::kNothing));
  fd = Fd(::openat(place.dir_fd, place.name.c_str(), flags, 0600));
  if (!fd.valid()) return fail_errno("create");
  return fd;
}

// Runs `make` (which returns 0 or -1), once more after making way when something is there.
template <typename F>
Status make_new(Target& target, const Target::Place& place, std::string_view doing, F&& make) {
  if (make() == 0) return {};
  if (errno != EEXIST) return fail_errno(doing);
  SLIP_TRY(target.clear(place, Target::Keep::kNothing));
  if (make() != 0) return fail_errno(doing);
  return {};
}

}  // namespace

Applier::Applier(TarReader& reader, int target_fd, UnpackPolicy policy, OverlayXattrs xattrs,
                 const LayerLimits& limits)
    : reader_(reader),
      target_(target_fd, policy, xattrs),
      policy_(policy),
      limits_(limits),
      meta_(policy, xattrs, stats_) {}

Result<UnpackStats> Applier::run() {
  TarEntry entry;
  while (SLIP_TRY(reader_.next(entry))) {
    if (++stats_.entries > limits_.max_entries) {
      return fail(reader_.error(
          ErrorCode::kExhausted,
          "the archive has more than " + std::to_string(limits_.max_entries) + " entries"));
    }
    Status applied = apply(entry);
    if (!applied) {
      return fail(from_stream_ ? std::move(applied).error()
                               : reader_.wrap(std::move(applied).error()));
    }
    if (on_progress) on_progress(stats_);
  }
  set_directory_times();
  stats_.implied = target_.implied();
  return stats_;
}

Applier::Handler Applier::handler_of(EntryType type) {
  static constexpr std::array<std::pair<EntryType, Handler>, 7> kHandlers = {{
      {EntryType::kFile, &Applier::make_file},
      {EntryType::kHardLink, &Applier::make_hard_link},
      {EntryType::kSymlink, &Applier::make_symlink},
      {EntryType::kCharDevice, &Applier::make_inert},
      {EntryType::kBlockDevice, &Applier::make_inert},
      {EntryType::kDirectory, &Applier::make_directory},
      {EntryType::kFifo, &Applier::make_fifo},
  }};
  return kHandlers[static_cast<std::size_t>(type)].second;
}

Status Applier::apply(const TarEntry& entry) {
  const std::string path = SLIP_TRY(clean_entry_name(entry.name, policy_, limits_));
  SLIP_TRY(meta_.check(meta_of(entry)));
  if (path.empty()) return apply_top(entry);
  if (policy_ == UnpackPolicy::kArtifact && names_git_dir(path)) {
    ++stats_.skipped;
    return {};
  }
  const std::string_view base = base_of(path);
  if (policy_ == UnpackPolicy::kLayer) {
    if (path.find(kWhiteoutMeta) != std::string::npos && base != kOpaque) {
      for (const std::string_view part : split(path, '/')) {
        if (part.starts_with(kWhiteoutMeta)) return {};
      }
    }
    if (base.starts_with(kWhiteout)) return apply_whiteout(path, base.substr(kWhiteout.size()));
  }
  return (this->*handler_of(entry.type))(entry, path);
}

Status Applier::apply_top(const TarEntry& entry) {
  if (entry.type != EntryType::kDirectory) return fail(invalid("the top must be a directory"));
  const Fd dir = SLIP_TRY(open_at(target_.root_fd(), ".", O_RDONLY | O_DIRECTORY));
  // Where an artifact or a copy lands belongs to whoever made it.
  if (policy_ != UnpackPolicy::kLayer) return {};
  SLIP_TRY(meta_.to_directory(dir.get(), meta_of(entry)));
  return remember_time("", entry.mtime);
}

Status Applier::apply_whiteout(const std::string& path, std::string_view hidden) {
  const bool opaque = base_of(path) == kOpaque;
  if (!opaque && (hidden.empty() || hidden == "." || hidden == "..")) {
    return fail(invalid("a whiteout of nothing, \".\" or \"..\""));
  }
  std::string victim(dir_of(path));
  if (opaque) {
    const Target::Place inside = SLIP_TRY(target_.place(path));
    const Fd dir = SLIP_TRY(open_at(inside.dir_fd, ".", O_RDONLY | O_DIRECTORY));
    return make_opaque(dir.get(), target_.xattrs());
  }
  if (!victim.empty()) victim += '/';
  victim += hidden;
  const Target::Place place = SLIP_TRY(target_.place(victim));
  struct stat info {};
  if (::fstatat(place.dir_fd, place.name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) {
    return make_whiteout(place.dir_fd, place.name.c_str());
  }
  // A whiteout hides lower layers only: what this layer holds stays, and only a directory would merge.
  if (!S_ISDIR(info.st_mode)) return {};
  const Fd dir = SLIP_TRY(open_at(place.dir_fd, place.name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
  return make_opaque(dir.get(), target_.xattrs());
}

Status Applier::make_file(const TarEntry& entry, const std::string& path) {
  const Target::Place place = SLIP_TRY(target_.place(path));
  const Fd fd = SLIP_TRY(create(target_, place));
  SLIP_TRY(write_content(fd.get(), entry));
  SLIP_TRY(meta_.to_file(fd.get(), meta_of(entry), Times::kNow));
  // A hint: whether it was taken shows at the sync.
  if (write_back == WriteBack::kSoon && entry.stored >= kWriteBackFrom) {
    ::sync_file_range(fd.get(), 0, 0, SYNC_FILE_RANGE_WRITE);
  }
  return {};
}

Status Applier::write_content(int fd, const TarEntry& entry) {
  if (entry.sparse) return write_sparse(fd, *entry.sparse);
  for (;;) {
    const std::string_view piece = SLIP_TRY(read_piece());
    if (piece.empty()) return {};
    SLIP_TRY(write_piece(fd, piece));
    stats_.bytes += piece.size();
    if (on_progress) on_progress(stats_);
  }
}

// The stream's own errors name their place already.
Result<std::string_view> Applier::read_piece() {
  auto piece = reader_.data();
  from_stream_ = !piece;
  return piece;
}

Status Applier::write_sparse(int fd, const SparseMap& map) {
  if (::ftruncate(fd, static_cast<off_t>(map.real_size)) != 0) return fail_errno("set size");
  std::string_view piece;
  for (const Extent& extent : map.extents) {
    if (::lseek(fd, static_cast<off_t>(extent.offset), SEEK_SET) < 0) return fail_errno("seek");
    for (std::uint64_t left = extent.size; left > 0;) {
      if (piece.empty()) piece = SLIP_TRY(read_piece());
      if (piece.empty()) return fail(invalid("bad sparse map: more runs than data"));
      const std::string_view part = piece.substr(0, left);
      SLIP_TRY(write_piece(fd, part));
      piece.remove_prefix(part.size());
      left -= part.size();
      stats_.bytes += part.size();
    }
  }
  return {};
}

Status Applier::make_directory(const TarEntry& entry, const std::string& path) {
  const Target::Place place = SLIP_TRY(target_.place(path));
  bool opaque = false;
  if (::mkdirat(place.dir_fd, place.name.c_str(), 0700) != 0) {
    if (errno != EEXIST) return fail_errno("make directory");
    const Target::Before before = SLIP_TRY(target_.clear(place, Target::Keep::kDirectory));
    opaque = before == Target::Before::kWhiteout;
    if (before != Target::Before::kDirectory &&
        ::mkdirat(place.dir_fd, place.name.c_str(), 0700) != 0) {
      return fail_errno("make directory");
    }
  }
  Fd dir = SLIP_TRY(open_at(place.dir_fd, place.name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
  SLIP_TRY(meta_.to_directory(dir.get(), meta_of(entry)));
  if (opaque) SLIP_TRY(make_opaque(dir.get(), target_.xattrs()));
  SLIP_TRY(remember_time(path, entry.mtime));
  target_.described(path);
  target_.enter(path, std::move(dir));
  return {};
}

Status Applier::make_hard_link(const TarEntry& entry, const std::string& path) {
  const std::string link =
      SLIP_TRY_WITHIN("hard link", clean_entry_name(entry.link, policy_, limits_));
  if (link.empty()) return fail(invalid("hard link to the top"));
  const Fd from = SLIP_TRY_WITHIN("hard link", target_.open_parent(link));
  const std::string name(base_of(link));
  struct stat info {};
  if (::fstatat(from.get(), name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) {
    return fail_errno("hard link to \"" + printable(link) + "\"");
  }
  const bool special =
      policy_ == UnpackPolicy::kLayer && (S_ISLNK(info.st_mode) || S_ISFIFO(info.st_mode));
  if (!S_ISREG(info.st_mode) && !special) {
    return fail(invalid("hard link to \"" + printable(link) + "\", which is no regular file"));
  }
  const Target::Place place = SLIP_TRY(target_.place(path));
  struct stat there {};
  if (::fstatat(place.dir_fd, place.name.c_str(), &there, AT_SYMLINK_NOFOLLOW) == 0 &&
      there.st_ino == info.st_ino && there.st_dev == info.st_dev) {
    return {};  // to itself
  }
  return make_new(target_, place, "hard link to \"" + printable(link) + "\"", [&] {
    return ::linkat(from.get(), name.c_str(), place.dir_fd, place.name.c_str(), 0);
  });
}

Status Applier::make_symlink(const TarEntry& entry, const std::string& path) {
  if (entry.link.empty()) return fail(invalid("a link to nothing"));
  if (policy_ == UnpackPolicy::kArtifact) {
    SLIP_TRY(check_artifact_link(entry.link, path_depth(path) - 1));
  }
  const Target::Place place = SLIP_TRY(target_.place(path));
  SLIP_TRY(make_new(target_, place, "make link", [&] {
    return ::symlinkat(entry.link.c_str(), place.dir_fd, place.name.c_str());
  }));
  return meta_.to_name(place.dir_fd, place.name, meta_of(entry));
}

Status Applier::make_fifo(const TarEntry& entry, const std::string& path) {
  if (policy_ == UnpackPolicy::kArtifact) return fail(invalid("a fifo in an artifact"));
  const Target::Place place = SLIP_TRY(target_.place(path));
  SLIP_TRY(make_new(target_, place, "make fifo", [&] {
    return ::mknodat(place.dir_fd, place.name.c_str(), S_IFIFO | 0600, 0);
  }));
  SLIP_TRY(meta_.to_name(place.dir_fd, place.name, meta_of(entry)));
  // Just made by us: not a link that could be followed.
  if (::fchmodat(place.dir_fd, place.name.c_str(), entry.mode, 0) != 0)
    return fail_errno("set mode");
  return {};
}

Status Applier::make_inert(const TarEntry& entry, const std::string& path) {
  if (policy_ == UnpackPolicy::kArtifact) return fail(invalid("a device in an artifact"));
  const Target::Place place = SLIP_TRY(target_.place(path));
  const Fd fd = SLIP_TRY(create(target_, place));
  ++stats_.inert_devices;
  return meta_.to_file(fd.get(), meta_of(entry), Times::kNow);
}

Status Applier::remember_time(const std::string& path, timespec mtime) {
  times_bytes_ += sizeof(DirTime) + path.size();
  if (times_bytes_ > kMaxTimesBytes) {
    return fail(ErrorCode::kExhausted, "too many directories in one archive");
  }
  times_.push_back({path, mtime});
  return {};
}

// Best effort: a directory may have been replaced by a later entry, and a time is no reason to fail.
void Applier::set_directory_times() {
  for (const DirTime& dir : times_) {
    const auto fd = target_.open_dir(dir.path, O_RDONLY | O_NOFOLLOW);
    const std::array<timespec, 2> both = {dir.mtime, dir.mtime};
    if (fd) ::futimens(fd->get(), both.data());
  }
}

}  // namespace slipway::cachestore
