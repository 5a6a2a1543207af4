#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/guarded.h"
#include "cachestore/registry.h"
#include "cachestore/registry/exchange.h"

namespace slipway::cachestore {

/// The door's implementation: one .cc file for each group of operations.
class Client final : public Registry {
 public:
  Client(RegistryOptions options, std::unique_ptr<HttpClient> http)
      : options_(std::move(options)), exchanger_(std::move(http), options_) {}

  // manifests.cc
  Result<RemoteManifest> manifest(const Reference& name, const CancelToken& cancel) override;
  Result<std::optional<RemoteDescriptor>> find_manifest(const Reference& name,
                                                        const CancelToken& cancel) override;
  Result<Digest> put_manifest(const Reference& name, const std::string& media_type,
                              std::string_view bytes, const CancelToken& cancel) override;
  Status remove_manifest(const Reference& name, const CancelToken& cancel) override;
  // fetch_blob.cc
  Status fetch_blob(const Reference& name, const RemoteDescriptor& blob, std::uint64_t offset,
                    BlobSink& sink, const CancelToken& cancel) override;
  Result<bool> has_blob(const Reference& name, const Digest& digest,
                        const CancelToken& cancel) override;
  // upload_blob.cc
  Result<bool> mount_blob(const Reference& to, const std::string& from_repository,
                          const Digest& digest, const CancelToken& cancel) override;
  Status upload_blob(const Reference& name, BlobBody& body,
                     const std::function<Result<Digest>()>& digest,
                     const CancelToken& cancel) override;
  // tags.cc
  Result<std::vector<std::string>> tags(const Reference& repository,
                                        const CancelToken& cancel) override;
  // referrers.cc
  Result<std::vector<RemoteDescriptor>> referrers(const Reference& name, const Digest& digest,
                                                  const std::string& artifact_type,
                                                  const CancelToken& cancel) override;
  // client.cc
  Result<Credentials> log_in(const std::string& registry, const Credentials& account,
                             const CancelToken& cancel) override;

 private:
  using Endpoints = std::vector<std::unique_ptr<Endpoint>>;
  Result<const Endpoints*> endpoints(const std::string& registry);
  Result<Endpoint*> home(const std::string& registry);  ///< The registry itself.

  /// Asks mirrors, then the registry, until `ask` has an answer; a mirror's error or "nothing" leads to the next.
  template <typename T, typename Ask>
  Result<T> from_any(const std::string& registry, Ask&& ask);

  Result<RemoteManifest> get_manifest(Endpoint& endpoint, const Reference& name,
                                      const CancelToken& cancel);
  Result<std::optional<RemoteDescriptor>> look_up(Endpoint& endpoint, const Reference& name,
                                                  const CancelToken& cancel);
  Result<bool> look_up_blob(Endpoint& endpoint, const Reference& name, const Digest& digest,
                            const CancelToken& cancel);
  /// The index under the fallback tag; nothing when there is none.
  Result<std::optional<Json>> fallback_index(Endpoint& endpoint, const Reference& name,
                                             const Digest& subject, const CancelToken& cancel);
  Status add_to_fallback(const Reference& name, const std::string& media_type,
                         std::string_view bytes, const Digest& digest, const CancelToken& cancel);
  Result<HttpAnswer> put(Endpoint& endpoint, const Reference& name, const std::string& reference,
                         const std::string& media_type, std::string_view bytes,
                         const CancelToken& cancel);

  const RegistryOptions options_;
  Exchanger exchanger_;
  Guarded<std::map<std::string, std::unique_ptr<Endpoints>>>
      endpoints_;  // never shrinks: endpoints are pointed to
  /// Uploads that a refused mount opened, by "registry/repository": the next upload there uses one.
  Guarded<std::map<std::string, std::vector<Url>>> opened_;
  /// Fallback tags being rewritten by a thread of this process.
  Guarded<std::set<std::string>> rewriting_;
};

template <typename T, typename Ask>
Result<T> Client::from_any(const std::string& registry, Ask&& ask) {
  const Endpoints* places = SLIP_TRY(endpoints(registry));
  for (const std::unique_ptr<Endpoint>& place : *places) {
    Result<T> result = ask(*place);
    if (!place->mirror || (!result && result.error().code() == ErrorCode::kCancelled))
      return result;
    if (result && static_cast<bool>(*result)) return result;
    if (!result)
      exchanger_.warn("mirror " + place->base.authority() + ": " + result.error().text());
  }
  return fail(ErrorCode::kInternal, "no endpoint for " + registry);
}

namespace registry_api {

/// "repository:NAME:pull"
std::string scope(const std::string& repository, const char* actions);
/// The last part of a manifest's path: the digest if there is one, else the tag.
std::string reference_of(const Reference& name);
/// Text of a name for errors: "127.0.0.1:5000/app@sha256:…".
std::string shown(const Reference& name);
/// Descriptor in an index or in a list of referrers; nothing when it is not one.
std::optional<RemoteDescriptor> parse_descriptor(const Json& json);
std::string fallback_tag(const Digest& digest);

/// Calls `page` with each page until it returns false, following Link headers within the registry. Gives back the first
/// answer when it is no 200, without calling; else an answer with status 200.
Result<HttpAnswer> for_each_page(Exchanger& exchanger, Endpoint& endpoint, Call call,
                                 const CancelToken& cancel,
                                 const std::function<Result<bool>(const HttpAnswer&)>& page);

constexpr std::size_t kMaxManifest = std::size_t{4} << 20;  // SECURITY.md R36
constexpr JsonLimits kJsonLimits{kMaxManifest, 64};
constexpr const char* kIndexType = "application/vnd.oci.image.index.v1+json";

}  // namespace registry_api
}  // namespace slipway::cachestore
