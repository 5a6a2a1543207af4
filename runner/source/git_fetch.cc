// Fetching from a remote by libgit2, in a child of its own: the other side and the network are not ours.
#include "runner/source/git_fetch.h"

#include <array>
#include <vector>

#include "base/text.h"
#include "runner/source/git_child.h"
#include "runner/source/git_objects.h"

namespace slipway::runner {
namespace {

constexpr const char* kHead = "refs/slipway/head";
constexpr std::size_t kMaxRef = 256;

bool is_commit_id(const std::string& ref) {
  return ref.size() == GIT_OID_HEXSZ &&
         ref.find_first_not_of("0123456789abcdef") == std::string::npos;
}

// A ref goes into a refspec: nothing that has a meaning there. Spec: git-check-ref-format(1).
bool is_plain_ref(const std::string& ref) {
  return ref.size() <= kMaxRef && !ref.starts_with('-') && !ref.starts_with('/') &&
         ref.find_first_of(" ~^:?*[\\\x7f") == std::string::npos &&
         ref.find("..") == std::string::npos &&
         ref.find_first_of(std::string("\0\n\r\t", 4)) == std::string::npos;
}

std::vector<std::string> refspecs(const std::string& ref) {
  if (ref.empty()) return {std::string("+HEAD:") + kHead};
  if (ref.starts_with("refs/")) return {"+" + ref + ":" + ref};
  // Servers give no single commit to libgit2: everything that has a name.
  if (is_commit_id(ref)) return {"+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*"};
  return {"+refs/heads/" + ref + ":refs/heads/" + ref, "+refs/tags/" + ref + ":refs/tags/" + ref};
}

struct Session {
  const GitApi& git;
  const GitFetch& fetch;
  FrameWriter& out;
  int asked = 0;
};

int give_credential(git_credential** out, const char*, const char* user, unsigned allowed,
                    void* payload) {
  auto* session = static_cast<Session*>(payload);
  // Asked again: what was given is wrong.
  if (++session->asked > 2) return GIT_EAUTH;
  const char* name = user == nullptr ? "git" : user;
  if ((allowed & GIT_CREDENTIAL_SSH_KEY) != 0) {
    return session->git.credential_ssh_key_from_agent(out, name);
  }
  if ((allowed & GIT_CREDENTIAL_USERPASS_PLAINTEXT) != 0 && !session->fetch.token.empty()) {
    return session->git.credential_userpass_plaintext_new(
        out, user == nullptr ? "x-access-token" : user, session->fetch.token.c_str());
  }
  return GIT_EAUTH;
}

// Told so that the parent sees that something moves.
int tell_progress(const git_indexer_progress* progress, void* payload) {
  auto* session = static_cast<Session*>(payload);
  if (progress->received_objects % 1'000 == 0) {
    session->out.field("received", std::to_string(progress->received_bytes));
    session->out.flush();
  }
  return 0;
}

Status run(const GitApi& git, const GitFetch& fetch, FrameWriter& out) {
  const std::string doing = "fetch " + printable(fetch.url);
  git_repository* raw_repository = nullptr;
  if (const int code = git.repository_init(&raw_repository, fetch.directory.c_str(), 0)) {
    return fail(git_error_of(git, code, doing));
  }
  const auto repository = adopt(raw_repository, git.repository_free);
  git_remote* raw_remote = nullptr;
  if (const int code =
          git.remote_create_anonymous(&raw_remote, raw_repository, fetch.url.c_str())) {
    return fail(git_error_of(git, code, doing));
  }
  const auto remote = adopt(raw_remote, git.remote_free);
  Session session{git, fetch, out};
  git_fetch_options options = GIT_FETCH_OPTIONS_INIT;
  options.download_tags = GIT_REMOTE_DOWNLOAD_TAGS_NONE;
  options.update_fetchhead = 0;
  options.callbacks.payload = &session;
  options.callbacks.credentials = give_credential;
  options.callbacks.transfer_progress = tell_progress;
  std::vector<std::string> specs = refspecs(fetch.ref);
  std::vector<char*> pointers;
  for (std::string& spec : specs) pointers.push_back(spec.data());
  const git_strarray array{pointers.data(), pointers.size()};
  if (const int code = git.remote_fetch(raw_remote, &array, &options, nullptr)) {
    Error error = git_error_of(git, code, doing);
    if (code == GIT_EAUTH) return fail(ErrorCode::kUnauthenticated, error.text());
    if (code == GIT_ENOTFOUND) return fail(ErrorCode::kNotFound, error.text());
    return fail(ErrorCode::kUnavailable, error.text());
  }
  const std::array<std::string, 3> tries =
      fetch.ref.empty() || fetch.ref.starts_with("refs/") || is_commit_id(fetch.ref)
          ? std::array<std::string, 3>{fetch.ref.empty() ? kHead : fetch.ref, "", ""}
          : std::array<std::string, 3>{"refs/tags/" + fetch.ref, "refs/heads/" + fetch.ref, ""};
  for (const std::string& name : tries) {
    if (name.empty() || !find_commit(git, raw_repository, name)) continue;
    out.field("rev", name);
    return {};
  }
  return fail(ErrorCode::kNotFound,
              doing + ": no branch, tag or commit \"" + printable(fetch.ref) + "\"");
}

}  // namespace

Result<std::string> git_fetch(const GitFetch& fetch, const CancelToken& cancel) {
  const std::string doing = "fetch " + printable(fetch.url);
  if (!is_plain_ref(fetch.ref)) {
    return fail(ErrorCode::kInvalid, doing + ": \"" + printable(fetch.ref) + "\" is no ref");
  }
  GitChildLimits limits;
  limits.writable = fetch.directory;
  std::string rev;
  SLIP_TRY(run_git_child(
      doing, cancel, limits,
      [&](const GitApi& git, FrameWriter& out) { return run(git, fetch, out); },
      [&](FrameKind kind, std::string_view bytes) -> Status {
        constexpr std::string_view kName("rev\0", 4);
        if (kind == FrameKind::kField && bytes.starts_with(kName)) rev = bytes.substr(kName.size());
        return {};
      }));
  if (rev.empty()) return fail(ErrorCode::kCorrupt, doing + ": malformed answer");
  return rev;
}

}  // namespace slipway::runner
