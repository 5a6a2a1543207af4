// Powers to plain values: one visitor, so that what each power opens can be read in one place.
#include "sandbox/policy/confinement.h"

#include <sched.h>
#include <sys/stat.h>

#include <optional>

#include "base/text.h"
#include "sandbox/policy/apparmor.h"
#include "sandbox/policy/seccomp_profile.h"

namespace slipway::sandbox {
namespace {

struct Visitor {
  Confinement& made;
  std::vector<std::string>& added;
  std::vector<std::string>& accesses;

  // Docker's --privileged. The user namespace stays, and with it the machine's devices stay out of reach, unless
  // HostUserNamespace is asked for as well: see check_devices.
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
  void operator()(const power::DeviceAccess& access) { accesses.push_back(access.rule); }
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

// A disk of the machine is the machine: who wants them all says so by two words, as with docker's remapped users.
Status check_devices(const std::vector<std::string>& accesses, Confinement& made) {
  constexpr std::size_t kMostRules = 64;
  if (accesses.size() > kMostRules)
    return fail(ErrorCode::kInvalid, "let use devices: more than 64 rules");
  for (const std::string& text : accesses) {
    const limits::DeviceRules rules = SLIP_TRY(limits::parse_device_rule(text));
    made.device_rules.insert(made.device_rules.end(), rules.begin(), rules.end());
  }
  if (made.every_device && !made.host_user)
    made.warnings.emplace_back(
        "privileged: devices of the machine are not there by themselves; name them (--device), or "
        "take the "
        "machine's users as well (--userns host)");
  return {};
}

Status choose_filter(const ContainerSpec& spec, Confinement& made) {
  if (const auto* custom = find_power<power::CustomSeccomp>(spec)) {
    made.owned = std::make_shared<std::vector<sock_filter>>(
        SLIP_TRY(compile_seccomp_profile(custom->json, made.capabilities)));
    made.filter = *made.owned;
    made.init_filter = SLIP_TRY(seccomp_filter(made.capabilities));
    return {};
  }
  if (find_power<power::UnconfinedSeccomp>(spec) != nullptr ||
      find_power<power::Privileged>(spec) != nullptr) {
    return {};
  }
  made.filter = SLIP_TRY(seccomp_filter(made.capabilities));
  made.init_filter = made.filter;
  return {};
}

Result<ino_t> user_namespace_of(const std::string& process) {
  struct stat found;
  const std::string path = "/proc/" + process + "/ns/user";
  if (::stat(path.c_str(), &found) != 0) return fail_errno("join container: look at " + path);
  return found.st_ino;
}

// A namespace obeys only those who have capabilities in the user namespace that owns it. So who joins one joins that
// as well, and it must be one for all.
Status check_peers(const ContainerSpec& spec, const Confinement& made) {
  const ino_t own = SLIP_TRY(user_namespace_of("self"));
  std::optional<ino_t> common;
  for (const auto* peer : {&spec.pid_peer, &spec.ipc_peer, &spec.network_peer}) {
    if (!*peer) continue;
    const ino_t theirs = SLIP_TRY(user_namespace_of(std::to_string((*peer)->pid)));
    if (common && *common != theirs) {
      return fail(ErrorCode::kUnsupported,
                  "join containers: their namespaces belong to different user namespaces");
    }
    common = theirs;
  }
  if (common && (*common == own) != made.host_user) {
    return fail(ErrorCode::kUnsupported,
                made.host_user
                    ? "join container: it has a user namespace of its own, and this one "
                      "would have the machine's"
                    : "join container: it has the machine's user namespace; that must be "
                      "asked for here as well (--userns host)");
  }
  return {};
}

Status check_namespaces(const ContainerSpec& spec, const Confinement& made) {
  if (made.host_pid && spec.pid_peer)
    return fail(ErrorCode::kInvalid, "share pid namespace: with the machine and with a container");
  if (made.host_ipc && spec.ipc_peer)
    return fail(ErrorCode::kInvalid, "share ipc namespace: with the machine and with a container");
  if ((spec.network == Network::kPeer) != spec.network_peer.has_value())
    return fail(ErrorCode::kInvalid, "share network namespace: no container is named");
  if (made.host_uts && !spec.domainname.empty())
    return fail(ErrorCode::kInvalid, "set domain name: the uts namespace is the machine's");
  return check_peers(spec, made);
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

bool has_peer(const ContainerSpec& spec) {
  return spec.pid_peer || spec.ipc_peer || spec.network_peer;
}

bool owns_pids(const ContainerSpec& spec, const Confinement& confinement) {
  return !confinement.host_pid && !spec.pid_peer;
}

Result<Confinement> confine(const ContainerSpec& spec, const PowerPolicy& policy) {
  const std::vector<Power> powers = powers_of(spec);
  SLIP_TRY(check_powers(powers, policy));
  Confinement made;
  made.no_new_privileges = spec.isolation.no_new_privileges;
  std::vector<std::string> added;
  std::vector<std::string> accesses;
  for (const Power& power : powers) std::visit(Visitor{made, added, accesses}, power);
  SLIP_TRY(check_devices(accesses, made));
  made.capabilities = SLIP_TRY(capability_mask(added, spec.isolation.drop_capabilities));
  // Not enforcing a profile that was asked for would be worse than refusing.
  SLIP_TRY(check_apparmor(spec.isolation.apparmor_profile));
  if (spec.isolation.apparmor_profile != "unconfined")
    made.apparmor_profile = spec.isolation.apparmor_profile;
  SLIP_TRY(choose_filter(spec, made));
  SLIP_TRY(check_namespaces(spec, made));
  SLIP_TRY(confine_limits(spec.isolation, made));
  SLIP_TRY(confine_sysctls(spec, made));
  return made;
}

}  // namespace slipway::sandbox
