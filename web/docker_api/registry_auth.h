#pragma once

#include <map>
#include <memory>
#include <string>

#include "base/json.h"
#include "base/result.h"
#include "cachestore/registry.h"

namespace slipway::web::docker_api {

/// Accounts that came with a request. Docker API, "Authentication": AuthConfig.
class GivenAccounts : public cachestore::CredentialSource {
 public:
  Result<std::optional<cachestore::Credentials>> find(const std::string& registry) override;
  void add(const std::string& registry, cachestore::Credentials account);

 private:
  std::map<std::string, cachestore::Credentials> accounts_;
};

/// AuthConfig: username, password, auth, identitytoken, registrytoken.
cachestore::Credentials read_account(const Json& json);
/// The X-Registry-Auth header (base64url of one AuthConfig) for `registry`; an empty header is nobody. kInvalid when it
/// cannot be read; never with what is in it.
Result<std::shared_ptr<GivenAccounts>> accounts_of_header(const std::string* header,
                                                          const std::string& registry);

/// The X-Registry-Config header of a build: a map of registries to AuthConfigs.
Result<std::shared_ptr<GivenAccounts>> accounts_of_config(const std::string* header);

}  // namespace slipway::web::docker_api
