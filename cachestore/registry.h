#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/cancel.h"
#include "base/digest.h"
#include "base/json.h"
#include "base/result.h"
#include "base/units.h"
#include "cachestore/reference.h"

namespace slipway::cachestore {

/// A client for registries. Spec: OCI distribution-spec 1.1; Docker Registry HTTP API V2 and its token specification.
/// Everything a registry answers is untrusted: sizes, digests, media types, redirects and token realms are checked
/// here.

/// What is known of one registry's account. Secrets never appear in errors, logs or URLs.
struct Credentials {
  std::string username;
  std::string password;
  std::string
      identity_token;  ///< OAuth2 refresh token; used instead of the password when not empty.
  std::string registry_token;  ///< A ready bearer token.
};
/// Where credentials come from: `runner/` reads docker's config.json and runs credential helpers. Thread-safe.
class CredentialSource {
 public:
  virtual ~CredentialSource() = default;
  /// Nothing: anonymous. `registry` is a host with optional port ("docker.io" for the hub).
  virtual Result<std::optional<Credentials>> find(const std::string& registry) = 0;
};

struct RegistryOptions {
  std::shared_ptr<CredentialSource> credentials;  ///< Null: anonymous everywhere.
  /// docker's certs.d layout: DIR/<host[:port]>/{*.crt,*.cert+*.key}; the first directory that has the host counts.
  std::vector<std::string> certificate_directories = {"/etc/docker/certs.d",
                                                      "/etc/containers/certs.d"};
  std::map<std::string, std::vector<std::string>>
      mirrors;  ///< Registry -> base URLs, tried in order before it.
  /// Hosts (or CIDR ranges of literal addresses) that may use plain HTTP or unverified TLS. Loopback is always
  /// allowed HTTP.
  std::set<std::string> insecure;
  Millis connect_timeout{10'000};
  Millis stall_timeout{30'000};    ///< Longest time under 1 byte a second.
  Millis request_timeout{60'000};  ///< For documents; transfers of blobs only stall.
  int attempts = 5;      ///< Of transient failures, with back-off and jitter, resuming by Range.
  Millis back_off{250};  ///< First pause; doubles; Retry-After of the registry wins (at most 60 s).
  std::function<void(const std::string& text)>
      warn;  ///< `Warning: 299` headers, fallbacks, long waits; called from any thread.
};

/// What a manifest or index says about one piece of content. Spec: OCI image-spec, descriptor.md.
struct RemoteDescriptor {
  std::string media_type;
  Digest digest;
  std::uint64_t size = 0;
  Json annotations;  ///< Object or null.
};

/// A manifest, index or artifact manifest exactly as received: digest and size are of these bytes.
struct RemoteManifest {
  std::string
      media_type;  ///< Of the Content-Type header; checked to agree with the body by the parser, not here.
  Digest digest;
  std::string bytes;  ///< At most 4 MiB.
};

/// Receives a blob's bytes in order. An error ends the transfer and is returned as it is.
class BlobSink {
 public:
  virtual ~BlobSink() = default;
  virtual Status write(std::string_view data) = 0;
  /// The transfer broke and goes on where it stands; `why` says what happened and when. For people only.
  virtual void retrying(const std::string& why) { (void)why; }
};
/// Gives a blob's bytes; may be asked to start again when an upload has to be resumed or repeated.
class BlobBody {
 public:
  virtual ~BlobBody() = default;
  virtual std::optional<std::uint64_t> size()
      const = 0;  ///< Nothing: known only at the end (compressed on the way).
  virtual Status seek(std::uint64_t offset) = 0;
  virtual Result<std::size_t> read(char* data, std::size_t size) = 0;  ///< 0 at the end.
  virtual void retrying(const std::string& why) { (void)why; }         ///< As BlobSink's.
};

/// Connections, tokens and quirks of all registries that this process talks to. Thread-safe; one per process. libcurl
/// is loaded on first use (it would cost every start of the program several milliseconds).
class Registry {
 public:
  static Result<std::shared_ptr<Registry>> open(RegistryOptions options);
  virtual ~Registry() = default;

  /// GET of a tag or digest; all media types we know in one Accept line. kNotFound names the reference.
  virtual Result<RemoteManifest> manifest(const Reference& name, const CancelToken& cancel) = 0;
  /// HEAD, or GET where HEAD is refused; nothing when it does not exist.
  virtual Result<std::optional<RemoteDescriptor>> find_manifest(const Reference& name,
                                                                const CancelToken& cancel) = 0;
  /// Bytes from `offset` on to `sink`: exactly size - offset of them. Broken transfers are resumed by Range; the
  /// caller verifies the digest (it sees every byte anyway). `name` gives registry and repository.
  virtual Status fetch_blob(const Reference& name, const RemoteDescriptor& blob,
                            std::uint64_t offset, BlobSink& sink, const CancelToken& cancel) = 0;
  virtual Result<bool> has_blob(const Reference& name, const Digest& digest,
                                const CancelToken& cancel) = 0;
  /// Cross-repository mount; false: the registry wants a normal upload.
  virtual Result<bool> mount_blob(const Reference& to, const std::string& from_repository,
                                  const Digest& digest, const CancelToken& cancel) = 0;
  /// Uploads and finishes with `digest` (asked for once all bytes were read: it may be computed on the way). Resumes
  /// after a broken transfer by the upload's status.
  virtual Status upload_blob(const Reference& name, BlobBody& body,
                             const std::function<Result<Digest>()>& digest,
                             const CancelToken& cancel) = 0;
  /// PUT; also keeps the referrers fallback tag when `bytes` has a subject and the registry no referrers API.
  virtual Result<Digest> put_manifest(const Reference& name, const std::string& media_type,
                                      std::string_view bytes, const CancelToken& cancel) = 0;
  virtual Result<std::vector<std::string>> tags(const Reference& repository,
                                                const CancelToken& cancel) = 0;
  virtual Status remove_manifest(const Reference& name, const CancelToken& cancel) = 0;
  /// Descriptors of manifests whose subject is `digest`, optionally of one artifact type; with the fallback tag.
  virtual Result<std::vector<RemoteDescriptor>> referrers(const Reference& name,
                                                          const Digest& digest,
                                                          const std::string& artifact_type,
                                                          const CancelToken& cancel) = 0;
  /// `runner login`: tries the account at /v2/ and its token server. An identity token when the registry gives one.
  virtual Result<Credentials> log_in(const std::string& registry, const Credentials& account,
                                     const CancelToken& cancel) = 0;
};

}  // namespace slipway::cachestore
