// Writing an overlay's upper directory by hand.
// Linux: Documentation/filesystems/overlayfs.rst, "directories", "whiteouts and opaque directories".
#include "runner/build/target_tree.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>

#include "base/files.h"
#include "base/text.h"
#include "cachestore/overlay.h"

namespace slipway::runner {
namespace {

constexpr mode_t kAllBits = 07777;
// Made ours alone until everything in it is written.
constexpr mode_t kWhileWriting = 0700;

// Linux: XATTR_LIST_MAX and XATTR_SIZE_MAX, limits.h.
constexpr std::size_t kMaxXattrs = 65'536;

Result<FileMeta> meta_of(int fd, const struct stat& info) {
  FileMeta meta;
  meta.mode = info.st_mode & kAllBits;
  meta.owner = {info.st_uid, info.st_gid};
  meta.modified = info.st_mtim;
  std::string names(kMaxXattrs, '\0');
  const ssize_t size = ::flistxattr(fd, names.data(), names.size());
  if (size < 0 && errno != EOPNOTSUPP) return fail_errno("list extended attributes");
  std::string_view rest(names.data(), size < 0 ? 0 : static_cast<std::size_t>(size));
  while (!rest.empty()) {
    const std::string name(rest.substr(0, rest.find('\0')));
    rest.remove_prefix(name.size() + 1);
    if (!cachestore::is_layer_xattr(name)) continue;
    std::string value(kMaxXattrs, '\0');
    const ssize_t n = ::fgetxattr(fd, name.c_str(), value.data(), value.size());
    if (n < 0) return fail_errno("read extended attribute " + printable(name));
    value.resize(static_cast<std::size_t>(n));
    meta.xattrs.emplace_back(name, std::move(value));
  }
  return meta;
}

// Linux 5.6: openat2(2).
Fd open_beneath(int root_fd, const std::string& path) {
  open_how how{};
  how.flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
  return Fd(static_cast<int>(
      ::syscall(SYS_openat2, root_fd, path.empty() ? "." : path.c_str(), &how, sizeof how)));
}

}  // namespace

Result<TargetTree> TargetTree::open(const std::vector<std::string>& lowers,
                                    const std::string& upper) {
  std::vector<std::string> all = lowers;
  all.push_back(upper);
  UnionView view = SLIP_TRY(UnionView::open(all));
  Fd fd = SLIP_TRY(open_file(upper, O_RDONLY | O_DIRECTORY));
  return TargetTree(std::move(view), std::move(fd));
}

Result<TargetTree::DirPtr> TargetTree::opened(const std::string& path,
                                              const std::vector<LayerIndex>& lowers) {
  std::vector<LayerIndex> layers = {upper_layer()};
  layers.insert(layers.end(), lowers.begin(), lowers.end());
  auto dir = std::make_shared<Dir>();
  dir->path = path;
  dir->merged = SLIP_TRY(view_.open_dir(path, layers));
  dir->fresh = dir->merged.parts.size() == 1;
  struct stat info {};
  if (::fstat(dir->upper(), &info) != 0) return fail_errno("stat /" + printable(path));
  dir->gives_group = (info.st_mode & S_ISGID) != 0;
  last_ = dir;
  return DirPtr(std::move(dir));
}

Result<TargetTree::DirPtr> TargetTree::root() {
  std::vector<LayerIndex> lowers = view_.root().layers;
  lowers.erase(lowers.begin());
  DirPtr dir = SLIP_TRY(opened("", lowers));
  if (pending_.contains("")) return dir;
  struct stat info {};
  if (::fstat(dir->upper(), &info) != 0) return fail_errno("stat the target");
  Pending keep;
  keep.meta.modified = info.st_mtim;
  keep.time_only = true;
  pending_.emplace("", std::move(keep));
  return dir;
}

Result<TargetTree::DirPtr> TargetTree::make_dirs(const std::string& path, const FileMeta& made) {
  if (last_ && last_->path == path) return last_;
  DirPtr dir = SLIP_TRY(root());
  for (const std::string& name : path_parts(path)) {
    dir = SLIP_TRY(make_dir(dir, name, made, Replace::kRefuse));
  }
  return dir;
}

Result<TargetTree::DirPtr> TargetTree::make_dir(const DirPtr& parent, const std::string& name,
                                                const FileMeta& made, Replace replace) {
  const std::string path = join_path(parent->path, name);
  const std::optional<UnionEntry> there = SLIP_TRY(view_.child(parent->merged, name));
  if (there && there->is_directory()) return enter(parent, name, *there);
  if (there && replace == Replace::kRefuse) {
    return fail(ErrorCode::kExists, "make directory /" + printable(path) + ": a " +
                                        (there->is_link() ? "link" : "file") +
                                        " of that name is there");
  }
  // Something of that name lies in the upper (a removal, too) or in a layer below: then the new directory must hide
  // what layers still deeper may hold.
  bool hide = there.has_value();
  struct stat info {};
  if (::fstatat(parent->upper(), name.c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0) {
    hide = true;
    if (::unlinkat(parent->upper(), name.c_str(), 0) != 0) {
      return fail_errno("replace /" + printable(path));
    }
  }
  if (::mkdirat(parent->upper(), name.c_str(), kWhileWriting) != 0) {
    return fail_errno("make directory /" + printable(path));
  }
  made_[path] = true;
  pending_[path] = {made, false};
  DirPtr dir = SLIP_TRY(opened(path, {}));
  if (hide) SLIP_TRY(cachestore::hide_lower(dir->upper()));
  return dir;
}

Result<TargetTree::DirPtr> TargetTree::enter(const DirPtr& parent, const std::string& name,
                                             const UnionEntry& there) {
  const std::string path = join_path(parent->path, name);
  std::vector<LayerIndex> lowers = there.layers;
  if (lowers.front() == upper_layer()) {
    lowers.erase(lowers.begin());
    if (!pending_.contains(path)) {
      Pending keep;
      keep.meta.modified = there.info.st_mtim;
      keep.time_only = true;
      pending_.emplace(path, std::move(keep));
    }
  } else {
    SLIP_TRY(copy_up(*parent, there, path));
  }
  return opened(path, lowers);
}

Status TargetTree::copy_up(const Dir& parent, const UnionEntry& there, const std::string& path) {
  const UnionDir lower = SLIP_TRY(view_.open_dir(path, there.layers));
  FileMeta meta = SLIP_TRY_WITHIN("copy directory /" + printable(path),
                                  meta_of(lower.parts.front().fd.get(), there.info));
  if (::mkdirat(parent.upper(), there.name.c_str(), kWhileWriting) != 0) {
    return fail_errno("copy directory /" + printable(path));
  }
  pending_[path] = {std::move(meta), false};
  return {};
}

void TargetTree::set_meta(const std::string& path, const FileMeta& meta) {
  pending_[path] = {meta, false};
}

void TargetTree::set_time(const std::string& path, timespec modified) {
  const auto [at, fresh] = pending_.try_emplace(path);
  at->second.meta.modified = modified;
  if (fresh) at->second.time_only = true;
}

Status TargetTree::place(const Dir& dir, const std::string& name, Replace replace,
                         const std::function<int(int dir_fd, const char* name)>& make) const {
  const std::string path = join_path(dir.path, name);
  if (name.starts_with(".wh.")) {
    return fail(ErrorCode::kInvalid, "write /" + printable(path) +
                                         ": a name that begins with .wh. means a removal in a "
                                         "layer; rename the file");
  }
  const auto refuse = [&] {
    return fail(ErrorCode::kExists, "write /" + printable(path) +
                                        ": a directory of that name is there, which a file does "
                                        "not replace");
  };
  if (!dir.fresh && replace == Replace::kRefuse) {
    const std::optional<UnionEntry> there = SLIP_TRY(view_.child(dir.merged, name));
    if (there && there->is_directory()) return refuse();
  }
  if (make(dir.upper(), name.c_str()) == 0) return {};
  if (errno != EEXIST) return fail_errno("write /" + printable(path));
  struct stat info {};
  if (::fstatat(dir.upper(), name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) {
    return fail_errno("replace /" + printable(path));
  }
  if (S_ISDIR(info.st_mode)) {
    if (replace == Replace::kRefuse) return refuse();
    SLIP_TRY(remove_tree_at(dir.upper(), name));
  } else if (::unlinkat(dir.upper(), name.c_str(), 0) != 0) {
    return fail_errno("replace /" + printable(path));
  }
  if (make(dir.upper(), name.c_str()) != 0) return fail_errno("write /" + printable(path));
  return {};
}

Result<Fd> TargetTree::open_upper(const std::string& path) const {
  Fd fd = open_beneath(upper_.get(), path);
  if (!fd) return fail_errno("open /" + printable(path));
  return fd;
}

Status TargetTree::finish() {
  last_.reset();
  // Deepest first: a directory that is closed to its owner must not hide those below it.
  for (auto entry = pending_.rbegin(); entry != pending_.rend(); ++entry) {
    const auto& [path, pending] = *entry;
    const Result<Fd> fd = open_upper(path);
    // An archive may have put a file where a directory was.
    if (!fd && (fd.error().code() == ErrorCode::kNotFound || fd.error().sys_errno() == ELOOP)) {
      continue;
    }
    if (!fd) return fail(fd.error().clone());
    FileMeta meta = pending.meta;
    if (pending.time_only) {
      const timespec both[2] = {meta.modified, meta.modified};
      if (::futimens(fd->get(), both) != 0) return fail_errno("set time of /" + printable(path));
      continue;
    }
    SLIP_TRY_WITHIN("directory /" + printable(path), apply_meta(fd->get(), meta, Fresh::kNo));
  }
  pending_.clear();
  return {};
}

}  // namespace slipway::runner
