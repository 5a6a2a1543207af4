// Opening the client, finding endpoints, and logging in.
#include "cachestore/registry/client.h"

namespace slipway::cachestore {

Result<std::shared_ptr<Registry>> Registry::open(RegistryOptions options) {
  std::unique_ptr<HttpClient> http =
      SLIP_TRY(HttpClient::open({options.connect_timeout, options.stall_timeout}));
  return std::shared_ptr<Registry>(std::make_shared<Client>(std::move(options), std::move(http)));
}

Result<const Client::Endpoints*> Client::endpoints(const std::string& registry) {
  const Endpoints* known = endpoints_.with([&](auto& map) -> const Endpoints* {
    const auto found = map.find(registry);
    return found == map.end() ? nullptr : found->second.get();
  });
  if (known != nullptr) return known;
  auto made = std::make_unique<Endpoints>(SLIP_TRY(find_endpoints(registry, options_)));
  return endpoints_.with([&](auto& map) -> const Endpoints* {
    // Another thread may have been quicker; its endpoints may be in use already.
    return map.try_emplace(registry, std::move(made)).first->second.get();
  });
}

Result<Endpoint*> Client::home(const std::string& registry) {
  return SLIP_TRY(endpoints(registry))->back().get();
}

Result<Credentials> Client::log_in(const std::string& registry, const Credentials& account,
                                   const CancelToken& cancel) {
  const std::string context = "log in to " + account_name(registry);
  // An endpoint of its own: what is kept for the registry, least of all another account, must not answer here.
  RegistryOptions bare = options_;
  bare.mirrors.clear();
  bare.credentials = nullptr;
  const Endpoints fresh = SLIP_TRY_WITHIN(context, find_endpoints(registry, bare));
  Endpoint& endpoint = *fresh.back();
  Exchanger exchanger(
      SLIP_TRY_WITHIN(context, HttpClient::open({bare.connect_timeout, bare.stall_timeout})), bare);
  Call ping;
  ping.authenticate = false;
  HttpAnswer answer = SLIP_TRY_WITHIN(context, exchanger.send(endpoint, ping, cancel));
  if (answer.status == 401) {
    Tokens::Login login =
        SLIP_TRY_WITHIN(context, exchanger.tokens().log_in(endpoint, answer, account, cancel));
    ping.headers = {"Authorization: " + login.header};
    answer = SLIP_TRY_WITHIN(context, exchanger.send(endpoint, ping, cancel));
    if (!login.identity_token.empty() && answer.status == 200) {
      Credentials kept;
      kept.username = account.username;
      kept.identity_token = std::move(login.identity_token);
      return kept;
    }
  }
  if (answer.status != 200) return fail(answer_error(answer, endpoint.account).within(context));
  return account;
}

namespace registry_api {

std::string scope(const std::string& repository, const char* actions) {
  return "repository:" + repository + ":" + actions;
}

std::string reference_of(const Reference& name) {
  return name.digest ? name.digest->str() : name.tag;
}

std::string shown(const Reference& name) {
  return name.registry + "/" + name.repository +
         (name.digest        ? "@" + name.digest->str()
          : name.tag.empty() ? ""
                             : ":" + name.tag);
}

std::optional<RemoteDescriptor> parse_descriptor(const Json& json) {
  const Result<Digest> digest = Digest::parse(json["digest"].string_or(""));
  const std::int64_t size = json["size"].int_or(-1);
  if (!digest || size < 0) return std::nullopt;
  RemoteDescriptor descriptor;
  descriptor.media_type = json["mediaType"].string_or("");
  descriptor.digest = *digest;
  descriptor.size = static_cast<std::uint64_t>(size);
  if (json["annotations"].is_object()) descriptor.annotations = json["annotations"];
  return descriptor;
}

std::string fallback_tag(const Digest& digest) { return "sha256-" + digest.hex(); }

}  // namespace registry_api
}  // namespace slipway::cachestore
