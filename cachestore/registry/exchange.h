#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/cancel.h"
#include "base/guarded.h"
#include "base/result.h"
#include "cachestore/registry.h"
#include "cachestore/registry/endpoint.h"
#include "cachestore/registry/http_client.h"
#include "cachestore/registry/retry.h"
#include "cachestore/registry/tokens.h"

namespace slipway::cachestore {

/// One call of a registry's API.
struct Call {
  std::string method = "GET";
  std::string path;   ///< Below /v2/: "library/alpine/tags/list".
  std::string query;  ///< Without "?".
  std::optional<Url>
      url;  ///< Instead of path and query: what the registry gave us (Location, Link).
  std::vector<std::string> headers;
  Scopes scopes;
  std::optional<HttpUpload> upload;
  std::function<Status(const HttpAnswer& head, std::string_view data)> sink;
  std::size_t body_limit = std::size_t{4} << 20;  ///< SECURITY.md R36
  bool authenticate = true;  ///< false: neither tokens nor answers to challenges.
  bool document = true;      ///< The whole exchange has a time limit; else only stalls end it.
};

/// Calls with authentication, redirects and repetition. Thread-safe.
class Exchanger {
 public:
  Exchanger(std::unique_ptr<HttpClient> http, const RegistryOptions& options)
      : options_(options), http_(std::move(http)), tokens_(*http_, options) {}

  /// One try. Any answer that is neither a 401 we can answer nor a redirect to be followed is given back.
  HttpResult once(Endpoint& endpoint, const Call& call, const CancelToken& cancel);
  /// With repetition of what may pass (bodies start again where they began). All other answers are given back.
  Result<HttpAnswer> send(Endpoint& endpoint, const Call& call, const CancelToken& cancel);
  Tokens& tokens() { return tokens_; }
  void warn(const std::string& text);

 private:
  struct Route;  // where a call goes after redirects
  HttpResult perform(Endpoint& endpoint, const Call& call, const Route& route,
                     const CancelToken& cancel);
  HttpResult perform_first(Endpoint& endpoint, const Call& call, const Route& route,
                           const CancelToken& cancel);
  HttpRequest make_request(const Endpoint& endpoint, const Call& call, const Route& route,
                           bool second_scheme) const;
  void show_warnings(const Endpoint& endpoint, const HttpAnswer& answer);

  const RegistryOptions& options_;
  std::unique_ptr<HttpClient> http_;
  Tokens tokens_;
  Guarded<std::set<std::string>> warned_;
};

/// Where an answer sends us, checked: http(s), no user information, nothing machine-local for a public registry, and
/// https where a proxy made a registry forget that it is behind https.
Result<Url> location_of(const HttpAnswer& answer, const Url& asked, const Endpoint& endpoint);

}  // namespace slipway::cachestore
