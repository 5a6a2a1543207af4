#pragma once

#include <sys/resource.h>

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "sandbox/limits/device_rules.h"
#include "sandbox/policy/profile.h"
#include "sandbox/spec.h"

namespace slipway::sandbox {

/// What the powers and wishes of a spec come to: plain values for those who build the launch.
struct Confinement {
  CapabilityMask capabilities = kDefaultCapabilities;
  std::span<const sock_filter> filter;  ///< Empty: none.
  std::span<const sock_filter>
      init_filter;  ///< Of the engine, for these capabilities; empty: none.
  std::shared_ptr<std::vector<sock_filter>>
      owned;  ///< What `filter` points to when it is a custom one.
  bool no_new_privileges = true;
  bool mask_paths = true;
  bool writable_sys = false;
  bool every_device = false;
  bool host_pid = false;
  bool host_ipc = false;
  bool host_uts = false;
  bool host_user = false;
  bool host_cgroups = false;
  std::string apparmor_profile;  ///< Empty: none.
  std::vector<power::HostDevice> devices;
  limits::DeviceRules device_rules;  ///< Beyond the defaults and what `devices` need.

  struct Limit {
    int resource;
    rlimit64 value;
    std::string name;
  };
  std::vector<Limit> limits;  ///< Complete: the engine's defaults and the spec's.
  struct Sysctl {
    std::string path;  ///< Below /proc: "sys/net/ipv4/ip_forward".
    std::string value;
  };
  std::vector<Sysctl> sysctls;
  std::vector<std::string> warnings;  ///< What was asked and is not had in full.
};

/// kInvalid, kUnsupported and kPermission name what is wrong.
Result<Confinement> confine(const ContainerSpec& spec, const PowerPolicy& policy);

/// CLONE_NEW* of the namespaces that are not the engine's: the container's own and those of its peers.
std::uint64_t namespaces_of(const ContainerSpec& spec, const Confinement& confinement);

/// Whether the container has all of the machine's devices.
inline bool has_machine_devices(const Confinement& made) {
  return made.every_device && made.host_user;
}

bool has_peer(const ContainerSpec& spec);
/// Whether the kernel ends all processes with init.
bool owns_pids(const ContainerSpec& spec, const Confinement& confinement);

// The parts.
Status confine_limits(const Isolation& isolation, Confinement& made);  // rlimits.cc
Status confine_sysctls(const ContainerSpec& spec, Confinement& made);  // sysctls.cc

}  // namespace slipway::sandbox
