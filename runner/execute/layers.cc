// Uppers of a step, before and after.
#include "runner/execute/layers.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/files.h"
#include "runner/cache/caches.h"

namespace slipway::runner {
namespace {

Result<bool> untouched(const Stack& stack, const std::string& upper) {
  struct stat top {};
  struct stat now {};
  const std::string& path = stack.snapshots().back().path;
  if (::stat(path.c_str(), &top) != 0) return fail_errno("examine snapshot " + path);
  if (::stat(upper.c_str(), &now) != 0) return fail_errno("examine " + upper);
  if (top.st_mode != now.st_mode || top.st_uid != now.st_uid || top.st_gid != now.st_gid)
    return false;
  const Fd dir = SLIP_TRY(open_file(upper, O_RDONLY | O_DIRECTORY));
  return SLIP_TRY(list_dir(dir.get(), upper)).empty();
}

Status commit_one(cachestore::Store& store, cachestore::Draft draft, Stack& stack,
                  StepLayers::Keep keep) {
  if (SLIP_TRY(untouched(stack, draft.upper()))) return {};
  const bool memo = keep == StepLayers::Keep::kAsMemo;
  stack.push(SLIP_TRY(store.commit(
      std::move(draft), memo ? cachestore::SnapshotKind::kCache : cachestore::SnapshotKind::kStep,
      "", memo ? Json::object({{"books", Caches::kOwner}, {"memo", true}}) : Json(),
      cachestore::Durability::kRelaxed)));
  return {};
}

}  // namespace

Status copy_root_attributes(const Stack& stack, const std::string& upper) {
  struct stat top {};
  const std::string& path = stack.snapshots().back().path;
  if (::stat(path.c_str(), &top) != 0) return fail_errno("examine snapshot " + path);
  if (::chown(upper.c_str(), top.st_uid, top.st_gid) != 0) return fail_errno("chown " + upper);
  if (::chmod(upper.c_str(), top.st_mode & 07777) != 0) return fail_errno("chmod " + upper);
  return {};
}

Result<StepLayers> StepLayers::begin(cachestore::Store& store, const Stack& root,
                                     const Stack& work) {
  cachestore::Draft root_draft = SLIP_TRY(store.begin());
  cachestore::Draft work_draft = SLIP_TRY(store.begin());
  SLIP_TRY(copy_root_attributes(root, root_draft.upper()));
  SLIP_TRY(copy_root_attributes(work, work_draft.upper()));
  StepLayers layers(store, std::move(root_draft), std::move(work_draft));
  layers.root_overlay_ = root.below(layers.root_);
  layers.work_overlay_ = work.below(layers.work_);
  return layers;
}

Status StepLayers::commit(Stack& root, Stack& work, Keep keep) {
  SLIP_TRY(commit_one(*store_, std::move(root_), root, keep));
  SLIP_TRY(commit_one(*store_, std::move(work_), work, keep));
  return {};
}

}  // namespace slipway::runner
