#pragma once

#include <string>
#include <vector>

namespace slipway::sandbox {

/// One line of `runner doctor`.
struct HostCheck {
  enum class Status { kOk, kWarn, kFail };
  std::string name;  ///< "user namespaces"
  Status status = Status::kOk;
  std::string detail;  ///< What was found.
  std::string fix;     ///< Empty when ok, else the command or setting that mends it.
};

/// Tries each thing for real (makes a user namespace, mounts an overlay in a private namespace, …); leaves nothing
/// behind. Safe in any state of the process; takes tens of milliseconds.
std::vector<HostCheck> examine_host(const std::string& state_dir);

}  // namespace slipway::sandbox
