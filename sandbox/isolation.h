#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/result.h"
#include "base/units.h"

namespace slipway::sandbox {

/// Powers that let a container out of its box: distinct types, so that each use can be found by name and each can be
/// forbidden by the configuration (PowerPolicy). An ordinary container has none.
namespace power {
struct Privileged {};            ///< --privileged
struct HostPid {};               ///< --pid host
struct HostIpc {};               ///< --ipc host
struct HostUts {};               ///< --uts host
struct HostUserNamespace {};     ///< --userns host: container root is the machine's root.
struct HostCgroups {};           ///< --cgroupns host
struct HostNetworkNamespace {};  ///< --network host
struct UnconfinedSeccomp {};     ///< --security-opt seccomp=unconfined
struct CustomSeccomp {           ///< --security-opt seccomp=FILE
  std::string json;              ///< Docker's profile format.
};
struct UnmaskedPaths {};  ///< --security-opt systempaths=unconfined
struct HostDevice {       ///< --device
  std::string path_on_host;
  std::string path_in_container;
  std::string permissions = "rwm";
};
struct DeviceAccess {  ///< --device-cgroup-rule
  std::string rule;    ///< "c 10:200 rwm"
};
struct AddedCapability {  ///< --cap-add beyond the default set
  std::string name;
};
struct HostDirectory {  ///< -v /host/path
  std::string path;
};
}  // namespace power
using Power = std::variant<power::Privileged, power::HostPid, power::HostIpc, power::HostUts,
                           power::HostUserNamespace, power::HostCgroups,
                           power::HostNetworkNamespace, power::UnconfinedSeccomp,
                           power::CustomSeccomp, power::UnmaskedPaths, power::HostDevice,
                           power::AddedCapability, power::HostDirectory, power::DeviceAccess>;

/// Which powers may be asked for: what the configuration says, checked in one place.
struct PowerPolicy {
  bool allow_all =
      true;  ///< The person at the command line is trusted; a daemon's configuration may say no.
  std::vector<std::string>
      forbidden;  ///< Names as power_name() gives them: "privileged", "host-pid", …
};
std::string_view power_name(const Power& power);
std::span<const std::string_view> power_names();  ///< All, for completion and messages.
Status check_powers(const std::vector<Power>& powers,
                    const PowerPolicy& policy);  ///< kPermission names the power.

/// What differs from the default isolation.
struct Isolation {
  std::vector<Power> powers;
  bool no_new_privileges = true;
  std::vector<std::string> drop_capabilities;  ///< or "ALL"
  std::string apparmor_profile;                ///< "": none asked.
  std::string pid_of;                          ///< --pid container:ID; full id. Likewise below.
  std::string ipc_of;
  bool ipc_none = false;
  std::vector<std::pair<std::string, std::string>> sysctls;  ///< Namespaced ones only.
  struct Ulimit {
    std::string name;  ///< "nofile"
    std::int64_t soft = 0;
    std::int64_t hard = 0;  ///< -1: unlimited.
  };
  std::vector<Ulimit> ulimits;
  std::vector<std::string> group_add;  ///< Names of the root's /etc/group, or numbers.
  bool init =
      false;  ///< Docker's --init: our PID 1 always reaps, so this changes nothing but what inspect says.
  ByteCount shm_size = 64_MiB;
};

}  // namespace slipway::sandbox
