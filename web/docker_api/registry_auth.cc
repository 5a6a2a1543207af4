// Accounts in headers.
#include "web/docker_api/registry_auth.h"

#include <algorithm>

#include "base/text.h"

namespace slipway::web::docker_api {

Result<std::optional<cachestore::Credentials>> GivenAccounts::find(const std::string& registry) {
  const auto found = accounts_.find(registry);
  if (found == accounts_.end()) return std::optional<cachestore::Credentials>();
  return std::optional(found->second);
}

void GivenAccounts::add(const std::string& registry, cachestore::Credentials account) {
  accounts_.insert_or_assign(registry, std::move(account));
}

cachestore::Credentials read_account(const Json& json) {
  cachestore::Credentials account;
  account.username = json["username"].string_or("");
  account.password = json["password"].string_or("");
  account.identity_token = json["identitytoken"].string_or("");
  account.registry_token = json["registrytoken"].string_or("");
  if (account.username.empty() && !json["auth"].string_or("").empty()) {
    const auto pair = base64_decode(json["auth"].string_or(""));
    const std::size_t colon = pair ? pair->find(':') : std::string::npos;
    if (colon != std::string::npos) {
      account.username = pair->substr(0, colon);
      account.password = pair->substr(colon + 1);
    }
  }
  return account;
}

namespace {

/// Nothing when it is not base64 (of either alphabet) of JSON; what it holds must not be said.
std::optional<Json> decode(const std::string& header) {
  std::string text = header;
  std::replace(text.begin(), text.end(), '-', '+');
  std::replace(text.begin(), text.end(), '_', '/');
  while (text.size() % 4 != 0) text += '=';
  const auto decoded = base64_decode(text);
  if (!decoded) return std::nullopt;
  auto json = parse_json(*decoded, {1 << 20, 8});
  if (!json) return std::nullopt;
  return *std::move(json);
}

bool says_something(const cachestore::Credentials& account) {
  return !account.username.empty() || !account.identity_token.empty() ||
         !account.registry_token.empty();
}

}  // namespace

Result<std::shared_ptr<GivenAccounts>> accounts_of_header(const std::string* header,
                                                          const std::string& registry) {
  auto accounts = std::make_shared<GivenAccounts>();
  if (header == nullptr || header->empty()) return accounts;
  const std::optional<Json> json = decode(*header);
  if (!json) return fail(ErrorCode::kInvalid, "read X-Registry-Auth: not base64 of JSON");
  const cachestore::Credentials account = read_account(*json);
  if (says_something(account)) accounts->add(registry, account);
  return accounts;
}

Result<std::shared_ptr<GivenAccounts>> accounts_of_config(const std::string* header) {
  auto accounts = std::make_shared<GivenAccounts>();
  if (header == nullptr || header->empty()) return accounts;
  const std::optional<Json> json = decode(*header);
  if (!json) return fail(ErrorCode::kInvalid, "read X-Registry-Config: not base64 of JSON");
  for (const auto& [key, value] : json->members()) {
    std::string registry = key;
    for (const char* prefix : {"https://", "http://"}) {
      if (registry.starts_with(prefix)) registry = registry.substr(std::string_view(prefix).size());
    }
    registry = registry.substr(0, registry.find('/'));
    if (registry == "index.docker.io") registry = "docker.io";
    const cachestore::Credentials account = read_account(value);
    if (says_something(account)) accounts->add(registry, account);
  }
  return accounts;
}

}  // namespace slipway::web::docker_api
