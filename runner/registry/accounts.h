#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/cancel.h"
#include "base/clock.h"
#include "base/guarded.h"
#include "base/result.h"
#include "cachestore/registry.h"

namespace slipway::runner {

/// Reads a variable of the environment; tests pass their own.
using Variables = std::function<std::optional<std::string>(const std::string& name)>;

/// The files that hold this person's accounts. To be made before the engine's namespaces change the user id.
struct AccountPlaces {
  std::string inline_document;  ///< $DOCKER_AUTH_CONFIG itself (GitLab and docker 28 read it so).
  /// config.json in $DOCKER_CONFIG or ~/.docker: the one we write.
  std::string docker;
  /// Only read: $REGISTRY_AUTH_FILE, $XDG_RUNTIME_DIR/containers/auth.json, …
  std::vector<std::string> podman;

  static AccountPlaces of(const Variables& variables);
};

/// Answers from docker's files and helpers, then podman's. A file or helper that cannot be read is said once through
/// `warn` and passed over: what is public must not need it. Answers are kept for some minutes, as helpers are slow.
class Accounts : public cachestore::CredentialSource {
 public:
  using Warn = std::function<void(const std::string& text)>;
  Accounts(AccountPlaces places, Warn warn, const Clock& clock, CancelToken cancel);

  Result<std::optional<cachestore::Credentials>> find(const std::string& registry) override;

 private:
  struct Known {
    std::optional<cachestore::Credentials> account;
    MonoTime until;
  };
  std::optional<cachestore::Credentials> look_up(const std::string& registry);
  std::optional<cachestore::Credentials> look_in(const Result<Json>& document,
                                                 const std::string& registry);
  void warn_once(const std::string& text);

  const AccountPlaces places_;
  const Warn warn_;
  const Clock& clock_;
  const CancelToken cancel_;
  Guarded<std::map<std::string, Known>> known_;
  Guarded<std::vector<std::string>> warned_;
};

/// `runner login` and `logout`, after the account was tried. Both write to docker's file, so docker sees them too.
struct KeptAccount {
  std::string where;     ///< A file's path, or the helper's program.
  bool in_file = false;  ///< Not encrypted: worth a warning.
};
Result<KeptAccount> keep_account(const AccountPlaces& places, const std::string& registry,
                                 const cachestore::Credentials& account, const CancelToken& cancel);
/// False when nothing was kept for the registry.
Result<bool> forget_account(const AccountPlaces& places, const std::string& registry,
                            const CancelToken& cancel);

}  // namespace slipway::runner
