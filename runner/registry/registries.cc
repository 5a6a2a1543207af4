// The registry client of a server.
#include "runner/registries.h"

#include <cstdlib>

#include "runner/registry/settings.h"

namespace slipway::runner {

Result<std::shared_ptr<cachestore::Registry>> open_registries(
    std::shared_ptr<cachestore::CredentialSource> credentials) {
  const Variables variables = [](const std::string& name) -> std::optional<std::string> {
    const char* value = std::getenv(name.c_str());
    return value == nullptr ? std::nullopt : std::optional<std::string>(value);
  };
  cachestore::RegistryOptions options =
      SLIP_TRY(registry_options(RegistrySettings::of(variables), variables, {}));
  options.credentials = std::move(credentials);
  return cachestore::Registry::open(std::move(options));
}

}  // namespace slipway::runner
