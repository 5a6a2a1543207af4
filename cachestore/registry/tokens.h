#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "base/cancel.h"
#include "base/clock.h"
#include "base/guarded.h"
#include "base/result.h"
#include "cachestore/registry.h"
#include "cachestore/registry/auth_header.h"
#include "cachestore/registry/endpoint.h"
#include "cachestore/registry/http_client.h"

namespace slipway::cachestore {

/// What a request needs: "repository:library/alpine:pull,push".
using Scopes = std::set<std::string>;

/// Where tokens come from. Spec: distribution, "Token Authentication Specification".
struct Realm {
  Url url;
  std::string service;
};
/// Whether `challenge` names a realm that may be asked on behalf of this registry (SECURITY.md R34): https unless the
/// registry itself is plain http, no user information, and nothing machine-local for a public registry.
Result<Realm> check_realm(const Challenge& challenge, const Url& registry, bool registry_is_public);

/// Answers challenges, keeps tokens by registry and set of scopes, and renews them. Thread-safe; threads that need
/// one token at once send one request. Never follows a redirect.
class Tokens {
 public:
  Tokens(HttpClient& http, const RegistryOptions& options, const Clock& clock = real_clock())
      : http_(http), options_(options), clock_(clock) {}

  /// Value of the Authorization header as far as is known now; empty: none.
  Result<std::string> header(const Endpoint& endpoint, const Scopes& scopes,
                             const CancelToken& cancel);
  /// The same after a 401 answered a request that had `used`: learns the challenge, forgets what was refused.
  /// kUnauthenticated when there is nothing else to try.
  Result<std::string> answer_challenge(const Endpoint& endpoint, const Scopes& scopes,
                                       const HttpAnswer& answer, const std::string& used,
                                       const CancelToken& cancel);
  /// For `runner login`: tries this account alone. An identity token when the token server gives one.
  struct Login {
    std::string header;
    std::string identity_token;
  };
  Result<Login> log_in(const Endpoint& endpoint, const HttpAnswer& challenged,
                       const Credentials& account, const CancelToken& cancel);

 private:
  struct Known {                 ///< How an endpoint wants to be asked.
    std::optional<Realm> realm;  ///< Bearer; else Basic.
    bool registry_is_public = true;
  };
  struct Token {
    std::string text;
    MonoTime renew_at;
  };
  struct Slot {  ///< One token; `fetching` while a thread asks for it.
    std::optional<Token> token;
    bool fetching = false;
  };
  struct State {
    std::map<const Endpoint*, Known> known;
    std::map<std::pair<const Endpoint*, Scopes>, Scopes>
        wider;  ///< What challenges asked for beside ours.
    std::map<std::pair<const Endpoint*, Scopes>, Slot> slots;
    std::map<std::string, std::optional<Credentials>> accounts;
  };
  enum class Grant { kUse, kOffline };
  struct Given {
    Token token;
    std::string refresh_token;
  };

  Result<Known> choose(const Endpoint& endpoint, const HttpAnswer& answer, bool has_account) const;
  Result<std::optional<Credentials>> account(const std::string& name);
  Result<std::string> header_for(const Endpoint& endpoint, const Known& known, const Scopes& scopes,
                                 const CancelToken& cancel);
  Result<std::string> token(const Endpoint& endpoint, const Known& known, const Scopes& scopes,
                            const CancelToken& cancel);
  Result<Given> fetch(const Endpoint& endpoint, const Known& known, const Scopes& scopes,
                      const std::optional<Credentials>& account, Grant grant,
                      const CancelToken& cancel);
  Result<HttpAnswer> ask(const HttpRequest& request, const Endpoint& endpoint,
                         const CancelToken& cancel);

  HttpClient& http_;
  const RegistryOptions& options_;
  const Clock& clock_;
  Guarded<State> state_;
};

}  // namespace slipway::cachestore
