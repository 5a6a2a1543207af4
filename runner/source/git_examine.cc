// Where a checkout stands: commit, branch, tag, remote, author.
#include <array>
#include <cstdio>
#include <ctime>

#include "base/text.h"
#include "runner/source/git_child.h"
#include "runner/source/git_objects.h"
#include "runner/source/git_reader.h"

namespace slipway::runner {
namespace {

// Annotated tags whose commit packed-refs does not record must be read one by one.
constexpr int kMaxPeeledTags = 2'000;
constexpr std::size_t kMaxField = 4'096;

/// user:password@ (and user@) of a URL with a scheme; the form host:path knows no password.
std::string without_credentials(std::string url) {
  const std::size_t scheme = url.find("://");
  if (scheme == std::string::npos) return url;
  const std::size_t begin = scheme + 3;
  const std::size_t slash = std::min(url.find_first_of("/?#", begin), url.size());
  const std::size_t at = url.rfind('@', slash);
  if (at != std::string::npos && at >= begin) url.erase(begin, at + 1 - begin);
  return url;
}

const git_oid* tagged_commit(const GitApi& git, git_reference* reference, git_oid& storage,
                             int& peeled) {
  if (const git_oid* known = git.reference_target_peel(reference)) return known;
  git_object* object = nullptr;
  if (++peeled > kMaxPeeledTags || git.reference_peel(&object, reference, GIT_OBJECT_COMMIT) != 0)
    return nullptr;
  storage = *git.object_id(object);
  git.object_free(object);
  return &storage;
}

/// The tag at `commit`; of several the last by name, which for v1.9 and v1.9.1 is the more exact one.
std::string find_tag(const GitApi& git, git_repository* repository, const git_oid& commit) {
  constexpr std::string_view kPrefix = "refs/tags/";
  git_reference_iterator* raw = nullptr;
  if (git.reference_iterator_glob_new(&raw, repository, "refs/tags/*") != 0) return {};
  const auto iterator = adopt(raw, git.reference_iterator_free);
  std::string found;
  int peeled = 0;
  git_reference* next = nullptr;
  while (git.reference_next(&next, raw) == 0) {
    const auto reference = adopt(next, git.reference_free);
    git_oid storage{};
    const git_oid* target = tagged_commit(git, next, storage, peeled);
    const std::string_view name = git.reference_name(next);
    if (target == nullptr || git.oid_cmp(target, &commit) != 0 || !name.starts_with(kPrefix))
      continue;
    if (name.substr(kPrefix.size()) > found) found = name.substr(kPrefix.size());
  }
  return found;
}

void send_branch(const GitApi& git, git_repository* repository, FrameWriter& out) {
  constexpr std::string_view kPrefix = "refs/heads/";
  git_reference* raw = nullptr;
  if (git.reference_lookup(&raw, repository, "HEAD") != 0) return;
  const auto head = adopt(raw, git.reference_free);
  const char* target = git.reference_symbolic_target(raw);  // null when detached
  if (target != nullptr && std::string_view(target).starts_with(kPrefix)) {
    out.field("branch", std::string_view(target).substr(kPrefix.size()));
  }
}

void send_remote(const GitApi& git, git_repository* repository, FrameWriter& out) {
  git_remote* raw = nullptr;
  if (git.remote_lookup(&raw, repository, "origin") != 0) return;
  const auto remote = adopt(raw, git.remote_free);
  if (const char* url = git.remote_url(raw)) out.field("remote", without_credentials(url));
}

void send_words(const GitApi& git, git_commit* commit, FrameWriter& out) {
  constexpr std::size_t kMaxMessage = 2048;
  const char* raw = git.commit_message(commit);
  std::string message = raw == nullptr ? "" : to_valid_utf8(raw);
  if (message.size() > kMaxMessage) message = to_valid_utf8(message.substr(0, kMaxMessage));
  while (message.ends_with('\n')) message.pop_back();
  out.field("title", message.substr(0, message.find('\n')));
  out.field("message", message);
  const int offset = git.commit_time_offset(commit);  // minutes
  const std::time_t local = static_cast<std::time_t>(git.commit_time(commit)) + offset * 60;
  struct tm parts {};
  ::gmtime_r(&local, &parts);
  std::array<char, 64> text{};
  const std::size_t length = std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S", &parts);
  const int minutes = offset < 0 ? -offset : offset;
  std::snprintf(text.data() + length, text.size() - length, "%c%02d:%02d", offset < 0 ? '-' : '+',
                minutes / 60 % 24, minutes % 60);
  out.field("timestamp", text.data());
}

Status examine(const GitApi& git, const std::string& root, FrameWriter& out) {
  const auto repository = SLIP_TRY(open_repository(git, root));
  send_branch(git, repository.get(), out);
  send_remote(git, repository.get(), out);
  git_reference* raw = nullptr;
  const int code = git.repository_head(&raw, repository.get());
  if (code == GIT_EUNBORNBRANCH || code == GIT_ENOTFOUND) return {};  // no commit yet
  if (code != 0) return fail(git_error_of(git, code, "read HEAD of " + printable(root)));
  const auto head = adopt(raw, git.reference_free);
  const auto commit = SLIP_TRY(find_commit(git, repository.get(), "HEAD"));
  const git_oid id = *git.object_id(reinterpret_cast<git_object*>(commit.get()));
  out.field("commit", oid_text(git, &id));
  out.field("tag", find_tag(git, repository.get(), id));
  if (const git_signature* author = git.commit_author(commit.get())) {
    out.field("author", to_valid_utf8(std::string(author->name) + " <" + author->email + ">"));
  }
  send_words(git, commit.get(), out);
  return {};
}

struct FieldRow {
  std::string_view name;
  std::string SourceState::*member;
};
constexpr std::array<FieldRow, 8> kFields{{
    {"commit", &SourceState::commit},
    {"branch", &SourceState::branch},
    {"tag", &SourceState::tag},
    {"remote", &SourceState::remote},
    {"author", &SourceState::author},
    {"title", &SourceState::title},
    {"message", &SourceState::message},
    {"timestamp", &SourceState::timestamp},
}};

Status take_field(std::string_view bytes, SourceState& state) {
  const std::size_t border = bytes.find('\0');
  if (border == std::string_view::npos || bytes.size() > kMaxField) {
    return fail(ErrorCode::kCorrupt, "read git repository: a name is too long");
  }
  for (const FieldRow& row : kFields) {
    if (row.name == bytes.substr(0, border))
      state.*row.member = to_valid_utf8(bytes.substr(border + 1));
  }
  return {};
}

}  // namespace

Result<SourceState> git_examine(const std::string& root) {
  SourceState state;
  state.root = root;
  state.git = true;
  SLIP_TRY(run_git_child(
      "read git repository " + printable(root), CancelToken(), GitChildLimits{},
      [&](const GitApi& git, FrameWriter& out) { return examine(git, root, out); },
      [&](FrameKind kind, std::string_view bytes) {
        return kind == FrameKind::kField ? take_field(bytes, state) : Status{};
      }));
  return state;
}

}  // namespace slipway::runner
