// COPY, ADD and WORKDIR: which source goes where. How files are read is file_tree.cc's business, how they are written
// target_tree.cc's and file_copier.cc's.
// Spec: Dockerfile reference, "COPY"; where it is silent, BuildKit 0.28. Differences that are meant:
//   several files to one name     refused; BuildKit lets the last one win
//   unknown --chown name          refused; BuildKit takes root
//   --exclude                     also leaves out files that a source names itself, as the reference says
//   --chmod=600 f /new/f          /new gets 0755; BuildKit gives it 0600
#include "runner/build/copy.h"

#include <fcntl.h>
#include <unistd.h>

#include <set>

#include "base/files.h"
#include "base/text.h"
#include "cachestore/archive.h"
#include "runner/build/copy_content.h"
#include "runner/build/file_copier.h"
#include "runner/build/target_tree.h"
#include "runner/build/unpack_archive.h"

namespace slipway::runner {
namespace {

constexpr mode_t kDirMode = 0755;  // of directories that nobody described

std::string parent_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string::npos ? "" : path.substr(0, slash);
}
std::string name_of(const std::string& path) { return path.substr(path.rfind('/') + 1); }

/// "." and ".." cannot be told from names once a path is clean: they mean a directory.
bool means_directory(const std::string& path) {
  return path.empty() || path.ends_with('/') || path == "." || path == ".." ||
         path.ends_with("/.") || path.ends_with("/..");
}

timespec clamped(timespec time, const std::optional<WallTime>& clamp) {
  if (!clamp) return time;
  const timespec latest = to_timespec(*clamp);
  return time.tv_sec >= latest.tv_sec ? latest : time;
}

timespec now_or(const std::optional<WallTime>& clamp) {
  timespec time{};
  ::clock_gettime(CLOCK_REALTIME, &time);
  return clamped(time, clamp);
}

class CopyJob {
 public:
  CopyJob(const CopyRequest& request, TargetTree& target, std::string staging,
          const CancelToken& cancel)
      : request_(request), target_(target), staging_(std::move(staging)), cancel_(cancel) {}

  Status prepare(const std::vector<std::string>& lowers) {
    if (!request_.chown.empty()) {
      // A linked layer stands on nothing; names can still only come from the image.
      const UnionView image = SLIP_TRY(UnionView::open(lowers));
      rules_.owner = SLIP_TRY_WITHIN(
          "resolve --chown", find_owner(request_.chown, request_.link ? image : target_.view()));
    }
    rules_.mode = SLIP_TRY(ModeChange::parse(request_.chmod));
    rules_.clamp = request_.clamp;
    rules_.inert_devices = request_.inert_devices;
    const std::string& text = request_.destination;
    wants_directory_ = means_directory(text);
    destination_ = text.starts_with('/') ? text : request_.workdir + "/" + text;
    made_.mode = kDirMode;
    made_.owner = rules_.owner.value_or(Owner());
    made_.modified = now_or(request_.clamp);
    return {};
  }

  Status run() {
    SLIP_TRY(make_destination());
    if (request_.from != nullptr) SLIP_TRY(copy_tree(request_.from->files()));
    for (const CopyFile& file : request_.files) SLIP_TRY(copy_file(file));
    return target_.finish();
  }

  CopyStats stats;

 private:
  /// The directory of the destination, or the destination itself when it is said to be one.
  Status make_destination() {
    const std::string clean = clean_path(destination_);
    const std::string wanted = wants_directory_ ? clean : parent_of(clean);
    const UnionView::Place place =
        SLIP_TRY(target_.view().resolve(wanted, UnionView::Last::kFollow));
    SLIP_TRY(target_.make_dirs(place.path, made_));
    return look_again();
  }

  /// A link as destination stands for what it leads to.
  Status look_again() {
    UnionView::Place place =
        SLIP_TRY(target_.view().resolve(clean_path(destination_), UnionView::Last::kFollow));
    path_ = std::move(place.path);
    exists_ = place.entry.has_value();
    is_directory_ = exists_ && place.entry->is_directory();
    return {};
  }

