// The work tree as a snapshot: list, look it up by what the list says, copy only when it is new.
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>

#include "base/files.h"
#include "base/text.h"
#include "runner/source/copy_files.h"
#include "runner/source/git_reader.h"
#include "runner/source/workspace.h"

namespace slipway::runner {
namespace {

/// Without git everything but `.git` counts.
class TakeAll : public WalkFilter, public WalkSink {
 public:
  TakeAll(FileList& list, const CancelToken& cancel) : list_(list), cancel_(cancel) {}

  Result<bool> enter(const std::string& dir) override {
    if (cancel_.cancelled())
      return fail(ErrorCode::kCancelled, "list " + printable(dir) + ": cancelled");
    return true;
  }
  Result<bool> take(const std::string&) override { return true; }
  bool keeps_directories() const override { return true; }
  bool skips_nested_repositories() const override { return false; }
  Status entry(FileEntry entry) override {
    list_.entries.push_back(std::move(entry));
    return {};
  }
  void warning(std::string text) override { list_.warnings.push_back(std::move(text)); }

 private:
  FileList& list_;
  const CancelToken& cancel_;
};

Result<FileList> list_files(const SourceState& state, int root_fd, const CancelToken& cancel) {
  FileList list;
  if (state.git) {
    list = SLIP_TRY(git_list_work_tree(state.root, cancel));
  } else {
    TakeAll all(list, cancel);
    SLIP_TRY(walk_tree(root_fd, all, all));
  }
  std::sort(list.entries.begin(), list.entries.end(),
            [](const FileEntry& a, const FileEntry& b) { return a.path < b.path; });
  std::sort(list.warnings.begin(), list.warnings.end());
  return list;
}

/// Inode numbers and times mean something only on one device below one directory.
Result<std::string> make_key(const SourceState& state, int root_fd, const FileList& list) {
  struct stat info {};
  if (::fstat(root_fd, &info) != 0) return fail_errno("stat " + printable(state.root));
  std::string base =
      "workspace-1 " + state.commit + " " + std::to_string(info.st_dev) + " " + state.root;
  return "tree-stat:" + list_digest(list.entries, base).hex();
}

Workspace make_workspace(const SourceState& state, cachestore::Snapshot snapshot, FileList list) {
  Workspace workspace;
  workspace.state = state;
  workspace.state.dirty = list.dirty;
  workspace.snapshot = std::move(snapshot);
  workspace.warnings = std::move(list.warnings);
  workspace.files = static_cast<std::uint64_t>(
      std::count_if(list.entries.begin(), list.entries.end(),
                    [](const FileEntry& entry) { return !S_ISDIR(entry.mode); }));
  return workspace;
}

}  // namespace

Result<Workspace> snapshot_work_tree(const SourceState& state, cachestore::Store& store,
                                     const CancelToken& cancel) {
  const std::string doing = "snapshot work tree " + printable(state.root);
  const Fd root = SLIP_TRY_WITHIN(doing, open_file(state.root, O_RDONLY | O_DIRECTORY));
  const WallTime scan_start = real_clock().wall();
  FileList list = SLIP_TRY_WITHIN(doing, list_files(state, root.get(), cancel));
  std::string key = SLIP_TRY_WITHIN(doing, make_key(state, root.get(), list));
  // The same stamps may hide a later write: such a tree is not looked up, and not found again.
  if (!times_are_settled(list.entries, scan_start)) key.clear();
  if (!key.empty()) {
    std::optional<cachestore::Snapshot> known =
        SLIP_TRY(store.find(cachestore::SnapshotKind::kWorkspace, key));
    if (known) return make_workspace(state, *std::move(known), std::move(list));
  }

  cachestore::Draft draft = SLIP_TRY(store.begin());
  const Fd target = SLIP_TRY_WITHIN(doing, open_file(draft.upper(), O_RDONLY | O_DIRECTORY));
  const CopyResult copied =
      SLIP_TRY_WITHIN(doing, copy_files(root.get(), list.entries, target.get(), cancel));
  if (copied.changed) key.clear();
  Json metadata = Json::object({{"root", to_valid_utf8(state.root)},
                                {"commit", state.commit},
                                {"dirty", list.dirty},
                                {"files", copied.files},
                                {"bytes", copied.bytes}});
  cachestore::Snapshot snapshot =
      SLIP_TRY(store.commit(std::move(draft), cachestore::SnapshotKind::kWorkspace, std::move(key),
                            std::move(metadata), cachestore::Durability::kRelaxed));
  return make_workspace(state, std::move(snapshot), std::move(list));
}

}  // namespace slipway::runner
