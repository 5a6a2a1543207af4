// Lists that come page by page. Spec: OCI distribution-spec 1.1, "Listing Tags"; RFC 8288.
#include "cachestore/registry/client.h"

namespace slipway::cachestore {
namespace {

using namespace registry_api;

constexpr std::size_t kMaxPages = 1'000;
constexpr std::size_t kMaxTags = 200'000;

/// The next page must be of the same registry: the request carries our credentials.
Result<Url> next_page(const Url& asked, const std::string& link, const Url& base) {
  Result<Url> next = asked.resolve(link);
  if (!next) return fail(ErrorCode::kCorrupt, "bad link to the next page: " + next.error().text());
  if (next->host == base.host && base.https() && !next->https()) {  // a proxy hid the https from it
    next->scheme = base.scheme;
    next->port = base.port;
  }
  if (next->same_origin(base)) return next;
  return fail(ErrorCode::kPermission,
              "refuse the next page at " + next->shown() + ": another host");
}

}  // namespace

namespace registry_api {

Result<HttpAnswer> for_each_page(Exchanger& exchanger, Endpoint& endpoint, Call call,
                                 const CancelToken& cancel,
                                 const std::function<Result<bool>(const HttpAnswer&)>& page) {
  std::set<std::string> seen;
  Url asked = endpoint.at(call.path, call.query, endpoint.other_scheme);
  while (seen.insert(asked.str()).second) {
    if (seen.size() > kMaxPages)
      return fail(ErrorCode::kExhausted, "more than " + std::to_string(kMaxPages) + " pages");
    HttpAnswer answer = SLIP_TRY(exchanger.send(endpoint, call, cancel));
    if (answer.status != 200 && seen.size() == 1) return answer;
    if (answer.status != 200) return fail(answer_error(answer, endpoint.account));
    if (!SLIP_TRY(page(answer))) return answer;
    const std::optional<std::string> link = parse_next_link(answer.headers.joined("link"));
    if (!link) return answer;
    asked = SLIP_TRY(next_page(asked, *link, endpoint.url()));
    call.url = asked;
  }
  return fail(ErrorCode::kCorrupt, "the pages are linked in a circle");
}

}  // namespace registry_api

Result<std::vector<std::string>> Client::tags(const Reference& repository,
                                              const CancelToken& cancel) {
  const std::string context = "list tags of " + repository.registry + "/" + repository.repository;
  Endpoint* endpoint = SLIP_TRY_WITHIN(context, home(repository.registry));
  Call call;
  call.path = repository.repository + "/tags/list";
  call.query = "n=1000";
  call.scopes = {scope(repository.repository, "pull")};
  std::vector<std::string> tags;
  const auto page = [&](const HttpAnswer& answer) -> Result<bool> {
    const Json body = SLIP_TRY(parse_json(answer.body, kJsonLimits));
    for (const Json& tag : body["tags"].items()) {
      if (tags.size() == kMaxTags)
        return fail(ErrorCode::kExhausted, "more than " + std::to_string(kMaxTags) + " tags");
      // Only what is a tag: the list is printed and used in names.
      const Result<Reference> named = Reference::parse("x/y:" + std::string(tag.string_or("")));
      if (named && !named->digest) tags.push_back(named->tag);
    }
    return true;
  };
  const HttpAnswer answer =
      SLIP_TRY_WITHIN(context, for_each_page(exchanger_, *endpoint, call, cancel, page));
  if (answer.status != 200) return fail(answer_error(answer, endpoint->account).within(context));
  return tags;
}

}  // namespace slipway::cachestore