  Status copy_tree(const FileTree& tree) {
    for (const PickedSource& source : SLIP_TRY(pick_all(tree, request_.selection))) {
      FileCopier copier(tree, target_, rules_, cancel_);
      std::set<std::string> names;
      for (const FileTree::Picked& top : source.tops) {
        if (!source.filter.keeps(top)) continue;
        if (top.entry.is_directory()) {
          SLIP_TRY(copier.finish());
          SLIP_TRY(copy_directory(copier, tree, top, source.filter));
          SLIP_TRY(copier.finish());
          continue;
        }
        if (request_.unpack != Unpack::kNever && S_ISREG(top.entry.info.st_mode)) {
          const auto holder = SLIP_TRY(tree.parent_of(top));
          const Fd fd = SLIP_TRY(tree.view().open_file(*holder, top.entry));
          if (cachestore::is_archive(fd.get())) {
            SLIP_TRY(copier.finish());
            SLIP_TRY(unpack(fd.get(), top.name));
            continue;
          }
        }
        const auto [dir, name] = SLIP_TRY(place_of(top.name));
        // The same name from two directories: the later one wins, so it has to come later.
        if (!names.insert(name).second) SLIP_TRY(copier.finish());
        SLIP_TRY(copier.copy_file(top, dir, name));
      }
      SLIP_TRY(copier.finish());
      stats.files += copier.stats().files;
      stats.bytes += copier.stats().bytes;
    }
    return {};
  }

  Status copy_directory(FileCopier& copier, const FileTree& tree, const FileTree::Picked& top,
                        const FileTree::Filter& filter) {
    if (exists_ && !is_directory_) {
      return fail(ErrorCode::kExists, "copy directory /" + printable(top.path) + " of " +
                                          tree.name() + " to /" + printable(path_) +
                                          ": a file of that name is there");
    }
    const TargetTree::DirPtr dir = SLIP_TRY(target_.make_dirs(path_, made_));
    SLIP_TRY(look_again());
    if (rules_.mode.octal() && target_.made_here(path_)) {
      FileMeta meta = made_;
      meta.mode = *rules_.mode.octal();
      target_.set_meta(path_, meta);
    }
    return copier.copy_directory(top, filter, dir);
  }

  struct FilePlace {
    TargetTree::DirPtr dir;
    std::string name;
  };
  /// Where a file called `name` goes.
  Result<FilePlace> place_of(const std::string& name) {
    if (is_directory_) return FilePlace{SLIP_TRY(target_.make_dirs(path_, made_)), name};
    if (taken_) {
      return fail(ErrorCode::kInvalid,
                  "copy several files to " + printable(request_.destination) +
                      ": it is no directory; end it with a slash to make it one");
    }
    taken_ = true;
    return FilePlace{SLIP_TRY(target_.make_dirs(parent_of(path_), made_)), name_of(path_)};
  }

  /// An archive's destination is a directory, whatever it looks like.
  Status unpack(int fd, const std::string& name) {
    const TargetTree::DirPtr dir = SLIP_TRY(target_.make_dirs(path_, made_));
    SLIP_TRY(look_again());
    const ArchiveRules rules = {rules_.owner, request_.clamp, staging_};
    const CopyStats done = SLIP_TRY(unpack_archive(fd, name, target_, dir, rules, cancel_));
    stats.files += done.files;
    stats.bytes += done.bytes;
    return look_again();
  }

