#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "cachestore/registry.h"
#include "cachestore/registry/http_client.h"
#include "cachestore/registry/url.h"

namespace slipway::cachestore {

/// One place where a registry's API is: the registry itself or a mirror. Lives as long as the client; the atomics are
/// what was learned about it.
struct Endpoint {
  /// Which schemes are tried, in this order, until one has answered.
  enum class Schemes { kHttps, kHttp, kHttpsThenHttp, kHttpThenHttps };

  std::string account;  ///< Whose credentials: "docker.io", "127.0.0.1:5000".
  Url base;             ///< Of the first scheme, without "/v2/"; a mirror may have a path.
  Schemes schemes = Schemes::kHttps;
  bool mirror = false;
  std::string mirrored;     ///< Of a mirror: the registry it stands for (?ns=).
  bool local_host = false;  ///< Its host is machine-local by its name.
  std::shared_ptr<const TlsSettings> tls;
  std::shared_ptr<const TlsSettings>
      foreign_tls;  ///< Of hosts it redirects to: no client certificate.

  std::atomic<bool> settled{false};       ///< One scheme has answered ...
  std::atomic<bool> other_scheme{false};  ///< ... and it was the second one.
  std::atomic<bool> local_peer{false};    ///< Its address is machine-local.
  enum class Head { kUnknown, kWorks, kRefused };
  std::atomic<Head> manifest_head{Head::kUnknown};
  std::atomic<Head> blob_head{
      Head::kUnknown};  // of signed storage URLs, which are for GET alone, too
  std::atomic<bool> single_post_refused{false};  ///< POST ?digest= was answered 202.
  std::atomic<bool> small_chunks{false};         ///< Large PATCH bodies were refused.
  std::atomic<bool> no_referrers{false};         ///< Its referrers API is missing.

  bool two_schemes() const {
    return schemes == Schemes::kHttpsThenHttp || schemes == Schemes::kHttpThenHttps;
  }
  Url url(bool second_scheme) const;
  Url url() const { return url(other_scheme); }  ///< Base with the scheme that is in use now.
  /// `path` is below /v2/ and already encoded, maybe with a query.
  Url at(const std::string& path, const std::string& query, bool second_scheme) const;
  bool plain_http() const { return !url().https(); }
  bool public_host() const { return !local_host && !local_peer; }
};

/// Which endpoints a registry has by these options. Reads certificate directories; kInvalid names a bad file or mirror.
Result<std::vector<std::unique_ptr<Endpoint>>> find_endpoints(const std::string& registry,
                                                              const RegistryOptions& options);

/// "docker.io" for all names of the hub, else the registry as it is.
std::string account_name(const std::string& registry);

}  // namespace slipway::cachestore
