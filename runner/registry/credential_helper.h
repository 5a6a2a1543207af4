#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/cancel.h"
#include "base/result.h"
#include "cachestore/registry.h"

namespace slipway::runner {

/// One program docker-credential-NAME, found in PATH. Spec: docker-credential-helpers, "Development". The server's URL
/// and the secret go through standard input, never through arguments; no shell is involved. A helper that does not
/// answer within a minute is ended (it may be asking a person for a passphrase).
class CredentialHelper {
 public:
  /// kInvalid unless the name is a plain word: it comes from a file that other programs write.
  static Result<CredentialHelper> named(const std::string& name);

  /// Nothing when the helper knows no such server. `server` as account_key() gives it.
  Result<std::optional<cachestore::Credentials>> get(const std::string& server,
                                                     const CancelToken& cancel) const;
  Status store(const std::string& server, const cachestore::Credentials& account,
               const CancelToken& cancel) const;
  /// No such entry is no error.
  Status erase(const std::string& server, const CancelToken& cancel) const;
  /// Servers with their user names.
  Result<std::vector<std::pair<std::string, std::string>>> list(const CancelToken& cancel) const;

  const std::string& program() const { return program_; }

 private:
  explicit CredentialHelper(std::string program) : program_(std::move(program)) {}
  Result<std::string> call(const std::string& action, const std::string& input,
                           const CancelToken& cancel) const;
  std::string program_;
};

}  // namespace slipway::runner
