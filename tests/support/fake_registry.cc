// A registry and its token server in memory. Spec: OCI distribution-spec 1.1; its quirks are FakeBehaviour.
#include "tests/support/fake_registry.h"

#include <cstdlib>
#include <map>
#include <mutex>
#include <set>

#include "base/json.h"
#include "base/text.h"

namespace slipway::testing {
namespace {

constexpr const char* kIndexType = "application/vnd.oci.image.index.v1+json";

struct Stored {
  std::string media_type;
  std::string bytes;
};
struct Repository {
  std::map<std::string, std::string> blobs;  // by digest
  std::map<std::string, Stored> manifests;   // by digest
  std::map<std::string, std::string> tags;   // -> digest
};
struct Token {
  std::set<std::string> scopes;  // "repository:a:pull", one action each
  int uses_left = -1;
};

FakeAnswer plain(int status, std::string body = "") {
  FakeAnswer answer;
  answer.status = status;
  answer.body = std::move(body);
  return answer;
}

FakeAnswer problem(int status, const std::string& code, const std::string& message) {
  FakeAnswer answer = plain(
      status,
      Json::object({{"errors", Json::array({Json::object(
                                   {{"code", code}, {"message", message}, {"detail", Json()}})})}})
          .dump());
  answer.header("Content-Type", "application/json");
  return answer;
}

/// What /v2/NAME/KIND/REFERENCE names.
struct Target {
  std::string repository, kind, reference;  // kind: blobs, uploads, manifests, tags, referrers
};
std::optional<Target> parse_target(const std::string& path) {
  if (!path.starts_with("/v2/")) return std::nullopt;
  const std::string rest = path.substr(4);
  struct Kind {
    const char* mark;
    const char* kind;
  };
  for (const Kind& row : {Kind{"/blobs/uploads/", "uploads"}, Kind{"/blobs/", "blobs"},
                          Kind{"/manifests/", "manifests"}, Kind{"/tags/", "tags"},
                          Kind{"/referrers/", "referrers"}}) {
    const std::size_t at = rest.find(row.mark);
    if (at != std::string::npos) {
      return Target{rest.substr(0, at), row.kind, rest.substr(at + std::string(row.mark).size())};
    }
  }
  return std::nullopt;
}

/// One action each: "repository:a:pull,push" -> two.
std::set<std::string> single_actions(const std::vector<std::string>& scopes) {
  std::set<std::string> result;
  for (const std::string& list : scopes) {
    for (const std::string_view scope : split(list, ' ')) {
      const std::size_t colon = scope.rfind(':');
      if (colon == std::string_view::npos) continue;
      for (const std::string_view action : split(scope.substr(colon + 1), ',')) {
        result.insert(std::string(scope.substr(0, colon + 1)) + std::string(action));
      }
    }
  }
  return result;
}

const char* action_of(const std::string& method) {
  if (method == "GET" || method == "HEAD") return "pull";
  return method == "DELETE" ? "delete" : "push";
}

}  // namespace

struct FakeRegistry::State {
  std::mutex mutex;  // everything
  FakeBehaviour behaviour;
  std::map<std::string, Repository> repositories;
  std::map<std::string, std::string> uploads;  // id -> bytes so far
  std::map<std::string, std::string> storage;  // hex -> bytes
  std::map<std::string, Token> tokens;
  std::size_t next_upload = 0;
  std::size_t tokens_given = 0;
  std::string url;
  std::unique_ptr<FakeHttpServer> server;  // last: its threads use the rest

