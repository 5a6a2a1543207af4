#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "sandbox/networks.h"
#include "sandbox/spec.h"

namespace slipway::runner {

/// The network of pipeline jobs: a bridge of their own, on which no container can speak to another.
class JobNetwork {
 public:
  /// Always gives an object; where the machine has no bridges for us, trouble() says why and steps see loopback only.
  static JobNetwork open(const std::string& state_dir);
  JobNetwork() = default;
  JobNetwork(JobNetwork&&) = default;
  JobNetwork& operator=(JobNetwork&&) = delete;
  ~JobNetwork();  ///< Nothing stays on the machine when nobody else uses its networks.
  const std::string& trouble() const { return trouble_; }

  /// Puts the container of `spec` on it. Keep the session until the container has ended; null where there is trouble.
  Result<std::unique_ptr<sandbox::NetworkSession>> join(sandbox::ContainerSpec& spec) const;

 private:
  std::shared_ptr<sandbox::Networks> networks_;
  std::string trouble_;
};

}  // namespace slipway::runner
