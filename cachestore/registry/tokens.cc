// Answering challenges: how to authenticate, asking token servers, keeping tokens. Reading headers: auth_header.cc.
// Spec: distribution, "Token Authentication Specification" and "OAuth2 Token Authentication".
#include "cachestore/registry/tokens.h"

#include <algorithm>

#include "base/json.h"
#include "base/text.h"
#include "cachestore/image/config_json.h"
#include "cachestore/registry/address.h"
#include "cachestore/registry/retry.h"

namespace slipway::cachestore {
namespace {

constexpr const char* kClient = "slipway";
constexpr std::size_t kMaxAnswer = std::size_t{1} << 20;
constexpr std::size_t kMaxToken =
    32'768;  // with room below the 64 KiB of headers that servers commonly take at most
constexpr std::size_t kMaxScopes = 16;  // of a challenge
constexpr std::size_t kMaxScope = 512;
constexpr std::int64_t kDefaultLife = 60;  // seconds, by the specification
constexpr std::int64_t kLongestLife = 24 * 3600;

/// Texts from a token server become header lines: nothing but visible ASCII.
bool visible(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < '\x7f'; });
}

std::string basic(const Credentials& account) {
  return "Basic " + base64_encode(account.username + ":" + account.password);
}

bool has_password(const std::optional<Credentials>& account) {
  return account && (!account->username.empty() || !account->password.empty());
}

Scopes challenge_scopes(std::string_view text) {
  Scopes scopes;
  for (const std::string_view scope : split(text, ' ')) {
    if (scope.empty() || scope.size() > kMaxScope || !visible(scope) || scopes.size() == kMaxScopes)
      continue;
    scopes.insert(std::string(scope));
  }
  return scopes;
}

/// The form of a POST, or the query of a GET.
class Form {
 public:
  void add(std::string_view name, std::string_view value) {
    if (!text_.empty()) text_ += '&';
    text_ += std::string(name) + "=" + percent_encode(value);
  }
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

HttpRequest base_request(const Url& url, const Endpoint& endpoint, bool refuse_local,
                         Millis limit) {
  HttpRequest request;
  request.url = url;
  request.tls = url.host == endpoint.base.host ? endpoint.tls : endpoint.foreign_tls;
  request.headers = {"Accept: application/json"};
  request.body_limit = kMaxAnswer;
  request.total_limit = limit;
  request.refuse_local = refuse_local;
  return request;
}

/// Seconds this token lives from now on. A clock that differs from the server's must not make it stillborn.
std::int64_t life_of(const Json& answer, WallTime now) {
  std::int64_t life = answer["expires_in"].int_or(0);
  life = life <= 0 ? kDefaultLife : std::min(life, kLongestLife);
  const auto issued = parse_rfc3339(answer["issued_at"].string_or(""));
  if (!issued) return life;
  const auto age = std::chrono::duration_cast<std::chrono::seconds>(now - *issued).count();
  return age > 0 && age < life ? life - age : life;
}

}  // namespace

Result<Realm> check_realm(const Challenge& challenge, const Url& registry,
                          bool registry_is_public) {
  const std::string_view text = challenge.parameter("realm");
  Result<Url> url = Url::parse(text);
  const auto refuse = [&](const std::string& cause) {
    return fail(ErrorCode::kUnauthenticated,
                "refuse token server of " + registry.authority() + ": " + cause);
  };
  if (!url) return refuse(url.error().text());
  if (!url->https() && registry.https()) return refuse(url->shown() + " is not https");
  if (registry_is_public && is_machine_local_host(url->host)) {
    return refuse(url->shown() + " is an address of this machine or its cloud");
  }
  return Realm{*std::move(url), std::string(challenge.parameter("service"))};
}

Result<Tokens::Known> Tokens::choose(const Endpoint& endpoint, const HttpAnswer& answer,
                                     bool has_account) const {
  bool basic_offered = false;
  std::optional<Error> refused;
  for (const std::string_view line : answer.headers.all("www-authenticate")) {
    for (const Challenge& challenge : parse_challenges(line)) {
      basic_offered = basic_offered || challenge.scheme == "basic";
      if (challenge.scheme != "bearer") continue;
      Result<Realm> realm = check_realm(challenge, endpoint.url(), endpoint.public_host());
      if (realm) return Known{*std::move(realm), endpoint.public_host()};
      refused = std::move(realm).error();
    }
  }
  if (basic_offered && has_account) return Known{};
  if (refused) return fail(*std::move(refused));
  return fail(answer_error(answer, endpoint.account));
}

