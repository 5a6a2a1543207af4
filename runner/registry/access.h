#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/cancel.h"
#include "base/result.h"
#include "cachestore/registry.h"
#include "runner/registry/accounts.h"
#include "runner/registry/settings.h"

namespace slipway::runner {

/// The process's way to registries. Made early, while variables and user id are the person's own; nothing is opened (no
/// library loaded, no file read) before get(). Thread-safe.
class RegistryAccess {
 public:
  /// `insecure`: hosts of --insecure-registry. `warn` is called from any thread.
  /// `given`: accounts that somebody else brings, instead of this person's files and helpers.
  RegistryAccess(const Variables& variables, std::vector<std::string> insecure, Accounts::Warn warn,
                 CancelToken cancel, std::shared_ptr<cachestore::CredentialSource> given = nullptr);
  Result<std::shared_ptr<cachestore::Registry>> get();
  const AccountPlaces& places() const { return places_; }

 private:
  const Variables variables_;
  const RegistrySettings settings_;
  const AccountPlaces places_;
  const std::vector<std::string> insecure_;
  const Accounts::Warn warn_;
  const CancelToken cancel_;
  const std::shared_ptr<cachestore::CredentialSource> given_;
  std::mutex mutex_;  ///< Held while opening: whoever comes second waits for the one client.
  std::shared_ptr<cachestore::Registry> registry_;
};

}  // namespace slipway::runner
