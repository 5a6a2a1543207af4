#pragma once

#include <string>
#include <vector>

#include "base/files.h"

namespace slipway::testing {

/// Makes tokens that docker-registry believes: JSON web tokens signed with RS256, the certificate in the header (x5c).
/// Spec: distribution, "Docker Registry v2 Bearer token specification"; RFC 7515.
class TokenSigner {
 public:
  TokenSigner();  ///< A new key; by the openssl program.
  const std::string& certificate() const { return certificate_; }  ///< PEM
  /// For service and issuer "fake", valid for a minute. `scopes` have one action each: "repository:a:pull".
  std::string token(const std::vector<std::string>& scopes) const;

 private:
  TempDir directory_;
  std::string certificate_;
};

}  // namespace slipway::testing
