// The one registry client of a process, made when it is first needed.
#include "runner/registry/access.h"

namespace slipway::runner {

RegistryAccess::RegistryAccess(const Variables& variables, std::vector<std::string> insecure,
                               Accounts::Warn warn, CancelToken cancel,
                               std::shared_ptr<cachestore::CredentialSource> given)
    : variables_(variables),
      settings_(RegistrySettings::of(variables)),
      places_(AccountPlaces::of(variables)),
      insecure_(std::move(insecure)),
      warn_(std::move(warn)),
      cancel_(std::move(cancel)),
      given_(std::move(given)) {}

Result<std::shared_ptr<cachestore::Registry>> RegistryAccess::get() {
  std::lock_guard lock(mutex_);
  if (registry_) return registry_;
  cachestore::RegistryOptions options =
      SLIP_TRY(registry_options(settings_, variables_, insecure_));
  options.credentials = given_;
  if (!given_)
    options.credentials = std::make_shared<Accounts>(places_, warn_, real_clock(), cancel_);
  options.warn = warn_;
  registry_ = SLIP_TRY(cachestore::Registry::open(std::move(options)));
  return registry_;
}

}  // namespace slipway::runner
