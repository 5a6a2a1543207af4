#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "cachestore/registry.h"

namespace slipway::runner {

/// Accounts as docker's config.json and podman's auth.json keep them: `auths`, `credHelpers`, `credsStore`.

/// Host (with port) that a person or an old file means: "https://Index.docker.io/v1/" -> "docker.io". kInvalid when it
/// is none.
Result<std::string> registry_host(const std::string& text);
/// The key docker writes for it: "https://index.docker.io/v1/" for the hub, else the host itself.
std::string account_key(const std::string& registry);

/// A missing or empty file is an empty object; kCorrupt or kInvalid name the file, never what is in it.
Result<Json> read_account_file(const std::string& path);
/// The same for text from elsewhere ($DOCKER_AUTH_CONFIG).
Result<Json> parse_account_file(const std::string& text, const std::string& what);

/// The account that `document` itself holds for the registry: exact keys first, then keys with scheme or path.
Result<std::optional<cachestore::Credentials>> account_in(const Json& document,
                                                          const std::string& registry);
/// Name of the helper program that keeps the registry's account: `credHelpers` over `credsStore`; "" for none.
std::string helper_in(const Json& document, const std::string& registry);

/// Puts an account under the registry's key, or an empty entry when `account` is null (a helper keeps the secret:
/// docker then still lists the registry).
void put_account(Json& document, const std::string& registry,
                 const cachestore::Credentials* account);
/// False when there was none.
bool drop_account(Json& document, const std::string& registry);

/// Reads, changes and replaces the file (mode 0600) under a lock that all our processes take; everything it holds
/// beside is kept. A symbolic link is followed, not replaced. Nothing is written when `change` says false.
Status update_account_file(const std::string& path, const std::function<bool(Json&)>& change);

}  // namespace slipway::runner
