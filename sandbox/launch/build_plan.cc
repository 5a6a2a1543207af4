// The table of contents of a launch: who the container is before it has any file.
#include "sandbox/launch/build_plan.h"

#include <sched.h>

#include <tuple>

namespace slipway::sandbox {
namespace {

void add_cgroups(int cgroups, Plan& plan) {
  for (int i = 0; i < cgroups; i++) {
    plan.add(OpCode::kJoinCgroup, "join cgroup").in = static_cast<std::int16_t>(kFirstCgroup + i);
  }
}

void add_gate(const IdSlot& slot, Plan& plan) {
  plan.add(OpCode::kAwaitByte, "wait for the engine").in = kParentGate;
  plan.add(OpCode::kBecomeRoot, "become container root").flags = slot.map.set_groups ? 1 : 0;
}

// While it may share the engine's memory: as little as possible.
Status add_entrance(const IdSlot& slot, int cgroups, Plan& plan) {
  plan.add(OpCode::kCloseOthers, "close descriptors");
  add_cgroups(cgroups, plan);
  plan.add(OpCode::kJoinKeyring, "join session keyring");
  add_gate(slot, plan);
  return plan.begin_image();
}

// Whose namespaces are joined can be hostile: what enters them is a program that nobody in there can trace. The
// container's process is a child of it, because a pid namespace is entered only by being born there; the engine is its
// parent nevertheless.
Status add_entrance_by_peers(const ContainerSpec& spec, const IdSlot& slot,
                             const Confinement& confinement, int cgroups, Plan& plan) {
  plan.add(OpCode::kCloseOthers, "close descriptors");
  add_cgroups(cgroups, plan);
  plan.add(OpCode::kJoinKeyring, "join session keyring");
  SLIP_TRY(plan.begin_image());
  std::uint64_t user = confinement.host_user ? 0 : CLONE_NEWUSER;
  const std::tuple<const std::optional<Peer>&, std::int16_t, std::uint64_t> peers[] = {
      {spec.pid_peer, kTarget, CLONE_NEWPID},
      {spec.ipc_peer, kTarget2, CLONE_NEWIPC},
      {spec.network_peer, kTarget3, CLONE_NEWNET}};
  std::uint64_t joined = CLONE_NEWUSER | CLONE_NEWCGROUP;
  for (const auto& [peer, place, kind] : peers) {
    if (!peer) continue;
    Operation& enter = plan.add(OpCode::kEnter, "join namespaces of a container");
    enter.in = place;
    enter.flags = kind | std::exchange(user, 0);
    joined |= kind;
  }
  const std::size_t spawn = plan.size();
  Operation& born = plan.add(OpCode::kSpawn, "make namespaces");
  born.flags = (namespaces_of(spec, confinement) & ~joined) | CLONE_PARENT;
  plan.add(OpCode::kReportPid, "report process");
  plan.add(OpCode::kExit, "exit");
  plan.at(spawn).size = plan.size();
  add_gate(slot, plan);
  return {};
}

void add_hostname(const ContainerSpec& spec, Plan& plan) {
  Operation& hostname = plan.add(OpCode::kSetHostname, "set host name " + spec.hostname);
  hostname.data = plan.text(spec.hostname);
  hostname.size = spec.hostname.size();
  hostname.blame = Blame::kJob;
  if (!spec.domainname.empty()) {
    Operation& domain = plan.add(OpCode::kSetDomainname, "set domain name " + spec.domainname);
    domain.data = plan.text(spec.domainname);
    domain.size = spec.domainname.size();
    domain.blame = Blame::kJob;
  }
}

void add_identity(const ContainerSpec& spec, const Confinement& confinement, Plan& plan) {
  if (!confinement.host_cgroups) plan.add(OpCode::kUnshareCgroup, "make cgroup namespace");
  if (!confinement.host_uts) add_hostname(spec, plan);
  if (!owns_pids(spec, confinement)) plan.add(OpCode::kSubreaper, "adopt orphans");
  if (spec.network == Network::kNone) plan.add(OpCode::kLoopbackUp, "bring up loopback");
}

}  // namespace

Status build_plan(const ContainerSpec& spec, const IdSlot& slot, Prepared& prepared, int cgroups,
                  Plan& plan) {
  const Confinement& confinement = prepared.confinement;
  SLIP_TRY(has_peer(spec) ? add_entrance_by_peers(spec, slot, confinement, cgroups, plan)
                          : add_entrance(slot, cgroups, plan));
  add_identity(spec, confinement, plan);
  add_root(spec, prepared, plan);
  add_devices(spec, slot, prepared, plan);
  add_mounts(spec, prepared, plan);
  add_processes(spec, slot, prepared, plan);
  return {};
}

}  // namespace slipway::sandbox
