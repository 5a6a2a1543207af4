// What all readers of a repository need: opening it, naming a commit, saying what went wrong.
#include "runner/source/git_objects.h"

#include <array>
#include <cstdlib>

#include "base/text.h"

namespace slipway::runner {
namespace {

struct CodeRow {
  int git_code;
  ErrorCode code;
};
constexpr std::array<CodeRow, 5> kCodes{{
    {GIT_ENOTFOUND, ErrorCode::kNotFound},
    {GIT_EAMBIGUOUS, ErrorCode::kInvalid},
    {GIT_EINVALIDSPEC, ErrorCode::kInvalid},
    {GIT_EOWNER, ErrorCode::kPermission},
    {GIT_EDIRECTORY, ErrorCode::kInvalid},
}};

constexpr std::size_t kMaxRev =
    256;  // a branch name of that length cannot be a file of refs/ either

/// realpath without a slash at the end; empty when it does not resolve.
std::string resolved(const char* path) {
  if (path == nullptr) return {};
  const std::unique_ptr<char, void (*)(void*)> real(::realpath(path, nullptr), std::free);
  return real ? std::string(real.get()) : std::string();
}

/// libgit2 1.5.1 forgets its own code where no safe.directory is configured at all.
bool refused_owner(const GitApi& git, int code) {
  const git_error* last = git.error_last();
  if (code == GIT_EOWNER) return true;
  return last != nullptr && last->message != nullptr &&
         std::string_view(last->message).find("'safe.directory'") != std::string_view::npos;
}

}  // namespace

Error git_error_of(const GitApi& git, int code, const std::string& doing) {
  const git_error* last = git.error_last();
  std::string text =
      doing + ": " +
      (last != nullptr && last->message != nullptr ? printable(last->message) : "unknown error");
  for (const CodeRow& row : kCodes) {
    if (row.git_code == code) return Error(row.code, std::move(text));
  }
  return Error(ErrorCode::kCorrupt, std::move(text));
}

Result<GitPtr<git_repository>> open_repository(const GitApi& git, const std::string& root) {
  git_repository* raw = nullptr;
  const std::string doing = "read git repository " + printable(root);
  if (const int code =
          git.repository_open_ext(&raw, root.c_str(), GIT_REPOSITORY_OPEN_NO_SEARCH, nullptr)) {
    if (refused_owner(git, code)) {
      return fail(ErrorCode::kPermission,
                  doing +
                      ": it belongs to another user; if you trust it: git config --global "
                      "--add safe.directory " +
                      shell_quote(root));
    }
    Error error = git_error_of(git, code, doing);
    // A `.git` is there, so "not found" means that it is damaged.
    if (code == GIT_ENOTFOUND) return fail(ErrorCode::kCorrupt, error.text());
    return fail(std::move(error));
  }
  auto repository = adopt(raw, git.repository_free);
  if (resolved(git.repository_workdir(raw)) != root) {
    return fail(ErrorCode::kInvalid, doing +
                                         ": its configuration says that the work tree is elsewhere "
                                         "(core.worktree or core.bare)");
  }
  return repository;
}

Result<GitPtr<git_commit>> find_commit(const GitApi& git, git_repository* repository,
                                       const std::string& rev) {
  const std::string doing = "find commit " + printable(rev.substr(0, kMaxRev));
  if (rev.empty() || rev.size() > kMaxRev || rev.front() == '-') {
    return fail(ErrorCode::kInvalid, doing + ": not a revision");
  }
  git_object* raw = nullptr;
  if (const int code = git.revparse_single(&raw, repository, rev.c_str())) {
    return fail(git_error_of(git, code, doing));
  }
  const auto object = adopt(raw, git.object_free);
  git_object* commit = nullptr;
  if (const int code = git.object_peel(&commit, raw, GIT_OBJECT_COMMIT)) {
    return fail(git_error_of(git, code, doing));
  }
  const auto release = reinterpret_cast<void (*)(git_commit*)>(git.object_free);
  return adopt(reinterpret_cast<git_commit*>(commit), release);
}

std::string oid_text(const GitApi& git, const git_oid* id) {
  std::array<char, GIT_OID_HEXSZ + 1> text{};
  git.oid_tostr(text.data(), text.size(), id);
  return text.data();
}

}  // namespace slipway::runner
