#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "sandbox/networks.h"
#include "sandbox/spec.h"

namespace slipway::runner {

/// A network of one job and its services; gone with this object.
class PrivateNetwork {
 public:
  PrivateNetwork() = default;
  PrivateNetwork(PrivateNetwork&& other) noexcept;
  PrivateNetwork& operator=(PrivateNetwork&&) = delete;
  ~PrivateNetwork();
  const std::string& name() const { return name_; }

 private:
  friend class JobNetwork;
  std::shared_ptr<sandbox::Networks> networks_;
  std::string name_;
};

/// Where on the networks of jobs a container is to be.
struct NetworkPlace {
  std::string
      network;  ///< A private one; empty: the one that all share and where nobody sees another.
  std::vector<std::string> aliases;  ///< Names by which the others on a private network find it.
};

/// The networks of pipeline jobs: one bridge for all, on which no container can speak to another, and private ones for
/// jobs with services.
class JobNetwork {
 public:
  /// Always gives an object; where the machine has no bridges for us, trouble() says why and steps see loopback only.
  /// Takes down private networks that killed runs left (their runs' locks tell).
  static JobNetwork open(const std::string& state_dir);
  JobNetwork() = default;
  JobNetwork(JobNetwork&&) = default;
  JobNetwork& operator=(JobNetwork&&) = delete;
  const std::string& trouble() const { return trouble_; }
  sandbox::Networks* networks() const { return networks_.get(); }  ///< For builds; null: trouble.

  /// Puts the container of `spec` there. Keep the session until the container has ended; null where there is trouble.
  Result<std::unique_ptr<sandbox::NetworkSession>> join(sandbox::ContainerSpec& spec,
                                                        const NetworkPlace& place = {}) const;
  enum class WayOut { kNo, kYes };
  /// kUnsupported where there is trouble.
  Result<PrivateNetwork> make_private(const std::string& run_id, WayOut way_out) const;

 private:
  std::shared_ptr<sandbox::Networks> networks_;
  std::string trouble_;
};

}  // namespace slipway::runner
