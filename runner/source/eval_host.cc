// hash(), changed() and exists() of expressions, answered from a workspace's snapshot.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <mutex>
#include <optional>

#include "base/digest.h"
#include "base/files.h"
#include "base/glob.h"
#include "base/text.h"
#include "runner/source/draft_writer.h"
#include "runner/source/file_list.h"
#include "runner/source/tree_path.h"
#include "runner/source/workspace.h"

namespace slipway::runner {
namespace {

/// Files and links of a snapshot; the snapshot is immutable, so one walk serves the run.
class Collect : public WalkFilter, public WalkSink {
 public:
  Result<bool> enter(const std::string&) override { return true; }
  Result<bool> take(const std::string&) override { return true; }
  bool keeps_directories() const override { return false; }
  bool skips_nested_repositories() const override { return false; }
  Status entry(FileEntry entry) override {
    entries.push_back(std::move(entry));
    return {};
  }
  void warning(std::string) override {}

  std::vector<FileEntry> entries;
};

class SnapshotHost : public pipeline::EvalHost {
 public:
  SnapshotHost(std::string path, std::vector<std::string> changed_paths, bool changed_known)
      : path_(std::move(path)),
        changed_paths_(std::move(changed_paths)),
        changed_known_(changed_known) {}

  Result<std::string> hash_files(const std::vector<std::string>& globs) const override {
    const GlobList list = SLIP_TRY(GlobList::compile(globs));
    const Fd root = SLIP_TRY_WITHIN("hash files", open_file(path_, O_RDONLY | O_DIRECTORY));
    Sha256 hasher;
    bool any = false;
    for (const FileEntry& entry : *SLIP_TRY(files())) {
      if (!list.matches(entry.path)) continue;
      any = true;
      SLIP_TRY_WITHIN("hash files", hash_one(root.get(), entry, hasher));
    }
    return any ? hasher.finish().hex() : std::string();
  }

  Result<bool> changed(const std::vector<std::string>& globs) const override {
    const GlobList list = SLIP_TRY(GlobList::compile(globs));
    if (!changed_known_) return true;
    return std::any_of(changed_paths_.begin(), changed_paths_.end(),
                       [&](const std::string& path) { return list.matches(path); });
  }

  Result<bool> exists(const std::vector<std::string>& globs) const override {
    const GlobList list = SLIP_TRY(GlobList::compile(globs));
    const std::vector<FileEntry>* all = SLIP_TRY(files());
    return std::any_of(all->begin(), all->end(),
                       [&](const FileEntry& entry) { return list.matches(entry.path); });
  }

 private:
  Result<const std::vector<FileEntry>*> files() const {
    std::lock_guard lock(mutex_);
    if (!files_) {
      const Fd root = SLIP_TRY_WITHIN("list workspace", open_file(path_, O_RDONLY | O_DIRECTORY));
      Collect collect;
      SLIP_TRY_WITHIN("list workspace", walk_tree(root.get(), collect, collect));
      std::sort(collect.entries.begin(), collect.entries.end(),
                [](const FileEntry& a, const FileEntry& b) { return a.path < b.path; });
      files_ = std::move(collect.entries);
    }
    return &*files_;
  }

  /// Name, NUL, length, NUL, bytes: no two different sets of files give the same stream.
  static Status hash_one(int root_fd, const FileEntry& entry, Sha256& hasher) {
    std::string header = entry.path;
    header += '\0';
    header += (S_ISLNK(entry.mode) ? "link " : "file ") + std::to_string(entry.size);
    header += '\0';
    hasher.update(header);
    const Fd dir = SLIP_TRY(open_beneath(root_fd, parent_of(entry.path), O_RDONLY | O_DIRECTORY));
    const std::string name(name_of(entry.path));
    std::string buffer(std::size_t{64} << 10, '\0');
    if (S_ISLNK(entry.mode)) {
      const ssize_t length = ::readlinkat(dir.get(), name.c_str(), buffer.data(), buffer.size());
      if (length < 0) return fail_errno("read link " + printable(entry.path));
      hasher.update(std::string_view(buffer).substr(0, static_cast<std::size_t>(length)));
      return {};
    }
    const Fd file = SLIP_TRY(open_at(dir.get(), name, O_RDONLY | O_NOFOLLOW));
    for (;;) {
      const ssize_t got = ::read(file.get(), buffer.data(), buffer.size());
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return fail_errno("read " + printable(entry.path));
      if (got == 0) return {};
      hasher.update(std::string_view(buffer).substr(0, static_cast<std::size_t>(got)));
    }
  }

  const std::string path_;
  const std::vector<std::string> changed_paths_;
  const bool changed_known_;
  mutable std::mutex mutex_;
  mutable std::optional<std::vector<FileEntry>> files_;
};

}  // namespace

std::unique_ptr<pipeline::EvalHost> make_eval_host(const Workspace& workspace,
                                                   std::vector<std::string> changed_paths,
                                                   bool changed_known) {
  return std::make_unique<SnapshotHost>(workspace.snapshot.path, std::move(changed_paths),
                                        changed_known);
}

}  // namespace slipway::runner