  FakeAnswer handle(const FakeRequest& request);
  FakeAnswer route(const FakeRequest& request);
  FakeAnswer token(const FakeRequest& request);
  bool valid_basic(const FakeRequest& request) const;
  std::optional<FakeAnswer> refuse(const FakeRequest& request, const Target* target);
  bool allowed(const FakeRequest& request, const std::string& scope);
  FakeAnswer stored(const FakeRequest& request);
  FakeAnswer blob(const FakeRequest& request, const Target& target);
  FakeAnswer ranged(const FakeRequest& request, const std::string& bytes) const;
  FakeAnswer manifests(const FakeRequest& request, const Target& target);
  FakeAnswer put_manifest(const FakeRequest& request, const Target& target);
  FakeAnswer tags(const FakeRequest& request, const Target& target);
  FakeAnswer referrers(const FakeRequest& request, const Target& target);
  FakeAnswer start_upload(const FakeRequest& request, const Target& target);
  FakeAnswer upload(const FakeRequest& request, const Target& target);
  FakeAnswer finish_upload(const FakeRequest& request, const Target& target);
  FakeAnswer upload_state(const Target& target, const std::string& id, int status) const;
  FakeAnswer created(const Target& target, const std::string& kind, const Digest& digest) const;
};

bool FakeRegistry::State::valid_basic(const FakeRequest& request) const {
  const FakeAuth& auth = behaviour.auth;
  return request.header("authorization") ==
         "Basic " + base64_encode(auth.username + ":" + auth.password);
}

FakeAnswer FakeRegistry::State::token(const FakeRequest& request) {
  const FakeAuth& auth = behaviour.auth;
  bool known = valid_basic(request);
  bool wants_refresh = request.parameter("offline_token") == "true";
  if (request.method == "POST") {
    if (!auth.oauth_post) return plain(405);
    const std::string grant = request.parameter("grant_type");
    known = grant == "refresh_token" ? !auth.refresh_token.empty() &&
                                           request.parameter("refresh_token") == auth.refresh_token
                                     : request.parameter("username") == auth.username &&
                                           request.parameter("password") == auth.password;
    wants_refresh = request.parameter("access_type") == "offline";
  }
  const bool tried = request.method == "POST" || !request.header("authorization").empty();
  if (!known && (tried || !auth.anonymous_pull)) {
    return problem(401, "UNAUTHORIZED", "incorrect username or password");
  }
  Token granted;
  granted.uses_left = auth.uses;
  for (const std::string& scope : single_actions(request.parameters("scope"))) {
    if (known || scope.ends_with(":pull")) granted.scopes.insert(scope);
  }
  const std::string text = auth.make_token
                               ? auth.make_token({granted.scopes.begin(), granted.scopes.end()})
                               : "fake-token-" + std::to_string(tokens_given);
  ++tokens_given;
  tokens[text] = granted;
  Json answer = Json::object({{request.method == "POST" ? "access_token" : "token", text}});
  if (auth.expires_in > 0) answer.set("expires_in", auth.expires_in);
  if (wants_refresh && !auth.refresh_token.empty()) answer.set("refresh_token", auth.refresh_token);
  FakeAnswer result = plain(200, answer.dump());
  return result.header("Content-Type", "application/json");
}

bool FakeRegistry::State::allowed(const FakeRequest& request, const std::string& scope) {
  const std::string header = request.header("authorization");
  const auto found = header.starts_with("Bearer ") ? tokens.find(header.substr(7)) : tokens.end();
  return found != tokens.end() && found->second.uses_left != 0 &&
         (scope.empty() || found->second.scopes.contains(scope));
}

/// The 401, when this request may not.
std::optional<FakeAnswer> FakeRegistry::State::refuse(const FakeRequest& request,
                                                      const Target* target) {
  const FakeAuth& auth = behaviour.auth;
  if (auth.kind == FakeAuth::Kind::kNone) return std::nullopt;
  if (auth.kind == FakeAuth::Kind::kBasic) {
    if (valid_basic(request)) return std::nullopt;
    FakeAnswer answer = problem(401, "UNAUTHORIZED", "authentication required");
    return answer.header("WWW-Authenticate", "Basic realm=\"fake\"");
  }
  const std::string action = action_of(request.method);
  const std::string scope =
      target == nullptr ? "" : "repository:" + target->repository + ":" + action;
  if (allowed(request, scope)) {
    int& left = tokens[request.header("authorization").substr(7)].uses_left;
    if (left > 0) --left;
    return std::nullopt;
  }
  const std::string realm = auth.realm.empty() ? url + "/token" : auth.realm;
  std::string challenge = "Bearer realm=\"" + realm + "\",service=\"" + auth.service + "\"";
  if (target != nullptr) {
    challenge += ",scope=\"repository:" + target->repository + ":" +
                 (action == "push" ? "pull,push" : action) + "\"";
  }
  if (!request.header("authorization").empty()) {
    challenge +=
        allowed(request, "") ? ",error=\"insufficient_scope\"" : ",error=\"invalid_token\"";
  }
  FakeAnswer answer = problem(401, "UNAUTHORIZED", "authentication required");
  return answer.header("WWW-Authenticate", challenge);
}

FakeAnswer FakeRegistry::State::handle(const FakeRequest& request) {
  std::lock_guard lock(mutex);
  FakeAnswer answer = route(request);
  for (const std::string& text : behaviour.warnings) {
    answer.header("Warning", "299 - \"" + text + "\"");
  }
  return answer;
}

FakeAnswer FakeRegistry::State::route(const FakeRequest& request) {
  if (request.path == "/token") return token(request);
  if (request.path.starts_with("/storage/")) return stored(request);
  const std::optional<Target> target = parse_target(request.path);
  if (!target && request.path != "/v2/") return plain(404, "no such page\n");
  if (auto refused = refuse(request, target ? &*target : nullptr)) return *refused;
  if (!target) return plain(200, "{}").header("Docker-Distribution-Api-Version", "registry/2.0");
  if (request.method == "HEAD" && behaviour.head_status != 0) return plain(behaviour.head_status);
  if (target->kind == "manifests") return manifests(request, *target);
  if (target->kind == "tags") return tags(request, *target);
  if (target->kind == "referrers") return referrers(request, *target);
  if (target->kind == "blobs") return blob(request, *target);
  return target->reference.empty() ? start_upload(request, *target) : upload(request, *target);
}

FakeAnswer FakeRegistry::State::stored(const FakeRequest& request) {
  if (!request.header("authorization").empty()) {
    return plain(400, "<Error><Code>InvalidArgument</Code></Error>");
  }
  const auto found = storage.find(request.path.substr(9));
  return found == storage.end() ? plain(404) : ranged(request, found->second);
}

FakeAnswer FakeRegistry::State::ranged(const FakeRequest& request, const std::string& bytes) const {
  const std::string range = request.header("range");
  if (!range.starts_with("bytes=") || behaviour.ignores_range) return plain(200, bytes);
  char* after = nullptr;
  const std::size_t from = std::strtoul(range.c_str() + 6, &after, 10);
  if (from >= bytes.size()) return plain(416);
  std::size_t last = bytes.size() - 1;
  if (*after == '-' && after[1] != '\0') {
    last = std::min<std::size_t>(last, std::strtoul(after + 1, nullptr, 10));
  }
  FakeAnswer answer = plain(206, bytes.substr(from, last - from + 1));
  return answer.header("Content-Range", "bytes " + std::to_string(from) + "-" +
                                            std::to_string(last) + "/" +
                                            std::to_string(bytes.size()));
}

FakeAnswer FakeRegistry::State::blob(const FakeRequest& request, const Target& target) {
  auto& blobs = repositories[target.repository].blobs;
  const auto found = blobs.find(target.reference);
  if (found == blobs.end()) return problem(404, "BLOB_UNKNOWN", "blob unknown to registry");
  if (request.method == "DELETE") {
    blobs.erase(found);
    return plain(202);
  }
  if (!behaviour.blob_redirect.empty() && request.method == "GET") {
    return plain(307).header("Location",
                             behaviour.blob_redirect + "/storage/" + target.reference.substr(7));
  }
  FakeAnswer answer = ranged(request, found->second);
  answer.header("Content-Type", "application/octet-stream");
  if (behaviour.digest_header) answer.header("Docker-Content-Digest", target.reference);
  return answer;
}

FakeAnswer FakeRegistry::State::manifests(const FakeRequest& request, const Target& target) {
  if (request.method == "PUT") return put_manifest(request, target);
  Repository& repository = repositories[target.repository];
  const auto tag = repository.tags.find(target.reference);
  const std::string digest = tag == repository.tags.end() ? target.reference : tag->second;
  const auto found = repository.manifests.find(digest);
  if (found == repository.manifests.end()) {
    return problem(404, "MANIFEST_UNKNOWN", "manifest unknown");
  }
  if (request.method == "DELETE") {
    if (tag != repository.tags.end()) {
      if (!behaviour.delete_by_tag)
        return problem(400, "DIGEST_INVALID", "provided digest did not match");
      repository.tags.erase(tag);
      return plain(202);
    }
    std::erase_if(repository.tags, [&](const auto& row) { return row.second == digest; });
    repository.manifests.erase(found);
    return plain(202);
  }
  FakeAnswer answer = plain(200, found->second.bytes);
  answer.header("Content-Type", found->second.media_type);
  if (behaviour.digest_header) answer.header("Docker-Content-Digest", digest);
  return answer;
}

FakeAnswer FakeRegistry::State::put_manifest(const FakeRequest& request, const Target& target) {
  const Digest digest = Digest::of(request.body);
  const Result<Json> json = parse_json(request.body);
  if (!json) return problem(400, "MANIFEST_INVALID", "no JSON");
  Repository& repository = repositories[target.repository];
  for (const Json& layer : (*json)["layers"].items()) {
    if (!repository.blobs.contains(std::string(layer["digest"].string_or("")))) {
      return problem(404, "MANIFEST_BLOB_UNKNOWN", "blob unknown to registry");
    }
  }
  if (target.reference.find(':') == std::string::npos) {
    repository.tags[target.reference] = digest.str();
  } else if (target.reference != digest.str()) {
    return problem(400, "DIGEST_INVALID", "provided digest did not match uploaded content");
  }
  repository.manifests[digest.str()] = {request.header("content-type"), request.body};
  FakeAnswer answer = created(target, "manifests", digest);
  const std::string_view subject = (*json)["subject"]["digest"].string_or("");
  if (behaviour.referrers_api && !subject.empty())
    answer.header("OCI-Subject", std::string(subject));
  return answer;
}

FakeAnswer FakeRegistry::State::tags(const FakeRequest& request, const Target& target) {
  if (!repositories.contains(target.repository)) {
    return problem(404, "NAME_UNKNOWN", "repository name not known to registry");
  }
  std::size_t page = std::strtoul(request.parameter("n").c_str(), nullptr, 10);
  if (behaviour.tags_page > 0)
    page = std::min(page == 0 ? behaviour.tags_page : page, behaviour.tags_page);
  Json list = Json::array();
  std::string last;
  bool more = false;
  for (const auto& [tag, digest] : repositories[target.repository].tags) {
    if (tag <= request.parameter("last")) continue;
    more = page > 0 && list.items().size() == page;
    if (more) break;
    list.push(tag);
    last = tag;
  }
  FakeAnswer answer =
      plain(200, Json::object({{"name", target.repository}, {"tags", list}}).dump());
  answer.header("Content-Type", "application/json");
  if (more) {
    answer.header("Link", "<" + request.path + "?last=" + last + "&n=" + std::to_string(page) +
                              ">; rel=\"next\"");
  }
  return answer;
}

FakeAnswer FakeRegistry::State::referrers(const FakeRequest& request, const Target& target) {
  if (!behaviour.referrers_api) return plain(404, "404 page not found\n");
  Json list = Json::array();
  for (const auto& [digest, manifest] : repositories[target.repository].manifests) {
    const Result<Json> json = parse_json(manifest.bytes);
    if (!json || (*json)["subject"]["digest"].string_or("") != target.reference) continue;
    std::string type((*json)["artifactType"].string_or(""));
    if (type.empty()) type = (*json)["config"]["mediaType"].string_or("");
    list.push(Json::object({{"mediaType", manifest.media_type},
                            {"digest", digest},
                            {"size", static_cast<std::int64_t>(manifest.bytes.size())},
                            {"artifactType", type},
                            {"annotations", (*json)["annotations"]}}));
  }
  (void)request;  // never filters: a client must not rely on it
  FakeAnswer answer = plain(
      200,
      Json::object({{"schemaVersion", 2}, {"mediaType", kIndexType}, {"manifests", list}}).dump());
  return answer.header("Content-Type", kIndexType);
}

FakeAnswer FakeRegistry::State::created(const Target& target, const std::string& kind,
                                        const Digest& digest) const {
  FakeAnswer answer = plain(201);
  answer.header("Location", "/v2/" + target.repository + "/" + kind + "/" + digest.str());
  if (behaviour.digest_header) answer.header("Docker-Content-Digest", digest.str());
  return answer;
}

FakeAnswer FakeRegistry::State::upload_state(const Target& target, const std::string& id,
                                             int status) const {
  const std::size_t size = uploads.at(id).size();
  const std::string path = "/v2/" + target.repository + "/blobs/uploads/" + id;
  FakeAnswer answer = plain(status);
  answer.header("Location", (behaviour.relative_location ? path : url + path) +
                                (behaviour.location_query ? "?state=" + std::to_string(size) : ""));
  answer.header("Docker-Upload-UUID", id);
  const bool told = behaviour.range_advances && size > 0;
  answer.header("Range", "0-" + std::to_string(told ? size - 1 : 0));
  return answer;
}

FakeAnswer FakeRegistry::State::start_upload(const FakeRequest& request, const Target& target) {
  Repository& repository = repositories[target.repository];
  const std::string wanted = request.parameter("mount");
  const std::string from = request.parameter("from");
  if (!wanted.empty() && behaviour.mounts) {
    const auto& blobs = repositories[from].blobs;
    const auto found = blobs.find(wanted);
    const bool may = behaviour.auth.kind != FakeAuth::Kind::kBearer ||
                     allowed(request, "repository:" + from + ":pull");
    if (may && found != blobs.end()) {
      repository.blobs[wanted] = found->second;
      return created(target, "blobs", Digest::parse(wanted).value());
    }
  }
  const std::string id = "upload-" + std::to_string(next_upload++);
  uploads[id];
  if (request.has_parameter("digest") && behaviour.single_post) {
    uploads[id] = request.body;
    FakeRequest finish = request;
    finish.body.clear();
    return finish_upload(finish, {target.repository, "uploads", id});
  }
  return upload_state(target, id, 202);
}

FakeAnswer FakeRegistry::State::upload(const FakeRequest& request, const Target& target) {
  const std::string& id = target.reference;
  const auto found = uploads.find(id);
  if (found == uploads.end())
    return problem(404, "BLOB_UPLOAD_UNKNOWN", "blob upload unknown to registry");
  if (request.method == "DELETE") {
    uploads.erase(found);
    return plain(204);
  }
  if (request.method == "GET") return upload_state(target, id, 204);
  if (behaviour.location_query && !request.cut &&
      request.parameter("state") != std::to_string(found->second.size())) {
    return problem(400, "BLOB_UPLOAD_INVALID", "the state of the location is an old one");
  }
  if (behaviour.largest_patch > 0 && request.body.size() > behaviour.largest_patch) {
    return problem(behaviour.large_status, "SIZE_INVALID", "chunk too large");
  }
  if (request.method == "PUT") return finish_upload(request, target);
  const std::string range = request.header("content-range");
  if (!range.empty() && std::strtoul(range.c_str(), nullptr, 10) != found->second.size()) {
    return plain(416);
  }
  if (!request.cut || behaviour.keeps_cut_uploads) found->second += request.body;
  return upload_state(target, id, 202);
}

FakeAnswer FakeRegistry::State::finish_upload(const FakeRequest& request, const Target& target) {
  const auto found = uploads.find(target.reference);
  found->second += request.body;
  const std::string digest = request.parameter("digest");
  if (request.cut) return plain(500);
  if (Digest::of(found->second).str() != digest) {
    return problem(400, "DIGEST_INVALID", "provided digest did not match uploaded content");
  }
  repositories[target.repository].blobs[digest] = std::move(found->second);
  uploads.erase(found);
  return created(target, "blobs", Digest::parse(digest).value());
}

FakeRegistry::FakeRegistry(FakeBehaviour behaviour) : state_(std::make_unique<State>()) {
  state_->behaviour = std::move(behaviour);
  State* state = state_.get();
  std::lock_guard lock(state->mutex);  // nobody is answered before `url` is known
  state->server = std::make_unique<FakeHttpServer>(
      [state](const FakeRequest& request) { return state->handle(request); });
  state->url = state->server->url();
}

FakeRegistry::~FakeRegistry() = default;

FakeHttpServer& FakeRegistry::server() { return *state_->server; }
std::string FakeRegistry::host() { return state_->server->host(); }

void FakeRegistry::change(const std::function<void(FakeBehaviour&)>& change) {
  std::lock_guard lock(state_->mutex);
  change(state_->behaviour);
}

Digest FakeRegistry::put_blob(const std::string& repository, std::string_view bytes) {
  const Digest digest = Digest::of(bytes);
  std::lock_guard lock(state_->mutex);
  state_->repositories[repository].blobs[digest.str()] = bytes;
  return digest;
}

Digest FakeRegistry::put_manifest(const std::string& repository, const std::string& tag,
                                  const std::string& media_type, std::string_view bytes) {
  const Digest digest = Digest::of(bytes);
  std::lock_guard lock(state_->mutex);
  Repository& place = state_->repositories[repository];
  place.manifests[digest.str()] = {media_type, std::string(bytes)};
  if (!tag.empty()) place.tags[tag] = digest.str();
  return digest;
}

std::optional<std::string> FakeRegistry::blob(const std::string& repository, const Digest& digest) {
  std::lock_guard lock(state_->mutex);
  const auto& blobs = state_->repositories[repository].blobs;
  const auto found = blobs.find(digest.str());
  return found == blobs.end() ? std::nullopt : std::optional(found->second);
}

std::optional<std::string> FakeRegistry::manifest(const std::string& repository,
                                                  const std::string& reference) {
  std::lock_guard lock(state_->mutex);
  const Repository& place = state_->repositories[repository];
  const auto tag = place.tags.find(reference);
  const auto found = place.manifests.find(tag == place.tags.end() ? reference : tag->second);
  return found == place.manifests.end() ? std::nullopt : std::optional(found->second.bytes);
}

void FakeRegistry::put_storage(std::string_view bytes) {
  std::lock_guard lock(state_->mutex);
  state_->storage[Digest::of(bytes).hex()] = bytes;
}

std::size_t FakeRegistry::open_uploads() {
  std::lock_guard lock(state_->mutex);
  return state_->uploads.size();
}

std::size_t FakeRegistry::tokens_given() {
  std::lock_guard lock(state_->mutex);
  return state_->tokens_given;
}

}  // namespace slipway::testing