Result<std::optional<Credentials>> Tokens::account(const std::string& name) {
  if (!options_.credentials) return std::optional<Credentials>();
  std::optional<Credentials> kept;
  const bool known = state_.with([&](State& state) {
    const auto row = state.accounts.find(name);
    if (row != state.accounts.end()) kept = row->second;
    return row != state.accounts.end();
  });
  if (known) return kept;
  std::optional<Credentials> found =
      SLIP_TRY_WITHIN("find account of " + name, options_.credentials->find(name));
  if (found && !visible(found->registry_token)) {
    return fail(
        ErrorCode::kInvalid,
        "find account of " + name + ": the registry token has characters that are not allowed");
  }
  state_.with([&](State& state) { state.accounts[name] = found; });
  return found;
}

Result<std::string> Tokens::header(const Endpoint& endpoint, const Scopes& scopes,
                                   const CancelToken& cancel) {
  const std::optional<Known> known = state_.with([&](State& state) -> std::optional<Known> {
    const auto found = state.known.find(&endpoint);
    return found == state.known.end() ? std::nullopt : std::optional(found->second);
  });
  if (!known) return std::string();
  return header_for(endpoint, *known, scopes, cancel);
}

Result<std::string> Tokens::header_for(const Endpoint& endpoint, const Known& known,
                                       const Scopes& scopes, const CancelToken& cancel) {
  const std::optional<Credentials> who = SLIP_TRY(account(endpoint.account));
  if (who && !who->registry_token.empty()) return "Bearer " + who->registry_token;
  if (!known.realm) return who ? basic(*who) : std::string();
  return "Bearer " + SLIP_TRY(token(endpoint, known, scopes, cancel));
}

Result<std::string> Tokens::answer_challenge(const Endpoint& endpoint, const Scopes& scopes,
                                             const HttpAnswer& answer, const std::string& used,
                                             const CancelToken& cancel) {
  // What was refused is old: an account may have been renewed by its helper, a token may be from before a restart.
  if (!used.empty()) state_.with([&](State& state) { state.accounts.erase(endpoint.account); });
  const std::optional<Credentials> who = SLIP_TRY(account(endpoint.account));
  const Known known = SLIP_TRY(choose(endpoint, answer, who.has_value()));
  Scopes asked;
  for (const std::string_view line : answer.headers.all("www-authenticate")) {
    for (const Challenge& challenge : parse_challenges(line)) {
      if (challenge.scheme == "bearer") asked.merge(challenge_scopes(challenge.parameter("scope")));
    }
  }
  state_.with([&](State& state) {
    state.known[&endpoint] = known;
    Scopes& wider = state.wider[{&endpoint, scopes}];
    if (wider.size() < kMaxScopes) wider.merge(asked);
    for (auto& [key, slot] : state.slots) {
      if (key.first == &endpoint && slot.token && "Bearer " + slot.token->text == used)
        slot.token.reset();
    }
  });
  std::string header = SLIP_TRY(header_for(endpoint, known, scopes, cancel));
  if (header.empty() || header == used) return fail(answer_error(answer, endpoint.account));
  return header;
}

Result<std::string> Tokens::token(const Endpoint& endpoint, const Known& known,
                                  const Scopes& scopes, const CancelToken& cancel) {
  struct Turn {
    std::optional<std::string> ready;
    Scopes all;
  };
  std::pair<const Endpoint*, Scopes> key{&endpoint, scopes};
  const Turn turn =
      state_.wait([&](State& state) { return !state.slots[key].fetching; },
                  [&](State& state) {
                    Slot& slot = state.slots[key];
                    Turn mine{std::nullopt, scopes};
                    if (slot.token && slot.token->renew_at > clock_.mono()) {
                      mine.ready = slot.token->text;
                      return mine;
                    }
                    slot.fetching = true;
                    if (const auto wider = state.wider.find(key); wider != state.wider.end()) {
                      mine.all.insert(wider->second.begin(), wider->second.end());
                    }
                    return mine;
                  });
  if (turn.ready) return *turn.ready;
  Result<std::optional<Credentials>> who = account(endpoint.account);
  Result<Given> given = who ? fetch(endpoint, known, turn.all, *who, Grant::kUse, cancel)
                            : Result<Given>(fail(std::move(who).error()));
  state_.with([&](State& state) {
    Slot& slot = state.slots[key];
    slot.fetching = false;
    slot.token.reset();
    if (given) slot.token = given->token;
  });
  state_.notify_all();
  if (!given) return fail(std::move(given).error());
  return given->token.text;
}

