// Files of one tree into another, in parallel, with what --chown and --chmod say.
#include "runner/build/file_copier.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/files.h"
#include "base/text.h"
#include "runner/build/copy_content.h"

namespace slipway::runner {
namespace {

constexpr mode_t kAllBits = 07777;
// Files that one task copies, and how many directories it may keep open meanwhile.
constexpr std::size_t kBatch = 64;
constexpr std::size_t kBatchFds = 16;
constexpr std::uint32_t kMaxId = 65'535;  // where container ids end

bool later(timespec a, timespec b) {
  return a.tv_sec != b.tv_sec ? a.tv_sec > b.tv_sec : a.tv_nsec > b.tv_nsec;
}

}  // namespace

/// Makes the directories of a walk in the target.
class FileCopier::Mirror : public FileTree::Visitor {
 public:
  Mirror(FileCopier& copier, TargetTree::DirPtr top) : copier_(copier), top_(std::move(top)) {
    open_.push_back(top_);
  }

  Status directory(const std::string& path, const UnionEntry& entry, const UnionDir& dir) override {
    if (path.empty()) {
      // The top keeps what it has but for its time. BuildKit does so, and it is the same on every machine.
      copier_.to_.set_time(top_->path, copier_.meta_of(entry.info).modified);
      return {};
    }
    SLIP_TRY(copier_.check(entry, path));
    FileMeta meta = copier_.meta_of(entry.info);
    meta.xattrs = SLIP_TRY(copier_.from_.xattrs(dir.parts.front().fd.get()));
    const std::size_t slash = path.rfind('/');
    SLIP_TRY(go_to(slash == std::string::npos ? "" : path.substr(0, slash)));
    const TargetTree::DirPtr made = SLIP_TRY(copier_.to_.make_dir(
        open_.back(), path.substr(slash + 1), meta, TargetTree::Replace::kRefuse));
    copier_.to_.set_meta(made->path, meta);
    open_.push_back(made);
    return {};
  }

  Status leaves(const std::string& path, std::shared_ptr<const UnionDir> dir,
                std::vector<UnionEntry> entries) override {
    SLIP_TRY(go_to(path));
    for (UnionEntry& entry : entries) {
      SLIP_TRY(copier_.check(entry, join_path(path, entry.name)));
      std::string name = entry.name;
      SLIP_TRY(copier_.add({dir, open_.back(), std::move(entry), std::move(name)}));
    }
    return {};
  }

 private:
  // The walk goes depth first: what we are not below of any more is done.
  Status go_to(const std::string& path) {
    const std::string wanted = join_path(top_->path, path);
    while (open_.size() > 1 && !is_above(open_.back()->path, wanted)) open_.pop_back();
    if (open_.back()->path == wanted) return {};
    return fail(ErrorCode::kInternal, "copy /" + printable(path) + ": out of order");
  }
  static bool is_above(const std::string& dir, const std::string& path) {
    return dir.empty() || path == dir || path.starts_with(dir + "/");
  }

