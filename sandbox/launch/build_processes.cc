// Operations of a container's two processes: init gives up what it does not need, the command becomes what the spec
// says.
#include <linux/capability.h>

#include "sandbox/launch/build_plan.h"

namespace slipway::sandbox {
namespace {

// The filter is init's, too: container root could ptrace an unfiltered init and act through it. A filter that the spec
// brought may forbid what init needs, so init has the engine's own then and cannot be traced at all.
void add_init(Plan& plan, const Prepared& prepared, bool owns) {
  constexpr std::uint64_t kForwardSignals = std::uint64_t{1} << CAP_KILL;
  const Confinement& confinement = prepared.confinement;
  for (unsigned number = 0; number < 3; number++) add_move(plan, kNull, number);
  add_move(plan, kStatus, kInitStatus);
  add_move(plan, kLifeline, kInitLifeline);
  add_move(plan, kGateWrite, kInitGate);
  if (!owns) add_move(plan, kCgroupKill, kInitKill);
  plan.add(OpCode::kCloseFrom, "close descriptors").mode = (owns ? kInitGate : kInitKill) + 1;
  add_bounding(plan, kForwardSignals);
  add_capabilities(plan, kForwardSignals);
  plan.add(OpCode::kNoNewPrivileges, "set no_new_privs");
  add_filter(plan, confinement.init_filter);
  const bool same = confinement.filter.data() == confinement.init_filter.data();
  plan.add(OpCode::kServe, "serve as init").flags = same && owns ? 1 : 0;
}

}  // namespace

void add_processes(const ContainerSpec& spec, const IdSlot& slot, const Prepared& prepared,
                   Plan& plan) {
  const std::size_t spawn = plan.size();
  plan.add(OpCode::kSpawn, "make process").mode = 1;
  add_init(plan, prepared, owns_pids(spec, prepared.confinement));
  plan.at(spawn).size = plan.size();
  add_command({.process = spec.process,
               .user = prepared.user,
               .confinement = prepared.confinement,
               .capabilities = prepared.confinement.capabilities,
               .filter = prepared.confinement.filter,
               .set_groups = slot.map.set_groups,
               .wait_for_init = true},
              plan);
}

}  // namespace slipway::sandbox