/// Sends with repetition; any answer but a passing trouble is given back.
Result<HttpAnswer> Tokens::ask(const HttpRequest& request, const Endpoint& endpoint,
                               const CancelToken& cancel) {
  Retry retry(options_);
  while (true) {
    HttpResult result = http_.perform(request, cancel);
    std::optional<Trouble> trouble =
        result ? trouble_of(*result, endpoint.account) : trouble_of(result.error());
    if (!trouble && result) return *std::move(result);
    if (!trouble) return fail(std::move(result).error().error);
    SLIP_TRY(retry.again(*std::move(trouble), cancel));
  }
}

Result<Tokens::Given> Tokens::fetch(const Endpoint& endpoint, const Known& known,
                                    const Scopes& scopes, const std::optional<Credentials>& account,
                                    Grant grant, const CancelToken& cancel) {
  const Realm& realm = *known.realm;
  const std::string context = "get token of " + realm.url.authority() + " for " + endpoint.account;
  const bool refresh = account && !account->identity_token.empty();
  const auto as_form = [&] {
    Form form;
    form.add("grant_type", refresh ? "refresh_token" : "password");
    form.add("service", realm.service);
    form.add("client_id", kClient);
    form.add("scope", join({scopes.begin(), scopes.end()}, " "));
    if (grant == Grant::kOffline) form.add("access_type", "offline");
    if (refresh) form.add("refresh_token", account->identity_token);
    if (!refresh) form.add("username", account->username);
    if (!refresh) form.add("password", account->password);
    return form.text();
  };
  const auto post = [&]() -> Result<HttpAnswer> {
    const std::string form = as_form();
    HttpRequest request =
        base_request(realm.url, endpoint, known.registry_is_public, options_.request_timeout);
    request.method = "POST";
    request.headers.emplace_back("Content-Type: application/x-www-form-urlencoded");
    request.upload = HttpUpload{form, nullptr, 0, form.size()};
    return ask(request, endpoint, cancel);
  };
  const auto get = [&]() -> Result<HttpAnswer> {
    HttpRequest request =
        base_request(realm.url, endpoint, known.registry_is_public, options_.request_timeout);
    if (!realm.service.empty()) request.url.add_query("service", realm.service);
    for (const std::string& scope : scopes) request.url.add_query("scope", scope);
    if (grant == Grant::kOffline) request.url.add_query("offline_token", "true");
    request.url.add_query("client_id", kClient);
    if (has_password(account)) {
      request.url.add_query("account", account->username);
      request.headers.push_back("Authorization: " + basic(*account));
    }
    return ask(request, endpoint, cancel);
  };
  HttpAnswer answer = SLIP_TRY_WITHIN(context, refresh ? post() : get());
  // A token server that knows only the newer way, by POST.
  const bool no_get = answer.status == 404 || answer.status == 405;
  if (no_get && !refresh && has_password(account)) answer = SLIP_TRY_WITHIN(context, post());
  if (answer.status >= 300 && answer.status < 400) {
    return fail(ErrorCode::kUnauthenticated,
                context + ": redirects are not followed while authenticating");
  }
  if (answer.status != 200) return fail(answer_error(answer, endpoint.account).within(context));
  const Json body = SLIP_TRY_WITHIN(context, parse_json(answer.body, {kMaxAnswer, 16}));
  std::string_view text = body["token"].string_or("");
  if (text.empty()) text = body["access_token"].string_or("");
  if (text.empty() || text.size() > kMaxToken || !visible(text)) {
    return fail(ErrorCode::kCorrupt, context + ": the answer has no usable token");
  }
  const Millis life(life_of(body, clock_.wall()) * 1000);
  Given given;
  given.token = {std::string(text), clock_.mono() + life - std::min(life / 10, Millis(10'000))};
  given.refresh_token = body["refresh_token"].string_or("");
  return given;
}

Result<Tokens::Login> Tokens::log_in(const Endpoint& endpoint, const HttpAnswer& challenged,
                                     const Credentials& account, const CancelToken& cancel) {
  const Known known = SLIP_TRY(choose(endpoint, challenged, true));
  if (!known.realm) return Login{basic(account), {}};
  Given given = SLIP_TRY(fetch(endpoint, known, {}, account, Grant::kOffline, cancel));
  return Login{"Bearer " + given.token.text, std::move(given.refresh_token)};
}

}  // namespace slipway::cachestore