  FileCopier& copier_;
  TargetTree::DirPtr top_;
  std::vector<TargetTree::DirPtr> open_;
};

FileCopier::FileCopier(const FileTree& from, TargetTree& to, const Rules& rules,
                       const CancelToken& cancel)
    : from_(from), to_(to), rules_(rules), cancel_(cancel) {}

FileMeta FileCopier::meta_of(const struct stat& info) const {
  FileMeta meta;
  meta.mode = rules_.mode.empty() ? info.st_mode & kAllBits : rules_.mode.apply(info.st_mode);
  if (rules_.owner) {
    meta.owner = *rules_.owner;
  } else if (from_.owners() == FileTree::Owners::kKept) {
    meta.owner = {info.st_uid, info.st_gid};
  }
  meta.modified = info.st_mtim;
  if (rules_.clamp && later(meta.modified, to_timespec(*rules_.clamp))) {
    meta.modified = to_timespec(*rules_.clamp);
  }
  return meta;
}

Status FileCopier::check(const UnionEntry& entry, const std::string& path) const {
  const bool kept = !rules_.owner && from_.owners() == FileTree::Owners::kKept;
  if (!kept || std::max(entry.info.st_uid, entry.info.st_gid) <= kMaxId) return {};
  return fail(ErrorCode::kInvalid,
              "copy " + printable(path) + ": its owner " + std::to_string(entry.info.st_uid) + ":" +
                  std::to_string(entry.info.st_gid) + " is beyond 65535, where container ids end");
}

Status FileCopier::copy_directory(const FileTree::Picked& top, const FileTree::Filter& filter,
                                  const TargetTree::DirPtr& to) {
  Mirror mirror(*this, to);
  return from_.walk(top, filter, mirror, cancel_);
}

Status FileCopier::copy_file(const FileTree::Picked& file, const TargetTree::DirPtr& to,
                             const std::string& name) {
  SLIP_TRY(check(file.entry, file.path));
  return add({SLIP_TRY(from_.parent_of(file)), to, file.entry, name});
}

Status FileCopier::add(Work work) {
  if (work.entry.info.st_nlink > 1 && S_ISREG(work.entry.info.st_mode)) {
    const std::pair<dev_t, ino_t> file(work.entry.info.st_dev, work.entry.info.st_ino);
    std::pair<std::string, std::string> place(work.to->path, work.name);
    const auto [first, fresh] = first_names_.try_emplace(file, place);
    if (!fresh) {
      links_.emplace_back(file, std::move(place));
      return {};
    }
  }
  if (batch_.empty() || batch_.back().from != work.from) {
    batch_fds_ += work.from->parts.size() + work.to->merged.parts.size();
  }
  batch_.push_back(std::move(work));
  if (batch_.size() >= kBatch || batch_fds_ >= kBatchFds) flush();
  return crew_.failed() ? crew_.finish() : Status();
}

void FileCopier::flush() {
  if (batch_.empty()) return;
  auto batch = std::make_shared<const std::vector<Work>>(std::move(batch_));
  batch_.clear();
  batch_fds_ = 0;
  crew_.add([this, batch = std::move(batch)]() -> Status {
    std::string buffer;
    for (const Work& work : *batch) {
      if (cancel_.cancelled()) return fail(ErrorCode::kCancelled, "copy files: cancelled");
      SLIP_TRY_WITHIN("copy " + printable(join_path(work.from->path, work.entry.name)),
                      copy_one(work, buffer));
    }
    return {};
  });
}

Status FileCopier::copy_one(const Work& work, std::string& buffer) {
  ++files_;
  if (S_ISREG(work.entry.info.st_mode)) return copy_regular(work, buffer);
  if (work.entry.is_link()) return copy_link(work);
  return copy_special(work);
}

Status FileCopier::copy_regular(const Work& work, std::string& buffer) {
  const Fd from = SLIP_TRY(from_.view().open_file(*work.from, work.entry));
  struct stat info {};
  if (::fstat(from.get(), &info) != 0) return fail_errno("stat");
  Fd to;
  SLIP_TRY(to_.place(
      *work.to, work.name, TargetTree::Replace::kRefuse, [&](int dir_fd, const char* name) {
        to = Fd(::openat(dir_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
        return to.valid() ? 0 : -1;
      }));
  const auto size = static_cast<std::uint64_t>(info.st_size);
  const bool sparse = static_cast<std::uint64_t>(info.st_blocks) * 512 < size;
  SLIP_TRY(copy_content(from.get(), to.get(), size, sparse, buffer, cancel_));
  bytes_ += size;
  FileMeta meta = meta_of(info);
  meta.xattrs = SLIP_TRY(from_.xattrs(from.get()));
  return apply_meta(to.get(), meta, work.to->gives_group ? Fresh::kNo : Fresh::kYes);
}

Status FileCopier::copy_link(const Work& work) {
  const std::string target = SLIP_TRY(from_.view().read_link(*work.from, work.entry));
  SLIP_TRY(to_.place(
      *work.to, work.name, TargetTree::Replace::kRefuse,
      [&](int dir_fd, const char* name) { return ::symlinkat(target.c_str(), dir_fd, name); }));
  return apply_meta_at(work.to->upper(), work.name, meta_of(work.entry.info));
}

Status FileCopier::copy_special(const Work& work) {
  const FileMeta meta = meta_of(work.entry.info);
  const bool inert = rules_.inert_devices && !S_ISFIFO(work.entry.info.st_mode);
  const mode_t type = inert ? S_IFREG : work.entry.info.st_mode & S_IFMT;
  const auto make = [&](int dir_fd, const char* name) {
    if (::mknodat(dir_fd, name, type | 0600, work.entry.info.st_rdev) == 0) return 0;
    // An ordinary user has no device nodes: an empty file stands for them, as in unpacked layers.
    return errno == EPERM ? ::mknodat(dir_fd, name, S_IFREG | 0600, 0) : -1;
  };
  SLIP_TRY(to_.place(*work.to, work.name, TargetTree::Replace::kRefuse, make));
  SLIP_TRY(apply_meta_at(work.to->upper(), work.name, meta));
  // Just made by us: not a link that could be followed.
  if (::fchmodat(work.to->upper(), work.name.c_str(), meta.mode, 0) != 0) {
    return fail_errno("set mode");
  }
  return {};
}

Status FileCopier::make_hard_links() {
  for (const auto& [file, place] : links_) {
    if (cancel_.cancelled()) return fail(ErrorCode::kCancelled, "copy files: cancelled");
    const auto& [dir, name] = place;
    const auto& [first_dir, first_name] = first_names_.at(file);
    const Fd from = SLIP_TRY(to_.open_upper(first_dir));
    const TargetTree::DirPtr to = SLIP_TRY(to_.make_dirs(dir, {}));
    SLIP_TRY(to_.place(*to, name, TargetTree::Replace::kRefuse,
                       [&, first = first_name.c_str()](int dir_fd, const char* link) {
                         return ::linkat(from.get(), first, dir_fd, link, 0);
                       }));
    ++files_;
  }
  links_.clear();
  first_names_.clear();
  return {};
}

Status FileCopier::finish() {
  flush();
  SLIP_TRY(crew_.finish());
  return make_hard_links();
}

}  // namespace slipway::runner
