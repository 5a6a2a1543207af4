// Walks a directory tree that a job has written and may hold anything, without recursion on the call stack.
#include "cachestore/layer/tree_walk.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <functional>
#include <set>

#include "base/files.h"
#include "base/text.h"
#include "cachestore/layer/entry_path.h"
#include "cachestore/layer/target.h"

namespace slipway::cachestore {
namespace {

class Walk {
 public:
  Walk(int dir_fd, const LayerLimits& limits, const CancelToken& cancel,
       const std::function<Status(const TreeItem&)>& visit)
      : target_(dir_fd, UnpackPolicy::kArtifact, OverlayXattrs::kUser),
        limits_(limits),
        cancel_(cancel),
        visit_(visit) {}

  Status run(const std::vector<std::string>& paths) {
    for (const std::string& path : paths) pending_.push_back(path);
    std::sort(pending_.begin(), pending_.end(), std::greater<>());
    while (!pending_.empty()) {
      const std::string path = std::move(pending_.back());
      pending_.pop_back();
      if (cancel_.cancelled()) return fail(ErrorCode::kCancelled, "read tree: cancelled");
      SLIP_TRY_WITHIN("read \"" + printable(path) + "\"", visit_path(path));
    }
    return {};
  }

 private:
  Status visit_path(const std::string& path) {
    if (path.empty()) return push_children(path);
    const Fd dir = SLIP_TRY(target_.open_parent(path));
    const std::string name = path.substr(path.rfind('/') + 1);
    struct stat info {};
    if (::fstatat(dir.get(), name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0)
      return fail_errno("stat");
    if (++visited_ > limits_.max_entries) {
      return fail(ErrorCode::kExhausted,
                  "more than " + std::to_string(limits_.max_entries) + " files");
    }
    SLIP_TRY(visit_({dir.get(), name, path, info}));
    if (!S_ISDIR(info.st_mode)) return {};
    return push_children(path);
  }

  Status push_children(const std::string& path) {
    if (path_depth(path) >= limits_.max_depth) {
      return fail(ErrorCode::kInvalid,
                  "deeper than " + std::to_string(limits_.max_depth) + " directories");
    }
    const Fd dir = SLIP_TRY(target_.open_dir(path, O_RDONLY));
    auto names = SLIP_TRY(list_dir(dir.get(), path));
    for (auto name = names.rbegin(); name != names.rend(); ++name) {
      pending_.push_back(path.empty() ? *name : path + "/" + *name);
    }
    return {};
  }

  Target target_;
  const LayerLimits& limits_;
  const CancelToken& cancel_;
  const std::function<Status(const TreeItem&)>& visit_;
  std::vector<std::string> pending_;  ///< Next last.
  std::uint64_t visited_ = 0;
};

// Sorted, without those that lie below another one.
std::vector<std::string> distinct(const std::vector<std::string>& paths) {
  const std::set<std::string> all(paths.begin(), paths.end());
  std::vector<std::string> kept;
  for (const std::string& path : all) {
    bool covered = !path.empty() && all.contains("");
    for (std::size_t at = path.find('/'); at != std::string::npos && !covered;
         at = path.find('/', at + 1)) {
      covered = all.contains(path.substr(0, at));
    }
    if (!covered) kept.push_back(path);
  }
  return kept;
}

}  // namespace

Status walk_tree(int dir_fd, const std::vector<std::string>& paths, const LayerLimits& limits,
                 const CancelToken& cancel, const std::function<Status(const TreeItem&)>& visit) {
  std::vector<std::string> cleaned;
  for (const std::string& path : paths) {
    cleaned.push_back(SLIP_TRY_WITHIN("read \"" + printable(path) + "\"",
                                      clean_entry_name(path, UnpackPolicy::kArtifact, limits)));
  }
  return Walk(dir_fd, limits, cancel, visit).run(distinct(cleaned));
}

}  // namespace slipway::cachestore