  Status copy_file(const CopyFile& file) {
    if (request_.unpack == Unpack::kAlways && !file.path.empty()) {
      const Fd fd = SLIP_TRY(open_file(file.path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK));
      if (cachestore::is_archive(fd.get())) return unpack(fd.get(), file.name);
    }
    const FilePlace place = SLIP_TRY(place_of(name_of(file.name)));
    Fd to;
    SLIP_TRY(target_.place(
        *place.dir, place.name, TargetTree::Replace::kRefuse, [&](int dir_fd, const char* name) {
          to = Fd(
              ::openat(dir_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
          return to.valid() ? 0 : -1;
        }));
    FileMeta meta = made_;
    meta.mode = rules_.mode.empty() ? file.mode : rules_.mode.apply(S_IFREG | file.mode);
    if (file.modified) meta.modified = clamped(to_timespec(*file.modified), request_.clamp);
    if (file.path.empty()) {
      SLIP_TRY(write_all(to.get(), file.content, printable(file.name)));
      stats.bytes += file.content.size();
    } else {
      stats.bytes += SLIP_TRY(copy_machine_file(file.path, to.get()));
    }
    ++stats.files;
    return apply_meta(to.get(), meta, Fresh::kNo);
  }

  Result<std::uint64_t> copy_machine_file(const std::string& path, int to) {
    const Fd from = SLIP_TRY(open_file(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK));
    struct stat info {};
    if (::fstat(from.get(), &info) != 0) return fail_errno("stat " + printable(path));
    std::string buffer;
    const auto size = static_cast<std::uint64_t>(info.st_size);
    SLIP_TRY_WITHIN("copy " + printable(path),
                    copy_content(from.get(), to, size, false, buffer, cancel_));
    return size;
  }

  const CopyRequest& request_;
  TargetTree& target_;
  std::string staging_;  ///< Where archives are unpacked first: beside the upper.
  const CancelToken& cancel_;
  FileCopier::Rules rules_;
  FileMeta made_;  ///< Of directories that are missing.
  std::string destination_;
  bool wants_directory_ = false;
  std::string path_;  ///< The destination without links.
  bool exists_ = false;
  bool is_directory_ = false;
  bool taken_ = false;  ///< A file has been copied to the destination's own name.
};

}  // namespace

Result<CopyStats> copy_files(const CopyRequest& request, const std::vector<std::string>& lowers,
                             const std::string& upper, const CancelToken& cancel) {
  const std::string doing = request.what.empty() ? "copy files" : printable(request.what);
  TargetTree target = SLIP_TRY_WITHIN(
      doing, TargetTree::open(request.link ? std::vector<std::string>() : lowers, upper));
  CopyJob job(request, target, upper.substr(0, upper.rfind('/')), cancel);
  SLIP_TRY_WITHIN(doing, job.prepare(lowers));
  SLIP_TRY_WITHIN(doing, job.run());
  return job.stats;
}

Result<std::string> resolve_owner(const std::string& chown,
                                  const std::vector<std::string>& lowers) {
  const UnionView image = SLIP_TRY(UnionView::open(lowers));
  const Owner owner = SLIP_TRY_WITHIN("resolve --chown", find_owner(chown, image));
  return std::to_string(owner.uid) + ":" + std::to_string(owner.gid);
}

Status make_workdir(const std::string& path, const std::string& user,
                    const std::vector<std::string>& lowers, const std::string& upper,
                    const std::optional<WallTime>& clamp) {
  const std::string doing = "make working directory " + printable(path);
  TargetTree target = SLIP_TRY_WITHIN(doing, TargetTree::open(lowers, upper));
  FileMeta made;
  made.mode = kDirMode;
  // A user who is not in the image yet: root, as BuildKit has it. RUN will say that there is no such user.
  if (const auto owner = find_owner(user, target.view())) {
    made.owner = *owner;
  } else if (owner.error().code() != ErrorCode::kNotFound) {
    return fail(owner.error().clone().within(doing));
  }
  made.modified = now_or(clamp);
  const UnionView::Place place =
      SLIP_TRY_WITHIN(doing, target.view().resolve(path, UnionView::Last::kFollow));
  if (place.entry && !place.entry->is_directory()) {
    return fail(ErrorCode::kExists, doing + ": a file of that name is there");
  }
  // What is there already stays as it is: the layer is empty then.
  if (place.entry) return {};
  SLIP_TRY_WITHIN(doing, target.make_dirs(place.path, made));
  SLIP_TRY_WITHIN(doing, target.finish());
  return {};
}

}  // namespace slipway::runner
