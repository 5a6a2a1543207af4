// COPY and ADD: what they read, its digest, and the copying.
#include "runner/build/copy_instruction.h"

#include "base/text.h"

namespace slipway::runner {
namespace {

constexpr unsigned kUrlMode = 0600;  // Spec: Dockerfile reference, "ADD": remote files.

Selection selection_of(const CopyPlan& plan) {
  Selection selection;
  selection.sources = plan.sources;
  selection.excludes = plan.excludes;
  selection.parents = plan.parents;
  return selection;
}

std::string host_of(const std::string& url) {
  const std::size_t begin = url.find("://");
  if (begin == std::string::npos) return "";
  const std::string rest = url.substr(begin + 3);
  return rest.substr(0, rest.find_first_of("/?#"));
}

/// Spec: Dockerfile reference, "ADD": HTTP_AUTH_HEADER_<host> holds the value, HTTP_AUTH_TOKEN_<host> a bearer token.
UrlCredentials credentials_for(const BuildState& state, const std::string& url) {
  const std::string host = host_of(url);
  if (const std::string* header = state.secret("HTTP_AUTH_HEADER_" + host)) return {*header};
  if (const std::string* token = state.secret("HTTP_AUTH_TOKEN_" + host))
    return {"Bearer " + *token};
  return {};
}

Unpack unpack_of(const CopyPlan& plan) {
  if (!plan.add || plan.unpack == "false") return Unpack::kNever;
  return Unpack::kIfArchive;
}

/// All but the sources.
CopyRequest request_of(const BuildState& state, const PlannedStep& step) {
  const CopyPlan& plan = step.copy;
  CopyRequest request;
  request.destination = plan.destination;
  request.workdir = step.workdir;
  request.chown = plan.chown;
  request.chmod = plan.chmod;
  request.link = plan.link;
  request.what = step.written->instruction.original;
  if (state.request.rewrite_timestamps) request.clamp = state.epoch;
  return request;
}

std::string name_of_url(const std::string& url) {
  std::string path = url.substr(0, url.find_first_of("?#"));
  const std::size_t begin = path.find("://");
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos || slash < begin + 3) return "";
  return path.substr(slash + 1);
}

}  // namespace

Result<Digest> selection_digest(BuildState& state, const ReadTree& source,
                                const Selection& selection) {
  if (source.identity.empty()) return source.tree->digest(selection, state.cancel);
  CacheKey key;
  key.add("tree", source.identity);
  for (const std::string& one : selection.sources) key.add("source", one);
  for (const std::string& one : selection.excludes) key.add("exclude", one);
  key.add("parents", selection.parents ? "true" : "false");
  const Digest known_as = key.digest();
  if (const auto known = state.records.find_tree(known_as)) return *known;
  const Digest digest = SLIP_TRY(source.tree->digest(selection, state.cancel));
  SLIP_TRY(state.records.put_tree(known_as, digest));
  return digest;
}

Result<CopyInputs> open_copy_inputs(BuildState& state, const CopyPlan& plan, const ReadTree& from) {
  CopyInputs inputs;
  inputs.from = from;
  cachestore::Store& store = state.place.store;
  for (const std::string& url : plan.urls) {
    FetchedUrl fetched =
        SLIP_TRY(fetch_url(store, url, plan.checksum, credentials_for(state, url), state.cancel));
    if (fetched.name.empty()) fetched.name = name_of_url(url);
    inputs.urls.push_back(std::move(fetched));
  }
  for (const std::string& text : plan.gits) {
    std::optional<GitSource> source = parse_git_url(text);
    if (!source) return fail(ErrorCode::kInvalid, "read git URL " + printable(text));
    if (!plan.keep_git_dir.empty()) source->keep_git_dir = plan.keep_git_dir == "true";
    if (source->checksum.empty()) source->checksum = plan.checksum;
    inputs.gits.push_back(SLIP_TRY(checkout_git(store, *source, state.cancel)));
  }
  return inputs;
}

Status add_copy_parts(BuildState& state, const PlannedStep& step, const CopyInputs& inputs,
                      const std::vector<std::string>& lowers, CacheKey& key) {
  const CopyPlan& plan = step.copy;
  key.add("instruction", plan.add ? "ADD" : "COPY");
  key.add("destination", plan.destination);
  key.add("working directory", step.workdir);
  // Names mean what the stack's files say, which a --link step's key does not hold otherwise.
  if (!plan.chown.empty()) {
    key.add("--chown", plan.link ? SLIP_TRY(resolve_owner(plan.chown, lowers)) : plan.chown);
  }
  if (!plan.chmod.empty()) key.add("--chmod", plan.chmod);
  if (plan.link) key.add("--link", "true");
  if (plan.parents) key.add("--parents", "true");
  if (!plan.unpack.empty()) key.add("--unpack", plan.unpack);
  for (const std::string& pattern : plan.excludes) key.add("--exclude", pattern);
  for (const std::string& source : plan.sources) key.add("source", source);
  if (!plan.sources.empty()) {
    key.add("files", SLIP_TRY(selection_digest(state, inputs.from, selection_of(plan))).str());
  }
  for (std::size_t i = 0; i < inputs.urls.size(); ++i)
    key.add("content of " + plan.urls[i], inputs.urls[i].digest.str() + " " + inputs.urls[i].name);
  for (std::size_t i = 0; i < inputs.gits.size(); ++i) {
    key.add("commit of " + plan.gits[i], inputs.gits[i].commit);
    if (!plan.keep_git_dir.empty()) key.add("--keep-git-dir", plan.keep_git_dir);
  }
  for (const CopyFile& file : plan.files)
    key.add("here-document " + file.name, Digest::of(file.content).str());
  return {};
}

Status copy_instruction(BuildState& state, const PlannedStep& step, const CopyInputs& inputs,
                        const std::vector<std::string>& lowers, const std::string& upper) {
  const CopyPlan& plan = step.copy;
  for (const GitCheckout& git : inputs.gits) {
    CopyRequest request = request_of(state, step);
    request.from = git.tree.get();
    request.selection.sources = {"/"};
    request.selection.excludes = plan.excludes;
    SLIP_TRY(copy_files(request, lowers, upper, state.cancel));
  }
  if (!inputs.urls.empty()) {
    CopyRequest request = request_of(state, step);
    for (const FetchedUrl& url : inputs.urls) {
      CopyFile file;
      file.name = url.name;
      file.path = url.path;
      file.mode = kUrlMode;
      file.modified = url.modified;
      request.files.push_back(std::move(file));
    }
    request.unpack = plan.unpack == "true" ? Unpack::kAlways : Unpack::kNever;
    SLIP_TRY(copy_files(request, lowers, upper, state.cancel));
  }
  if (plan.sources.empty() && plan.files.empty()) return {};
  CopyRequest request = request_of(state, step);
  if (!plan.sources.empty()) {
    request.from = inputs.from.tree;
    request.selection = selection_of(plan);
  }
  request.files = plan.files;
  request.unpack = unpack_of(plan);
  SLIP_TRY(copy_files(request, lowers, upper, state.cancel));
  return {};
}

}  // namespace slipway::runner
