// The table of contents of a launch: who the container is before it has any file.
#include "sandbox/launch/build_plan.h"

namespace slipway::sandbox {
namespace {

// While it may share the engine's memory: as little as possible.
void add_entrance(const IdSlot& slot, int cgroups, Plan& plan) {
  plan.add(OpCode::kCloseOthers, "close descriptors");
  for (int i = 0; i < cgroups; i++) {
    plan.add(OpCode::kJoinCgroup, "join cgroup").in = static_cast<std::int16_t>(kFirstCgroup + i);
  }
  plan.add(OpCode::kAwaitByte, "wait for the engine").in = kParentGate;
  plan.add(OpCode::kJoinKeyring, "join session keyring");
  plan.add(OpCode::kBecomeRoot, "become container root").flags = slot.map.set_groups ? 1 : 0;
}

void add_identity(const ContainerSpec& spec, Plan& plan) {
  plan.add(OpCode::kUnshareCgroup, "make cgroup namespace");
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
  if (spec.network == Network::kNone) plan.add(OpCode::kLoopbackUp, "bring up loopback");
}

}  // namespace

Status build_plan(const ContainerSpec& spec, const IdSlot& slot, Prepared& prepared, int cgroups,
                  Plan& plan) {
  add_entrance(slot, cgroups, plan);
  SLIP_TRY(plan.begin_image());
  add_identity(spec, plan);
  add_root(spec, prepared, plan);
  add_devices(spec, slot, plan);
  add_mounts(spec, prepared, plan);
  add_processes(spec, slot, prepared, plan);
  return {};
}

}  // namespace slipway::sandbox
