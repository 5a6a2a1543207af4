// `--commit REV` as a snapshot: the child streams the tree, this side checks every name and writes.
#include <fcntl.h>

#include <optional>

#include "base/files.h"
#include "base/text.h"
#include "runner/source/draft_writer.h"
#include "runner/source/git_reader.h"
#include "runner/source/tree_path.h"
#include "runner/source/workspace.h"

namespace slipway::runner {
namespace {

// A tree is at most this large when written out: identical blobs make a small repository expand a thousandfold.
constexpr std::uint64_t kMaxTreeBytes = std::uint64_t{32} << 30;

/// Parent side. Trusts nothing of the frames: the child read hostile bytes.
class TreeReceiver {
 public:
  TreeReceiver(int root_fd, std::int64_t mtime_ns) : writer_(root_fd), mtime_ns_(mtime_ns) {}

  Status receive(FrameKind kind, std::string_view bytes) {
    if (kind == FrameKind::kBytes) return write(bytes);
    SLIP_TRY(finish_file());
    if (kind == FrameKind::kWarning) {
      warnings.push_back(printable(bytes.substr(0, 2 * kMaxTreePath)));
      return {};
    }
    if (++entries_ > kMaxTreeEntries)
      return fail(ErrorCode::kExhausted, "read tree: too many entries");
    if (kind == FrameKind::kDirectory) {
      SLIP_TRY(check_tree_path(bytes, PathOrigin::kCommit));
      return writer_.make_directory(bytes);
    }
    if (kind == FrameKind::kFile && !bytes.empty())
      return begin_file(bytes.substr(1), bytes[0] == '1');
    if (kind == FrameKind::kLink) return make_link(bytes);
    return fail(ErrorCode::kCorrupt, "read tree: malformed answer of the reading process");
  }

  Status finish_file() {
    if (!file_) return {};
    SLIP_TRY(set_mtime(file_.get(), mtime_ns_, path_));
    file_.reset();
    ++files;
    return {};
  }

  std::vector<std::string> warnings;
  std::uint64_t files = 0;

 private:
  Status begin_file(std::string_view path, bool executable) {
    SLIP_TRY(check_tree_path(path, PathOrigin::kCommit));
    file_ = SLIP_TRY(writer_.make_file(path, executable));
    path_ = path;
    return {};
  }

  Status write(std::string_view bytes) {
    bytes_ += bytes.size();
    if (!file_)
      return fail(ErrorCode::kCorrupt, "read tree: malformed answer of the reading process");
    if (bytes_ > kMaxTreeBytes) {
      return fail(ErrorCode::kExhausted,
                  "read tree: larger than " + format_size(ByteCount{kMaxTreeBytes}));
    }
    return write_all(file_.get(), bytes, printable(path_));
  }

  Status make_link(std::string_view bytes) {
    const std::size_t border = std::min(bytes.find('\0'), bytes.size());
    const std::string_view path = bytes.substr(0, border);
    const std::string_view target = bytes.substr(std::min(border + 1, bytes.size()));
    SLIP_TRY(check_tree_path(path, PathOrigin::kCommit));
    if (target.empty() || target.size() > kMaxTreePath ||
        target.find('\0') != std::string_view::npos) {
      return fail(ErrorCode::kInvalid, "read tree: bad link target of " + printable(path));
    }
    ++files;
    return writer_.make_link(path, std::string(target), mtime_ns_);
  }

  DraftWriter writer_;
  std::int64_t mtime_ns_;
  std::string path_;
  Fd file_;
  std::uint64_t bytes_ = 0;
  std::size_t entries_ = 0;
};

Workspace make_workspace(const SourceState& state, const CommitId& id,
                         cachestore::Snapshot snapshot) {
  Workspace workspace;
  workspace.state = state;
  if (state.commit != id.commit) {
    // Branch, tag and author were those of HEAD.
    workspace.state.branch.clear();
    workspace.state.tag.clear();
    workspace.state.author.clear();
  }
  workspace.state.commit = id.commit;
  workspace.state.dirty = false;
  workspace.files = static_cast<std::uint64_t>(snapshot.metadata["files"].int_or(0));
  for (const Json& text : snapshot.metadata["warnings"].items()) {
    workspace.warnings.emplace_back(text.string_or(""));
  }
  workspace.snapshot = std::move(snapshot);
  return workspace;
}

}  // namespace

Result<Workspace> snapshot_commit(const SourceState& state, const std::string& rev,
                                  cachestore::Store& store, const CancelToken& cancel) {
  const std::string doing = "snapshot commit " + printable(rev);
  if (!state.git)
    return fail(ErrorCode::kInvalid, doing + ": " + printable(state.root) + " is no git checkout");
  const CommitId id = SLIP_TRY_WITHIN(doing, git_resolve(state.root, rev, cancel));
  std::string key = "tree:" + id.tree;
  std::optional<cachestore::Snapshot> known =
      SLIP_TRY(store.find(cachestore::SnapshotKind::kWorkspace, key));
  if (known) return make_workspace(state, id, *std::move(known));

  cachestore::Draft draft = SLIP_TRY(store.begin());
  const Fd target = SLIP_TRY_WITHIN(doing, open_file(draft.upper(), O_RDONLY | O_DIRECTORY));
  // Files are as old as the commit that first brought this tree here: make(1) sees no file newer than another.
  TreeReceiver receiver(target.get(), id.time * 1'000'000'000);
  SLIP_TRY_WITHIN(doing, git_read_tree(state.root, id.tree, cancel,
                                       [&](FrameKind kind, std::string_view bytes) {
                                         return receiver.receive(kind, bytes);
                                       }));
  SLIP_TRY_WITHIN(doing, receiver.finish_file());
  Json warnings = Json::array();
  for (const std::string& text : receiver.warnings) warnings.push(text);
  Json metadata = Json::object({{"root", to_valid_utf8(state.root)},
                                {"commit", id.commit},
                                {"files", receiver.files},
                                {"warnings", std::move(warnings)}});
  cachestore::Snapshot snapshot =
      SLIP_TRY(store.commit(std::move(draft), cachestore::SnapshotKind::kWorkspace, std::move(key),
                            std::move(metadata), cachestore::Durability::kRelaxed));
  return make_workspace(state, id, std::move(snapshot));
}

}  // namespace slipway::runner
