// Reading a commit: its ids, its whole tree, one of its files.
#include <algorithm>

#include "base/text.h"
#include "runner/source/git_child.h"
#include "runner/source/git_objects.h"
#include "runner/source/git_reader.h"
#include "runner/source/tree_path.h"

namespace slipway::runner {
namespace {

// libgit2 inflates an object whole, within the child's memory limit.
constexpr std::uint64_t kMaxBlob = std::uint64_t{512} << 20;
constexpr std::size_t kMaxLinkTarget = 4'095;  // PATH_MAX
constexpr std::size_t kMaxLfsPointer = 1'024;  // Spec: git-lfs, docs/spec.md "The Pointer"
constexpr std::string_view kLfsPointer = "version https://git-lfs.github.com/spec/";

std::string_view content_of(const GitApi& git, const git_blob* blob) {
  const auto size =
      static_cast<std::size_t>(std::max<git_object_size_t>(0, git.blob_rawsize(blob)));
  return {static_cast<const char*>(git.blob_rawcontent(blob)), size};
}

Result<GitPtr<git_blob>> load_blob(const GitApi& git, git_repository* repository, const git_oid* id,
                                   const std::string& path, std::uint64_t limit) {
  const std::string doing = "read " + printable(path) + " of commit";
  git_odb* raw_odb = nullptr;
  if (const int code = git.repository_odb(&raw_odb, repository))
    return fail(git_error_of(git, code, doing));
  const auto odb = adopt(raw_odb, git.odb_free);
  std::size_t size = 0;
  git_object_t type = GIT_OBJECT_INVALID;
  if (const int code = git.odb_read_header(&size, &type, raw_odb, id))
    return fail(git_error_of(git, code, doing));
  if (type != GIT_OBJECT_BLOB) return fail(ErrorCode::kCorrupt, doing + ": not a blob");
  if (size > limit)
    return fail(ErrorCode::kExhausted, doing + ": larger than " + format_size(ByteCount{limit}));
  git_blob* raw = nullptr;
  if (const int code = git.blob_lookup(&raw, repository, id))
    return fail(git_error_of(git, code, doing));
  return adopt(raw, git.blob_free);
}

void send_bytes(std::string_view content, FrameWriter& out) {
  while (!content.empty()) {
    const std::string_view piece = content.substr(0, kMaxFrame);
    out.send(FrameKind::kBytes, piece);
    content.remove_prefix(piece.size());
  }
}

class TreeSender {
 public:
  TreeSender(const GitApi& git, git_repository* repository, FrameWriter& out)
      : git_(git), repository_(repository), out_(out) {}

  Status send(const git_oid* id, const std::string& prefix, std::size_t depth) {
    if (depth > kMaxTreeDepth)
      return fail(ErrorCode::kExhausted,
                  "read tree: too deep at " + printable(prefix.substr(0, 200)));
    git_tree* raw = nullptr;
    if (const int code = git_.tree_lookup(&raw, repository_, id)) {
      return fail(git_error_of(git_, code, "read tree " + printable(prefix)));
    }
    const auto tree = adopt(raw, git_.tree_free);
    for (std::size_t i = 0; i < git_.tree_entrycount(raw); ++i) {
      SLIP_TRY(send_entry(git_.tree_entry_byindex(raw, i), prefix, depth));
    }
    return {};
  }

 private:
  Status send_entry(const git_tree_entry* entry, const std::string& prefix, std::size_t depth) {
    if (++count_ > kMaxTreeEntries)
      return fail(ErrorCode::kExhausted, "read tree: too many entries");
    const std::string path = prefix + git_.tree_entry_name(entry);
    // Checked here too, so that nothing of a refused tree is read; the parent does not rely on it.
    SLIP_TRY(check_tree_path(path, PathOrigin::kCommit));
    switch (git_.tree_entry_filemode(entry)) {
      case GIT_FILEMODE_TREE:
        out_.send(FrameKind::kDirectory, path);
        return send(git_.tree_entry_id(entry), path + "/", depth + 1);
      case GIT_FILEMODE_COMMIT:
        out_.send(FrameKind::kWarning, "skipped submodule " + printable(path));
        return {};
      case GIT_FILEMODE_LINK:
        return send_link(entry, path);
      default:
        return send_file(entry, path);
    }
  }

  Status send_link(const git_tree_entry* entry, const std::string& path) {
    const auto blob =
        SLIP_TRY(load_blob(git_, repository_, git_.tree_entry_id(entry), path, kMaxLinkTarget));
    std::string bytes = path;
    bytes += '\0';
    bytes += content_of(git_, blob.get());
    out_.send(FrameKind::kLink, bytes);
    return {};
  }

  Status send_file(const git_tree_entry* entry, const std::string& path) {
    const auto blob =
        SLIP_TRY(load_blob(git_, repository_, git_.tree_entry_id(entry), path, kMaxBlob));
    const bool executable = git_.tree_entry_filemode(entry) == GIT_FILEMODE_BLOB_EXECUTABLE;
    out_.send(FrameKind::kFile, (executable ? "1" : "0") + path);
    const std::string_view content = content_of(git_, blob.get());
    send_bytes(content, out_);
    if (content.size() <= kMaxLfsPointer && content.starts_with(kLfsPointer) && !lfs_told_) {
      out_.send(FrameKind::kWarning,
                "git-lfs files stay pointers in a --commit workspace: " + printable(path));
      lfs_told_ = true;
    }
    return {};
  }

