// Artifacts: out of one job's workspace, into other jobs' and the person's directory.
#include "runner/execute/artifacts.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <vector>

#include "base/files.h"
#include "base/glob.h"
#include "cachestore/archive.h"
#include "sandbox/view.h"

namespace slipway::runner {
namespace {

constexpr std::size_t kMaxFiles = 1'000'000;  // as many entries as a layer may reasonably have
constexpr std::size_t kMaxDepth = 256;

/// Walks a tree and keeps the files and links that a glob list takes, by path relative to its root.
class Finder {
 public:
  Finder(const GlobList& take, const GlobList& leave) : take_(take), leave_(leave) {}

  Status walk(int dir, const std::string& prefix, std::size_t depth) {
    if (depth > kMaxDepth)
      return fail(ErrorCode::kExhausted,
                  "collect artifacts: " + prefix + ": deeper than 256 directories");
    for (const std::string& name : SLIP_TRY(list_dir(dir, prefix.empty() ? "workspace" : prefix))) {
      SLIP_TRY(visit(dir, name, prefix.empty() ? name : prefix + "/" + name, depth));
    }
    return {};
  }
  std::vector<std::string> take_found() { return std::move(found_); }

 private:
  Status visit(int dir, const std::string& name, const std::string& path, std::size_t depth) {
    struct stat info {};
    if (::fstatat(dir, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0)
      return fail_errno("examine " + path);
    if (S_ISDIR(info.st_mode)) {
      if (path == ".git") return {};
      const Fd below = SLIP_TRY(open_at(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
      return walk(below.get(), path, depth + 1);
    }
    const bool carried = S_ISREG(info.st_mode) || S_ISLNK(info.st_mode);
    if (!carried || !take_.matches(path) || leave_.matches(path)) return {};
    if (found_.size() == kMaxFiles)
      return fail(ErrorCode::kExhausted, "collect artifacts: more than 1000000 files");
    found_.push_back(path);
    return {};
  }

  const GlobList& take_;
  const GlobList& leave_;
  std::vector<std::string> found_;
};

}  // namespace

std::vector<std::string> without_dot_slash(std::vector<std::string> patterns) {
  for (std::string& pattern : patterns) {
    if (pattern.starts_with("./")) pattern.erase(0, 2);
    if (pattern.ends_with('/')) pattern.pop_back();
  }
  return patterns;
}

Result<Fd> open_workspace(const Stack& work) {
  sandbox::OverlayStack merged;
  for (const cachestore::Snapshot& snapshot : work.snapshots())
    merged.lowers.push_back(snapshot.path);
  return sandbox::open_view(merged);
}

Result<std::vector<std::string>> find_files(int directory, const std::vector<std::string>& paths,
                                            const std::vector<std::string>& exclude) {
  const GlobList take = SLIP_TRY(GlobList::compile(without_dot_slash(paths)));
  const GlobList leave = SLIP_TRY(GlobList::compile(without_dot_slash(exclude)));
  if (take.empty()) return std::vector<std::string>();
  Finder finder(take, leave);
  SLIP_TRY(finder.walk(directory, "", 0));
  return finder.take_found();
}

Result<std::string> collect_artifacts(const RunContext& run, const pipeline::JobPlan& job,
                                      const Stack& work) {
  const Fd view = SLIP_TRY(open_workspace(work));
  const std::vector<std::string> paths =
      SLIP_TRY(find_files(view.get(), job.artifacts.paths, job.artifacts.exclude));
  if (paths.empty()) {
    run.notice("artifacts: nothing matches the paths of job " + job.instance, job.instance);
    return std::string();
  }
  cachestore::Draft draft = SLIP_TRY(run.store.begin());
  const Fd target = SLIP_TRY(open_file(draft.upper(), O_RDONLY | O_DIRECTORY));
  SLIP_TRY(cachestore::copy_tree(view.get(), paths, target.get(),
                                 cachestore::UnpackPolicy::kArtifact, cachestore::LayerLimits{},
                                 run.cancel));
  return SLIP_TRY(run.store.commit(std::move(draft), cachestore::SnapshotKind::kStep, "",
                                   Json::object({{"artifacts", job.instance}}),
                                   cachestore::Durability::kRelaxed))
      .id;
}

std::string job_directory_name(const std::string& job) {
  std::string name = job;
  std::replace_if(
      name.begin(), name.end(), [](unsigned char c) { return c == '/' || c < 0x20 || c == 0x7f; },
      '_');
  return name == "." || name == ".." || name.empty() ? "_" : name;
}

Status place_artifacts(const RunContext& run, const std::string& job,
                       const std::string& snapshot_id) {
  const cachestore::Snapshot snapshot = SLIP_TRY(run.store.get(snapshot_id));
  const std::string target = run.options.artifacts_dir + "/" + job_directory_name(job);
  SLIP_TRY(remove_tree(target));
  SLIP_TRY(make_dirs(target, 0755));
  const Fd from = SLIP_TRY(open_file(snapshot.path, O_RDONLY | O_DIRECTORY));
  const Fd to = SLIP_TRY(open_file(target, O_RDONLY | O_DIRECTORY));
  const std::vector<std::string> names = SLIP_TRY(list_dir(from.get(), snapshot.path));
  SLIP_TRY_WITHIN(
      "place artifacts of " + job,
      cachestore::copy_tree(from.get(), names, to.get(), cachestore::UnpackPolicy::kArtifact,
                            cachestore::LayerLimits{}, run.cancel));
  return {};
}

}  // namespace slipway::runner
