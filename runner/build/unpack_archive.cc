// Archives in two steps: unpacked beside the target, where nothing of it can be in the way, and then moved into place
// name by name, by the rules of the stack that the target is.
#include "runner/build/unpack_archive.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <set>
#include <vector>

#include "base/files.h"
#include "base/text.h"
#include "cachestore/archive.h"
#include "runner/build/file_tree.h"

namespace slipway::runner {
namespace {

constexpr mode_t kAllBits = 07777;
constexpr mode_t kDirMode = 0755;  // of directories that nobody described

class Mover : public FileTree::Visitor {
 public:
  Mover(const FileTree& from, TargetTree& to, const TargetTree::DirPtr& top,
        const ArchiveRules& rules, const std::vector<std::string>& implied)
      : from_(from), to_(to), rules_(rules), implied_(implied.begin(), implied.end()) {
    open_.push_back({"", top});
  }

  Status directory(const std::string& path, const UnionEntry& entry, const UnionDir& dir) override {
    if (path.empty()) return {};
    const std::size_t slash = path.rfind('/');
    go_to(slash == std::string::npos ? "" : path.substr(0, slash));
    const std::string name = path.substr(slash + 1);
    const TargetTree::DirPtr parent = open_.back().dir;
    FileMeta meta = meta_of(entry.info);
    if (implied_.contains(path)) {
      meta.mode = kDirMode;
      const UnionView::Place place =
          SLIP_TRY(to_.view().resolve(join_path(parent->path, name), UnionView::Last::kFollow));
      open_.push_back({path, SLIP_TRY(to_.make_dirs(place.path, meta))});
      return {};
    }
    meta.xattrs = SLIP_TRY(from_.xattrs(dir.parts.front().fd.get()));
    const TargetTree::DirPtr made =
        SLIP_TRY(to_.make_dir(parent, name, meta, TargetTree::Replace::kAnything));
    to_.set_meta(made->path, meta);
    open_.push_back({path, made});
    return {};
  }

  Status leaves(const std::string& path, std::shared_ptr<const UnionDir> dir,
                std::vector<UnionEntry> entries) override {
    go_to(path);
    for (const UnionEntry& entry : entries) {
      SLIP_TRY(move(*dir, entry, *open_.back().dir));
      ++stats.files;
    }
    return {};
  }

  CopyStats stats;

 private:
  struct Level {
    std::string path;
    TargetTree::DirPtr dir;
  };

  void go_to(const std::string& path) {
    while (open_.size() > 1 && open_.back().path != path &&
           !path.starts_with(open_.back().path + "/")) {
      open_.pop_back();
    }
  }

  FileMeta meta_of(const struct stat& info) const {
    FileMeta meta;
    meta.mode = info.st_mode & kAllBits;
    meta.owner = rules_.owner.value_or(Owner{info.st_uid, info.st_gid});
    meta.modified = info.st_mtim;
    if (rules_.clamp && meta.modified.tv_sec >= to_timespec(*rules_.clamp).tv_sec) {
      meta.modified = to_timespec(*rules_.clamp);
    }
    return meta;
  }

  Status move(const UnionDir& from, const UnionEntry& entry, const TargetTree::Dir& to) {
    const int from_fd = from.parts.front().fd.get();
    // Linux 3.15: renameat2(2); it says EEXIST where renameat(2) would replace.
    SLIP_TRY(to_.place(to, entry.name, TargetTree::Replace::kAnything,
                       [&](int dir_fd, const char* name) {
                         return ::renameat2(from_fd, name, dir_fd, name, RENAME_NOREPLACE);
                       }));
    if (!rules_.owner && !rules_.clamp) return {};
    const FileMeta meta = meta_of(entry.info);
    if (!S_ISREG(entry.info.st_mode)) return apply_meta_at(to.upper(), entry.name, meta);
    const Fd fd = SLIP_TRY(open_at(to.upper(), entry.name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK));
    FileMeta whole = meta;
    whole.xattrs = SLIP_TRY(from_.xattrs(fd.get()));
    return apply_meta(fd.get(), whole, Fresh::kNo);
  }

  const FileTree& from_;
  TargetTree& to_;
  const ArchiveRules& rules_;
  std::set<std::string> implied_;
  std::vector<Level> open_;
};

}  // namespace

Result<CopyStats> unpack_archive(int fd, const std::string& name, TargetTree& to,
                                 const TargetTree::DirPtr& dir, const ArchiveRules& rules,
                                 const CancelToken& cancel) {
  const TempDir staging = SLIP_TRY(TempDir::make(rules.staging, "unpack-"));
  const Fd top = SLIP_TRY(open_file(staging.path(), O_RDONLY | O_DIRECTORY));
  const cachestore::UnpackStats unpacked = SLIP_TRY(cachestore::unpack(
      fd, printable(name), top.get(), cachestore::UnpackPolicy::kCopyOwners, {}, cancel));
  FileTree tree(SLIP_TRY(UnionView::open({staging.path()})), {}, FileTree::Owners::kKept, name);
  to.forget();
  Mover mover(tree, to, dir, rules, unpacked.implied);
  FileTree::Picked all;
  all.entry = tree.view().root();
  SLIP_TRY_WITHIN("unpack " + printable(name), tree.walk(all, {}, mover, cancel));
  mover.stats.bytes = unpacked.bytes;
  return mover.stats;
}

}  // namespace slipway::runner