  const GitApi& git_;
  git_repository* repository_;
  FrameWriter& out_;
  std::size_t count_ = 0;
  bool lfs_told_ = false;
};

Status resolve(const GitApi& git, const std::string& root, const std::string& rev,
               FrameWriter& out) {
  const auto repository = SLIP_TRY(open_repository(git, root));
  const auto commit = SLIP_TRY(find_commit(git, repository.get(), rev));
  out.field("commit", oid_text(git, git.object_id(reinterpret_cast<git_object*>(commit.get()))));
  out.field("tree", oid_text(git, git.commit_tree_id(commit.get())));
  out.field("time", std::to_string(git.commit_time(commit.get())));
  return {};
}

Status send_file_at(const GitApi& git, const std::string& root, const std::string& rev,
                    const std::string& path, std::uint64_t limit, FrameWriter& out) {
  const auto repository = SLIP_TRY(open_repository(git, root));
  const auto commit = SLIP_TRY(find_commit(git, repository.get(), rev));
  const std::string doing = "read " + printable(path) + " of commit " + printable(rev);
  git_tree* raw_tree = nullptr;
  if (const int code = git.commit_tree(&raw_tree, commit.get()))
    return fail(git_error_of(git, code, doing));
  const auto tree = adopt(raw_tree, git.tree_free);
  git_tree_entry* raw_entry = nullptr;
  const int code = git.tree_entry_bypath(&raw_entry, raw_tree, path.c_str());
  if (code == GIT_ENOTFOUND) return fail(ErrorCode::kNotFound, doing + ": no such file in it");
  if (code != 0) return fail(git_error_of(git, code, doing));
  const auto entry = adopt(raw_entry, git.tree_entry_free);
  const git_filemode_t mode = git.tree_entry_filemode(raw_entry);
  if (mode != GIT_FILEMODE_BLOB && mode != GIT_FILEMODE_BLOB_EXECUTABLE) {
    return fail(ErrorCode::kInvalid, doing + ": not a regular file");
  }
  const auto blob =
      SLIP_TRY(load_blob(git, repository.get(), git.tree_entry_id(raw_entry), path, limit));
  send_bytes(content_of(git, blob.get()), out);
  return {};
}

bool is_object_id(const std::string& text) {
  return text.size() == GIT_OID_HEXSZ &&
         text.find_first_not_of("0123456789abcdef") == std::string::npos;
}

}  // namespace

Result<CommitId> git_resolve(const std::string& root, const std::string& rev,
                             const CancelToken& cancel) {
  CommitId id;
  SLIP_TRY(run_git_child(
      "read git repository " + printable(root), cancel, GitChildLimits{},
      [&](const GitApi& git, FrameWriter& out) { return resolve(git, root, rev, out); },
      [&](FrameKind kind, std::string_view bytes) -> Status {
        const std::size_t border = std::min(bytes.find('\0'), bytes.size());
        const std::string_view name = bytes.substr(0, border);
        const std::string value(bytes.substr(std::min(border + 1, bytes.size())));
        if (kind == FrameKind::kField && name == "commit") id.commit = value;
        if (kind == FrameKind::kField && name == "tree") id.tree = value;
        if (kind == FrameKind::kField && name == "time") id.time = parse_int(value).value_or(0);
        return {};
      }));
  if (!is_object_id(id.commit) || !is_object_id(id.tree)) {
    return fail(ErrorCode::kCorrupt, "find commit " + printable(rev) + ": malformed answer");
  }
  return id;
}

Status git_read_tree(const std::string& root, const std::string& tree, const CancelToken& cancel,
                     const FrameHandler& receive) {
  return run_git_child(
      "read tree of " + printable(root), cancel, GitChildLimits{},
      [&](const GitApi& git, FrameWriter& out) -> Status {
        const auto repository = SLIP_TRY(open_repository(git, root));
        git_oid id{};
        if (const int code = git.oid_fromstr(&id, tree.c_str()))
          return fail(git_error_of(git, code, "read tree " + tree));
        return TreeSender(git, repository.get(), out).send(&id, "", 0);
      },
      receive);
}

Result<std::string> git_read_file(const std::string& root, const std::string& rev,
                                  const std::string& path, ByteCount limit) {
  std::string content;
  SLIP_TRY(run_git_child(
      "read git repository " + printable(root), CancelToken(), GitChildLimits{},
      [&](const GitApi& git, FrameWriter& out) {
        return send_file_at(git, root, rev, path, limit.value, out);
      },
      [&](FrameKind kind, std::string_view bytes) -> Status {
        if (kind == FrameKind::kBytes) content += bytes;
        if (content.size() > limit.value)
          return fail(ErrorCode::kExhausted, "read " + printable(path) + ": too large");
        return {};
      }));
  return content;
}

}  // namespace slipway::runner
