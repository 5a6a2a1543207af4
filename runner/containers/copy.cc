// cp: deciding what becomes what, then one tar stream from a packer to an unpacker.
#include <fcntl.h>
#include <linux/limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <thread>

#include "base/files.h"
#include "base/sys.h"
#include "base/text.h"
#include "cachestore/archive.h"
#include "runner/container_copy.h"

namespace slipway::runner {
namespace {

constexpr int kMaxLinks = 40;  // Linux: MAXSYMLINKS

Result<Fd> open_place(const CopyPlace& place, int flags) {
  if (place.root < 0) return open_file(place.path, flags);
  return open_in_root(place.root, place.path, flags);
}

struct Split {
  std::string parent;
  std::string name;  ///< "" for the root, or a path that ends in a slash or a dot.
};

/// "a/b" -> a, b. Slashes at the end are no part of the name.
Split split_path(std::string path) {
  while (path.size() > 1 && path.ends_with('/')) path.pop_back();
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) return {".", path};
  return {slash == 0 ? "/" : path.substr(0, slash), path.substr(slash + 1)};
}

bool is_dot(const std::string& name) { return name.empty() || name == "." || name == ".."; }

/// "SRC/." and "SRC/": a directory, whatever links lead there.
bool wants_directory(const std::string& path) {
  return path.ends_with('/') || path.ends_with("/.") || path == "." || path == ".." ||
         path.ends_with("/..");
}

Result<struct stat> stat_fd(const Fd& fd) {
  struct stat info {};
  if (::fstat(fd.get(), &info) != 0) return fail_errno("stat");
  return info;
}

/// Follows links in the last part, so that what is written is what they lead to; the rest is openat2's work.
Result<CopyPlace> follow_links(CopyPlace place) {
  for (int i = 0; i < kMaxLinks; ++i) {
    const Split parts = split_path(place.path);
    if (is_dot(parts.name)) return place;
    const Result<Fd> parent = open_place({place.root, parts.parent}, O_PATH | O_DIRECTORY);
    if (!parent) return place;
    std::string link(PATH_MAX, '\0');
    const ssize_t size = ::readlinkat(parent->get(), parts.name.c_str(), link.data(), link.size());
    if (size <= 0) return place;
    link.resize(static_cast<std::size_t>(size));
    const bool slash = place.path.ends_with('/');
    place.path = link.starts_with('/') ? link : parts.parent + "/" + link;
    if (slash) place.path += '/';
  }
  return fail(ErrorCode::kInvalid, "follow " + printable(place.path) + ": too many links");
}

/// What is sent: `name` in `dir`; "." is only what is in it.
struct Source {
  Fd dir;
  std::string name;
  std::string base;  ///< What it is called where it lands in a directory.
  bool is_directory = false;
};

std::string where_is(const CopyPlace& place) {
  return place.root < 0 ? printable(place.path) : "container:" + printable(place.path);
}

Result<Source> find_source(const CopyPlace& wanted, CopyLinks links) {
  const CopyPlace place = links == CopyLinks::kFollow ? SLIP_TRY(follow_links(wanted)) : wanted;
  const Split parts = split_path(place.path);
  Source source;
  source.base = split_path(wanted.path).name;
  const std::string doing = "copy " + where_is(wanted);
  if (is_dot(parts.name) || place.path == "/") {
    source.dir = SLIP_TRY_WITHIN(doing, open_place(place, O_RDONLY | O_DIRECTORY));
    source.name = ".";
    source.is_directory = true;
    return source;
  }
  if (wants_directory(place.path)) {  // through a link, if it is one
    const Result<Fd> directory = open_place(place, O_PATH);
    if (!directory) return fail(directory.error().clone().within(doing));
    if (!S_ISDIR(SLIP_TRY(stat_fd(*directory)).st_mode))
      return fail(ErrorCode::kInvalid, doing + ": not a directory");
  }
  source.dir =
      SLIP_TRY_WITHIN(doing, open_place({place.root, parts.parent}, O_RDONLY | O_DIRECTORY));
  source.name = parts.name;
  struct stat info {};
  if (::fstatat(source.dir.get(), parts.name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0)
    return fail(errno_error(errno, doing));
  source.is_directory = S_ISDIR(info.st_mode);
  if (S_ISLNK(info.st_mode) && wants_directory(place.path)) {
    source.dir = SLIP_TRY_WITHIN(doing, open_place(place, O_RDONLY | O_DIRECTORY));
    source.name = ".";
    source.is_directory = true;
  }
  return source;
}

/// Where it lands: `name` in `dir`; "" puts the content into `dir` itself.
struct Landing {
  Fd dir;
  std::string name;
};

Result<Landing> find_landing(const Source& source, const CopyPlace& wanted) {
  const CopyPlace place = SLIP_TRY(follow_links(wanted));
  const std::string doing = "copy to " + where_is(wanted);
  if (const Result<Fd> present = open_place(place, O_PATH)) {
    if (S_ISDIR(SLIP_TRY(stat_fd(*present)).st_mode)) {
      const bool content = source.name == ".";
      return Landing{SLIP_TRY_WITHIN(doing, open_place(place, O_RDONLY | O_DIRECTORY)),
                     content ? std::string() : source.base};
    }
    if (source.is_directory)
      return fail(ErrorCode::kInvalid, doing + ": a directory cannot replace a file");
    if (wants_directory(place.path)) return fail(ErrorCode::kInvalid, doing + ": not a directory");
  } else if (present.error().code() != ErrorCode::kNotFound) {
    return fail(present.error().clone().within(doing));
  } else if (wants_directory(wanted.path) && !source.is_directory) {
    return fail(ErrorCode::kNotFound, doing + ": no such directory");
  }
  const Split parts = split_path(place.path);
  if (is_dot(parts.name)) return fail(ErrorCode::kNotFound, doing + ": no such directory");
  Fd parent =
      SLIP_TRY_WITHIN(doing, open_place({place.root, parts.parent}, O_RDONLY | O_DIRECTORY));
  if (source.name != ".") return Landing{std::move(parent), parts.name};
  // The content of a directory becomes a new one.
  if (::mkdirat(parent.get(), parts.name.c_str(), 0755) != 0)
    return fail(errno_error(errno, doing));
  return Landing{SLIP_TRY(open_at(parent.get(), parts.name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW)),
                 ""};
}

cachestore::UnpackPolicy policy_of(CopyOwners owners) {
  return owners == CopyOwners::kSource ? cachestore::UnpackPolicy::kCopyOwners
                                       : cachestore::UnpackPolicy::kCopy;
}

/// A packer in a thread of its own, an unpacker here, a pipe between.
Result<std::uint64_t> send(const Source& source, const std::string& as, int to_fd,
                           CopyOwners owners, const CancelToken& cancel) {
  sys::Pipe pipe = SLIP_TRY(sys::make_pipe());
  const CancelToken stop = cancel.child();
  Status packed;
  std::thread packer([&] {
    packed = cachestore::pack_copy(source.dir.get(), source.name, as, pipe.write.get(), stop);
    pipe.write.reset();
  });
  const Result<cachestore::UnpackStats> unpacked =
      cachestore::unpack(pipe.read.get(), "copy", to_fd, policy_of(owners), {}, cancel);
  pipe.read.reset();  // a packer that still writes learns that nobody reads
  stop.cancel(CancelLevel::kTerminate);
  packer.join();
  const bool only_cut_off = packed || packed.error().sys_errno() == EPIPE ||
                            packed.error().code() == ErrorCode::kCancelled;
  if (!only_cut_off) return fail(packed.error().clone());  // the unpacker only saw a short archive
  if (!unpacked) return fail(unpacked.error().clone());
  return unpacked->bytes;
}

}  // namespace

Result<std::uint64_t> copy_files(const CopyPlace& from, const CopyPlace& to, CopyLinks links,
                                 CopyOwners owners, const CancelToken& cancel) {
  const Source source = SLIP_TRY(find_source(from, links));
  const Landing landing = SLIP_TRY(find_landing(source, to));
  return send(source, landing.name, landing.dir.get(), owners, cancel);
}

Status copy_to_stream(const CopyPlace& from, CopyLinks links, int out_fd,
                      const CancelToken& cancel) {
  const Source source = SLIP_TRY(find_source(from, links));
  return cachestore::pack_copy(source.dir.get(), source.name, source.base, out_fd, cancel);
}

Result<std::uint64_t> copy_from_stream(int in_fd, const CopyPlace& to, CopyOwners owners,
                                       const CancelToken& cancel) {
  const Fd directory =
      SLIP_TRY_WITHIN("copy to " + where_is(to), open_place(to, O_RDONLY | O_DIRECTORY));
  return SLIP_TRY(cachestore::unpack(in_fd, "tar stream", directory.get(), policy_of(owners), {},
                                     cancel))
      .bytes;
}

}  // namespace slipway::runner
