// Manifests: GET, HEAD, PUT, DELETE. What stands in them is the transfer's business; here their bytes match digests.
#include "base/text.h"
#include "cachestore/registry/client.h"

namespace slipway::cachestore {
namespace {

using namespace registry_api;

// One line: a proxy that keeps only the last of repeated Accept lines breaks pulls, and without it docker-registry
// converts to schema 1.
constexpr const char* kAccept =
    "Accept: application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, "
    "application/vnd.docker.distribution.manifest.list.v2+json, "
    "application/vnd.docker.distribution.manifest.v2+json, "
    "application/vnd.oci.artifact.manifest.v1+json";

constexpr std::string_view kSchema1[] = {
    "application/vnd.docker.distribution.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v1+prettyjws"};

Status check_type(const std::string& media_type) {
  for (const std::string_view old : kSchema1) {
    if (media_type != old) continue;
    return fail(ErrorCode::kUnsupported,
                "it is a docker schema 1 manifest, which has no digests of its content; push the "
                "image again with "
                "docker 1.10 or newer");
  }
  return {};
}

/// Docker-Content-Digest; nothing when absent or of another algorithm.
std::optional<Digest> digest_header(const HttpAnswer& answer) {
  const Result<Digest> digest = Digest::parse(answer.headers.first("docker-content-digest"));
  return digest ? std::optional(*digest) : std::nullopt;
}

Call manifest_call(const char* method, const Reference& name, const char* actions) {
  Call call;
  call.method = method;
  call.path = name.repository + "/manifests/" + reference_of(name);
  call.headers = {kAccept};
  call.scopes = {scope(name.repository, actions)};
  return call;
}

}  // namespace

Result<RemoteManifest> Client::get_manifest(Endpoint& endpoint, const Reference& name,
                                            const CancelToken& cancel) {
  HttpAnswer answer =
      SLIP_TRY(exchanger_.send(endpoint, manifest_call("GET", name, "pull"), cancel));
  if (answer.status != 200) return fail(answer_error(answer, endpoint.account));
  const std::string_view encoding = answer.headers.first("content-encoding");
  if (!encoding.empty() && encoding != "identity") {
    return fail(ErrorCode::kCorrupt, "the answer is encoded (" + printable(encoding.substr(0, 40)) +
                                         ") though nobody asked for it");
  }
  RemoteManifest manifest;
  manifest.media_type = media_type_of(answer.headers.first("content-type"));
  SLIP_TRY(check_type(manifest.media_type));
  manifest.digest = Digest::of(answer.body);
  for (const std::optional<Digest>& told : {name.digest, digest_header(answer)}) {
    if (told && *told != manifest.digest) {
      return fail(ErrorCode::kCorrupt,
                  "its content has digest " + manifest.digest.str() + " and not " + told->str());
    }
  }
  manifest.bytes = std::move(answer.body);
  return manifest;
}

Result<RemoteManifest> Client::manifest(const Reference& name, const CancelToken& cancel) {
  struct Found {  // from_any's "nothing" does not occur
    RemoteManifest manifest;
    explicit operator bool() const { return true; }
  };
  const auto ask = [&](Endpoint& endpoint) -> Result<Found> {
    return Found{SLIP_TRY(get_manifest(endpoint, name, cancel))};
  };
  Found found = SLIP_TRY_WITHIN("get manifest " + shown(name), from_any<Found>(name.registry, ask));
  return std::move(found.manifest);
}

Result<std::optional<RemoteDescriptor>> Client::look_up(Endpoint& endpoint, const Reference& name,
                                                        const CancelToken& cancel) {
  int head_status = 0;
  if (endpoint.manifest_head != Endpoint::Head::kRefused) {
    const HttpAnswer answer =
        SLIP_TRY(exchanger_.send(endpoint, manifest_call("HEAD", name, "pull"), cancel));
    head_status = answer.status;
    const std::optional<Digest> digest =
        answer.status == 200 ? digest_header(answer) : std::nullopt;
    const auto size = parse_size_header(answer.headers.first("content-length"));
    if (digest && size && *size <= kMaxManifest) {
      RemoteDescriptor found;
      found.media_type = media_type_of(answer.headers.first("content-type"));
      SLIP_TRY(check_type(found.media_type));
      if (name.digest && *name.digest != *digest) {
        return fail(ErrorCode::kCorrupt, "the registry answers with " + digest->str());
      }
      found.digest = *digest;
      found.size = *size;
      endpoint.manifest_head = Endpoint::Head::kWorks;
      return std::optional(std::move(found));
    }
    if (answer.status == 404 && endpoint.manifest_head == Endpoint::Head::kWorks)
      return std::optional<RemoteDescriptor>();
  }
  // HEAD is refused here, or says too little, or may be what lies about 404: the whole document decides.
  Result<RemoteManifest> whole = get_manifest(endpoint, name, cancel);
  if (!whole && whole.error().code() == ErrorCode::kNotFound) {
    if (head_status == 404) endpoint.manifest_head = Endpoint::Head::kWorks;
    return std::optional<RemoteDescriptor>();
  }
  if (!whole) return fail(std::move(whole).error());
  endpoint.manifest_head = Endpoint::Head::kRefused;
  RemoteDescriptor found;
  found.media_type = whole->media_type;
  found.digest = whole->digest;
  found.size = whole->bytes.size();
  return std::optional(std::move(found));
}

Result<std::optional<RemoteDescriptor>> Client::find_manifest(const Reference& name,
                                                              const CancelToken& cancel) {
  const auto ask = [&](Endpoint& endpoint) { return look_up(endpoint, name, cancel); };
  return SLIP_TRY_WITHIN("look up manifest " + shown(name),
                         from_any<std::optional<RemoteDescriptor>>(name.registry, ask));
}

Result<HttpAnswer> Client::put(Endpoint& endpoint, const Reference& name,
                               const std::string& reference, const std::string& media_type,
                               std::string_view bytes, const CancelToken& cancel) {
  Call call = manifest_call("PUT", name, "pull,push");
  call.path = name.repository + "/manifests/" + reference;
  call.headers = {"Content-Type: " + media_type};
  call.upload = HttpUpload{bytes, nullptr, 0, bytes.size()};
  HttpAnswer answer = SLIP_TRY(exchanger_.send(endpoint, call, cancel));
  if (answer.status < 200 || answer.status > 204)
    return fail(answer_error(answer, endpoint.account));
  return answer;
}

Result<Digest> Client::put_manifest(const Reference& name, const std::string& media_type,
                                    std::string_view bytes, const CancelToken& cancel) {
  const std::string context = "put manifest " + shown(name);
  const Digest digest = Digest::of(bytes);
  if (bytes.size() > kMaxManifest)
    return fail(ErrorCode::kInvalid, context + ": larger than 4 MiB");
  if (name.digest && *name.digest != digest) {
    return fail(ErrorCode::kInvalid, context + ": its content has digest " + digest.str());
  }
  const bool type_is_plain = media_type.find_first_of("\r\n") == std::string::npos;
  if (!type_is_plain) return fail(ErrorCode::kInvalid, context + ": bad media type");
  Endpoint* endpoint = SLIP_TRY_WITHIN(context, home(name.registry));
  const std::string reference = name.tag.empty() ? digest.str() : name.tag;
  const HttpAnswer answer =
      SLIP_TRY_WITHIN(context, put(*endpoint, name, reference, media_type, bytes, cancel));
  const std::optional<Digest> told = digest_header(answer);
  if (told && *told != digest) {
    return fail(ErrorCode::kCorrupt,
                context + ": the registry stored " + told->str() + " and not " + digest.str());
  }
  if (!answer.headers.has("oci-subject")) {
    SLIP_TRY_WITHIN(context, add_to_fallback(name, media_type, bytes, digest, cancel));
  }
  return digest;
}

Status Client::remove_manifest(const Reference& name, const CancelToken& cancel) {
  const std::string context = "remove manifest " + shown(name);
  Endpoint* endpoint = SLIP_TRY_WITHIN(context, home(name.registry));
  HttpAnswer answer = SLIP_TRY_WITHIN(
      context, exchanger_.send(*endpoint, manifest_call("DELETE", name, "delete,pull"), cancel));
  const bool tag_refused = !name.digest && (answer.status == 400 || answer.status == 405);
  if (tag_refused) {
    // docker-registry deletes by digest only.
    const auto found = SLIP_TRY_WITHIN(context, look_up(*endpoint, name, cancel));
    if (!found) return fail(ErrorCode::kNotFound, context + ": not found");
    Reference by_digest = name;
    by_digest.digest = found->digest;
    answer = SLIP_TRY_WITHIN(
        context,
        exchanger_.send(*endpoint, manifest_call("DELETE", by_digest, "delete,pull"), cancel));
    if (answer.status < 300) {
      exchanger_.warn(name.registry + " cannot remove a tag alone: all tags of " +
                      found->digest.str() + " in " + name.repository + " are gone");
    }
  }
  if (answer.status < 200 || answer.status > 204)
    return fail(answer_error(answer, endpoint->account).within(context));
  return {};
}

}  // namespace slipway::cachestore
