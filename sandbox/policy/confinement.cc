// Powers to plain values: one visitor, so that what each power opens can be read in one place.
#include "sandbox/policy/confinement.h"

#include <sched.h>

namespace slipway::sandbox {
namespace {

struct Visitor {
  Confinement& made;
  std::vector<std::string>& added;

  // Docker's --privileged. The user namespace stays, unless HostUserNamespace is asked for as well.
  void operator()(const power::Privileged&) {
    added.emplace_back("ALL");
    made.mask_paths = false;
    made.writable_sys = true;
    made.every_device = true;
  }
  void operator()(const power::HostPid&) { made.host_pid = true; }
  void operator()(const power::HostIpc&) { made.host_ipc = true; }
  void operator()(const power::HostUts&) { made.host_uts = true; }
  void operator()(const power::HostUserNamespace&) { made.host_user = true; }
  void operator()(const power::HostCgroups&) { made.host_cgroups = true; }
  void operator()(const power::HostNetworkNamespace&) {}  // Network::kHost says it.
  void operator()(const power::UnconfinedSeccomp&) {}     // See choose_filter.
  void operator()(const power::CustomSeccomp&) {}
  void operator()(const power::UnmaskedPaths&) { made.mask_paths = false; }
  void operator()(const power::HostDevice& device) { made.devices.push_back(device); }
  void operator()(const power::AddedCapability& capability) { added.push_back(capability.name); }
  void operator()(const power::HostDirectory&) {}  // The mounts say it.
};

template <typename P>
const P* find_power(const ContainerSpec& spec) {
  const P* found = nullptr;
  for (const Power& power : spec.isolation.powers) {
    if (const auto* one = std::get_if<P>(&power)) found = one;
  }
  return found;
}

Status choose_filter(const ContainerSpec& spec, Confinement& made) {
  if (const auto* custom = find_power<power::CustomSeccomp>(spec)) {
    (void)custom;
    return fail(ErrorCode::kUnsupported, "use seccomp profile: not known yet");
  }
  if (find_power<power::UnconfinedSeccomp>(spec) != nullptr ||
      find_power<power::Privileged>(spec) != nullptr) {
    return {};
  }
  made.filter = SLIP_TRY(seccomp_filter(made.capabilities));
  made.init_filter = made.filter;
  return {};
}

Status check_namespaces(const ContainerSpec& spec, const Confinement& made) {
  if (made.host_pid || made.host_ipc || made.host_uts || made.host_user || made.host_cgroups ||
      spec.pid_peer || spec.ipc_peer || spec.network == Network::kPeer) {
    return fail(ErrorCode::kUnsupported, "share a namespace: not known yet");
  }
  return {};
}

}  // namespace

std::uint64_t namespaces_of(const ContainerSpec& spec, const Confinement& confinement) {
  std::uint64_t flags = CLONE_NEWNS;
  if (!confinement.host_user) flags |= CLONE_NEWUSER;
  if (!confinement.host_pid) flags |= CLONE_NEWPID;
  if (!confinement.host_ipc) flags |= CLONE_NEWIPC;
  if (!confinement.host_uts) flags |= CLONE_NEWUTS;
  if (!confinement.host_cgroups) flags |= CLONE_NEWCGROUP;
  if (spec.network != Network::kHost) flags |= CLONE_NEWNET;
  return flags;
}

Result<Confinement> confine(const ContainerSpec& spec, const PowerPolicy& policy) {
  const std::vector<Power> powers = powers_of(spec);
  SLIP_TRY(check_powers(powers, policy));
  Confinement made;
  made.no_new_privileges = spec.isolation.no_new_privileges;
  std::vector<std::string> added;
  for (const Power& power : powers) std::visit(Visitor{made, added}, power);
  made.capabilities = SLIP_TRY(capability_mask(added, spec.isolation.drop_capabilities));
  SLIP_TRY(choose_filter(spec, made));
  SLIP_TRY(check_namespaces(spec, made));
  SLIP_TRY(confine_limits(spec.isolation, made));
  SLIP_TRY(confine_sysctls(spec, made));
  return made;
}

}  // namespace slipway::sandbox
