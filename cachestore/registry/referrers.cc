// What refers to a manifest: by the referrers API, or by an index under a tag made of its digest.
// Spec: OCI distribution-spec 1.1, "Listing Referrers", "Pushing Manifests with Subject", "Referrers Tag Schema".
#include <algorithm>

#include "base/text.h"
#include "cachestore/registry/client.h"

namespace slipway::cachestore {
namespace {

using namespace registry_api;

constexpr std::size_t kMaxReferrers = 10'000;

struct Referrer {
  RemoteDescriptor descriptor;
  std::string artifact_type;
};

std::vector<Referrer> referrers_in(const Json& index) {
  std::vector<Referrer> found;
  for (const Json& entry : index["manifests"].items()) {
    std::optional<RemoteDescriptor> descriptor = parse_descriptor(entry);
    if (descriptor)
      found.push_back({*std::move(descriptor), std::string(entry["artifactType"].string_or(""))});
  }
  return found;
}

Json descriptor_json(const std::string& media_type, const Digest& digest, std::size_t size,
                     const Json& manifest) {
  Json json = Json::object({{"mediaType", media_type},
                            {"digest", digest.str()},
                            {"size", static_cast<std::int64_t>(size)}});
  std::string_view type = manifest["artifactType"].string_or("");
  if (type.empty()) type = manifest["config"]["mediaType"].string_or("");
  if (!type.empty()) json.set("artifactType", type);
  if (manifest["annotations"].is_object()) json.set("annotations", manifest["annotations"]);
  return json;
}

Json empty_index() {
  return Json::object(
      {{"schemaVersion", 2}, {"mediaType", kIndexType}, {"manifests", Json::array()}});
}

/// Registries without the API answer 404, some 400 or 405.
bool says_no_api(int status) { return status == 404 || status == 400 || status == 405; }

/// Holds one name in a set that other threads wait on.
class Turn {
 public:
  Turn(Guarded<std::set<std::string>>& names, std::string name)
      : names_(names), name_(std::move(name)) {
    names_.wait([this](auto& set) { return !set.contains(name_); },
                [this](auto& set) { set.insert(name_); });
  }
  ~Turn() {
    names_.with([this](auto& set) { set.erase(name_); });
    names_.notify_all();
  }
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;

 private:
  Guarded<std::set<std::string>>& names_;
  std::string name_;
};

Reference fallback_name(const Reference& name, const Digest& subject) {
  Reference result = name;
  result.digest.reset();
  result.tag = fallback_tag(subject);
  return result;
}

}  // namespace

Result<std::optional<Json>> Client::fallback_index(Endpoint& endpoint, const Reference& name,
                                                   const Digest& subject,
                                                   const CancelToken& cancel) {
  Result<RemoteManifest> manifest = get_manifest(endpoint, fallback_name(name, subject), cancel);
  if (!manifest && manifest.error().code() == ErrorCode::kNotFound) return std::optional<Json>();
  if (!manifest) return fail(std::move(manifest).error());
  Json index = SLIP_TRY(parse_json(manifest->bytes, kJsonLimits));
  if (!index["manifests"].is_array()) {
    return fail(ErrorCode::kCorrupt, "tag " + fallback_tag(subject) + " is no index of referrers");
  }
  return std::optional(std::move(index));
}

Result<std::vector<RemoteDescriptor>> Client::referrers(const Reference& name, const Digest& digest,
                                                        const std::string& artifact_type,
                                                        const CancelToken& cancel) {
  const std::string context =
      "list referrers of " + digest.str() + " in " + name.registry + "/" + name.repository;
  Endpoint* endpoint = SLIP_TRY_WITHIN(context, home(name.registry));
  Call call;
  call.path = name.repository + "/referrers/" + digest.str();
  if (!artifact_type.empty()) call.query = "artifactType=" + percent_encode(artifact_type);
  call.scopes = {scope(name.repository, "pull")};
  call.headers = {std::string("Accept: ") + kIndexType};
  std::vector<Referrer> found;
  bool has_api = !endpoint->no_referrers;
  const auto page = [&](const HttpAnswer& answer) -> Result<bool> {
    // Some registries without the API send a page for people.
    has_api = media_type_of(answer.headers.first("content-type")) == kIndexType;
    if (!has_api) return false;
    std::vector<Referrer> more = referrers_in(SLIP_TRY(parse_json(answer.body, kJsonLimits)));
    if (found.size() + more.size() > kMaxReferrers) {
      return fail(ErrorCode::kExhausted,
                  "more than " + std::to_string(kMaxReferrers) + " referrers");
    }
    std::move(more.begin(), more.end(), std::back_inserter(found));
    return true;
  };
  if (has_api) {
    const HttpAnswer answer =
        SLIP_TRY_WITHIN(context, for_each_page(exchanger_, *endpoint, call, cancel, page));
    if (says_no_api(answer.status)) {
      has_api = false;
    } else if (answer.status != 200) {
      return fail(answer_error(answer, endpoint->account).within(context));
    }
  }
  if (!has_api) {
    endpoint->no_referrers = true;
    const auto index = SLIP_TRY_WITHIN(context, fallback_index(*endpoint, name, digest, cancel));
    if (index) found = referrers_in(*index);
  }
  std::vector<RemoteDescriptor> result;
  for (Referrer& referrer : found) {
    // The registry may or may not have filtered.
    if (artifact_type.empty() || referrer.artifact_type == artifact_type)
      result.push_back(std::move(referrer.descriptor));
  }
  return result;
}

/// Lists a manifest that was just put under the fallback tag of its subject, if it has one.
Status Client::add_to_fallback(const Reference& name, const std::string& media_type,
                               std::string_view bytes, const Digest& digest,
                               const CancelToken& cancel) {
  if (bytes.find("\"subject\"") == std::string_view::npos)
    return {};  // nearly all: no need to parse
  const Result<Json> manifest = parse_json(bytes, kJsonLimits);
  if (!manifest) return {};  // the registry took it, whatever it is
  const Result<Digest> subject = Digest::parse((*manifest)["subject"]["digest"].string_or(""));
  if (!subject) return {};
  Endpoint* endpoint = SLIP_TRY(home(name.registry));
  const Reference tag = fallback_name(name, *subject);
  // Other processes may still write between our read and write; the API has no way to prevent that.
  const Turn turn(rewriting_, shown(tag));
  Json index = SLIP_TRY(fallback_index(*endpoint, name, *subject, cancel)).value_or(empty_index());
  Json::Array entries;
  for (const Json& entry : index["manifests"].items()) {
    if (entry["digest"].string_or("") == digest.str()) return {};
    entries.push_back(entry);
  }
  entries.push_back(descriptor_json(media_type, digest, bytes.size(), *manifest));
  index.set("manifests", std::move(entries));
  const std::string text = index.dump();
  if (text.size() > kMaxManifest)
    return fail(ErrorCode::kExhausted, "the index of referrers " + tag.tag + " would exceed 4 MiB");
  SLIP_TRY(put(*endpoint, tag, tag.tag, kIndexType, text, cancel));
  return {};
}

}  // namespace slipway::cachestore
