// One call of the API, whatever it takes: the scheme that works, a token, redirects by hand, another try.
#include "cachestore/registry/exchange.h"

#include <algorithm>

#include "base/text.h"
#include "cachestore/registry/address.h"

namespace slipway::cachestore {
namespace {

constexpr int kMaxRedirects = 5;
constexpr std::size_t kMaxWarnings =
    100;  // remembered, so that a registry cannot fill memory or terminal

using Kind = HttpFailure::Kind;

tl::unexpected<HttpFailure> permanent(Error error) {
  return tl::unexpected(HttpFailure{Kind::kFinal, std::move(error)});
}

bool is_redirect(int status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

/// Go's server and nginx answer plain text to a TLS port with this 400 (to HEAD without the words); others send a TLS
/// alert, which is no HTTP.
bool speaks_tls(const HttpResult& result, const std::string& method) {
  if (result && result->status == 400)
    return method == "HEAD" || result->body.find("HTTPS") != std::string::npos;
  if (result) return false;
  return result.error().error.code() == ErrorCode::kUnsupported;
}

bool speaks_no_tls(const HttpResult& result) {
  return !result &&
         (result.error().kind == Kind::kNoTls || result.error().kind == Kind::kUnreached);
}

}  // namespace

struct Exchanger::Route {
  std::optional<Url> url;  // nothing: the call's own place
  std::string authorization;
  bool left = false;  // for another origin: no credentials any more, also when it leads back
};

void Exchanger::warn(const std::string& text) {
  const bool fresh = warned_.with([&](std::set<std::string>& seen) {
    return seen.size() < kMaxWarnings && seen.insert(text).second;
  });
  if (fresh && options_.warn) options_.warn(text);
}

void Exchanger::show_warnings(const Endpoint& endpoint, const HttpAnswer& answer) {
  for (const std::string_view line : answer.headers.all("warning")) {
    const std::optional<std::string> text = parse_warning(line);
    if (text) warn(endpoint.account + " says: " + ellipsize(printable(*text), 500));
  }
}

HttpRequest Exchanger::make_request(const Endpoint& endpoint, const Call& call, const Route& route,
                                    bool second_scheme) const {
  HttpRequest request;
  request.method = call.method;
  request.url = route.url  ? *route.url
                : call.url ? *call.url
                           : endpoint.at(call.path, call.query, second_scheme);
  const bool foreign = route.left || !request.url.same_origin(endpoint.url(second_scheme));
  request.headers = call.headers;
  if (!foreign && !route.authorization.empty())
    request.headers.push_back("Authorization: " + route.authorization);
  request.tls = foreign ? endpoint.foreign_tls : endpoint.tls;
  request.upload = call.upload;
  request.sink = call.sink;
  request.body_limit = call.body_limit;
  if (call.document) request.total_limit = options_.request_timeout;
  request.refuse_local = foreign && endpoint.public_host();
  return request;
}

/// Finds out which scheme an endpoint speaks, where there is a choice.
HttpResult Exchanger::perform_first(Endpoint& endpoint, const Call& call, const Route& route,
                                    const CancelToken& cancel) {
  const bool https_first = endpoint.schemes == Endpoint::Schemes::kHttpsThenHttp;
  HttpResult first = http_->perform(make_request(endpoint, call, route, false), cancel);
  if (https_first ? !speaks_no_tls(first) : !speaks_tls(first, call.method)) return first;
  HttpResult second = http_->perform(make_request(endpoint, call, route, true), cancel);
  if (!second && second.error().kind != Kind::kFinal) return first;
  endpoint.other_scheme = true;
  if (second && https_first)
    warn(endpoint.account +
         " is asked by plain http: it is in the list of insecure registries and speaks no https");
  return second;
}

HttpResult Exchanger::perform(Endpoint& endpoint, const Call& call, const Route& route,
                              const CancelToken& cancel) {
  const bool choice = !endpoint.settled && endpoint.two_schemes() && !route.url && !call.url;
  HttpResult result =
      choice ? perform_first(endpoint, call, route, cancel)
             : http_->perform(make_request(endpoint, call, route, endpoint.other_scheme), cancel);
  if (!result) {
    Url place = route.url ? *route.url : call.url ? *call.url : endpoint.url();
    HttpFailure& failure = result.error();
    if (failure.spoke) endpoint.settled = true;
    if (failure.error.code() != ErrorCode::kCancelled && !failure.callers) {
      failure.error = std::move(failure.error).within(place.authority());
    }
    return result;
  }
  if (!route.left && !route.url) {
    endpoint.settled = true;
    endpoint.local_peer = result->peer_is_local;
  }
  show_warnings(endpoint, *result);
  return result;
}

Result<Url> location_of(const HttpAnswer& answer, const Url& asked, const Endpoint& endpoint) {
  const std::string_view location = answer.headers.first("location");
  if (location.empty()) return fail(ErrorCode::kCorrupt, "the answer has no Location");
  Result<Url> url = asked.resolve(location);
  if (!url) return fail(ErrorCode::kCorrupt, "bad Location: " + url.error().text());
  const Url base = endpoint.url();
  if (url->host == base.host && base.https() && !url->https() &&
      (url->port == 80 || url->port == base.port)) {
    url->scheme = base.scheme;
    url->port = base.port;
  }
  if (endpoint.public_host() && is_machine_local_host(url->host) && !url->same_origin(base)) {
    return fail(ErrorCode::kPermission, "refuse to be sent to " + url->shown() +
                                            ": an address of this machine or its cloud");
  }
  return *std::move(url);
}

HttpResult Exchanger::once(Endpoint& endpoint, const Call& call, const CancelToken& cancel) {
  Result<std::string> header =
      call.authenticate ? tokens_.header(endpoint, call.scopes, cancel) : Result<std::string>("");
  if (!header) return permanent(std::move(header).error());
  // A place the registry gave us may be elsewhere: no credentials, and no answers to challenges, from the start.
  Route route{std::nullopt, *std::move(header), call.url && !call.url->same_origin(endpoint.url())};
  bool challenged = !call.authenticate;
  const auto rewind = [&] {
    return call.upload && call.upload->body != nullptr
               ? call.upload->body->seek(call.upload->offset)
               : Status();
  };
  for (int redirects = 0; redirects <= kMaxRedirects;) {
    HttpResult result = perform(endpoint, call, route, cancel);
    if (!result) return result;
    if (result->status == 401 && !route.left && !challenged) {
      challenged = true;
      Result<std::string> fresh =
          tokens_.answer_challenge(endpoint, call.scopes, *result, route.authorization, cancel);
      if (!fresh) return permanent(std::move(fresh).error());
      route.authorization = *std::move(fresh);
      if (Status back = rewind(); !back) return permanent(std::move(back).error());
      continue;
    }
    // 301 to 303 may turn a request with a body into a GET: only the unambiguous ones are followed for those.
    const bool bodiless = call.method == "GET" || call.method == "HEAD";
    if (!is_redirect(result->status) || (!bodiless && result->status < 307)) return result;
    const Url asked = route.url  ? *route.url
                      : call.url ? *call.url
                                 : endpoint.at(call.path, call.query, endpoint.other_scheme);
    Result<Url> next = location_of(*result, asked, endpoint);
    if (!next) return permanent(std::move(next).error());
    route.left = route.left || !next->same_origin(endpoint.url());
    route.url = *std::move(next);
    if (Status back = rewind(); !back) return permanent(std::move(back).error());
    ++redirects;
  }
  return permanent(
      Error(ErrorCode::kCorrupt, "more than " + std::to_string(kMaxRedirects) + " redirects"));
}

Result<HttpAnswer> Exchanger::send(Endpoint& endpoint, const Call& call,
                                   const CancelToken& cancel) {
  Retry retry(options_);
  while (true) {
    HttpResult result = once(endpoint, call, cancel);
    std::optional<Trouble> trouble =
        result ? trouble_of(*result, endpoint.account) : trouble_of(result.error());
    if (!trouble && result) return *std::move(result);
    if (!trouble) return fail(std::move(result).error().error);
    SLIP_TRY(retry.again(*std::move(trouble), cancel));
    if (call.upload && call.upload->body != nullptr)
      SLIP_TRY(call.upload->body->seek(call.upload->offset));
  }
}

}  // namespace slipway::cachestore
