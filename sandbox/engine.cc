// The engine's door: one store, its id ranges and cgroups, and starting containers on them.
#include "sandbox/engine.h"

#include "base/files.h"
#include "sandbox/ids/engine_namespaces.h"
#include "sandbox/ids/id_slots.h"
#include "sandbox/launch/build_plan.h"
#include "sandbox/launch/prepare.h"
#include "sandbox/launch/spawn.h"
#include "sandbox/limits/cgroup.h"
#include "sandbox/supervise/container.h"

namespace slipway::sandbox {
namespace {

class LocalEngine final : public Engine {
 public:
  LocalEngine(std::unique_ptr<CgroupManager> cgroups, std::unique_ptr<IdSlots> slots,
              std::vector<std::string> notices, PowerPolicy policy)
      : cgroups_(std::move(cgroups)),
        slots_(std::move(slots)),
        notices_(std::move(notices)),
        policy_(std::move(policy)) {}

  Result<std::unique_ptr<Container>> start(const ContainerSpec& spec) override {
    auto started = launch(spec);
    if (!started) return fail(std::move(started).error().within("start container " + spec.name));
    return started;
  }

  std::vector<std::string> notices() const override {
    std::vector<std::string> all = notices_;
    all.insert(all.end(), cgroups_->notices().begin(), cgroups_->notices().end());
    return all;
  }

 private:
  Result<std::unique_ptr<Container>> launch(const ContainerSpec& spec);
  Result<IdSlots::Lease> choose_ids(const ContainerSpec& spec, const Confinement& confinement) {
    if (confinement.host_user) return slots_->host();
    for (const auto* peer : {&spec.pid_peer, &spec.ipc_peer, &spec.network_peer}) {
      if (*peer) return slots_->share((*peer)->pid);
    }
    return slots_->acquire();
  }

  std::unique_ptr<CgroupManager> cgroups_;
  std::unique_ptr<IdSlots> slots_;
  std::vector<std::string> notices_;
  PowerPolicy policy_;
};

Launched never_ran(const Error& error) {
  Launched launched;
  Outcome& outcome = launched.failed.emplace();
  outcome.kind = Outcome::Kind::kSetupFailed;
  outcome.cause = Outcome::SetupCause::kOther;
  outcome.reason = error.text();
  return launched;
}

Result<std::unique_ptr<Container>> LocalEngine::launch(const ContainerSpec& spec) {
  const MonoTime started = std::chrono::steady_clock::now();
  Confinement confinement = SLIP_TRY(confine(spec, policy_));
  IdSlots::Lease slot = SLIP_TRY(choose_ids(spec, confinement));
  Prepared prepared = SLIP_TRY(prepare(spec, *slot, std::move(confinement)));
  if (Status user = prepare_user(spec, *slot, prepared); !user) {
    return supervise({never_ran(user.error()), nullptr, std::move(slot), started, {}, 0, {}, true});
  }
  std::unique_ptr<Cgroup> cgroup = SLIP_TRY(cgroups_->create(
      spec.name, spec.limits, spec.count_usage ? Counting::kAll : Counting::kWhatIsLimited,
      prepared.devices.restricted ? &prepared.devices.rules : nullptr));
  const std::unique_ptr<Plan> plan = SLIP_TRY(Plan::make());
  SLIP_TRY(build_plan(spec, *slot, prepared, static_cast<int>(cgroup->procs_fds().size()), *plan));
  Launched launched = SLIP_TRY(spawn(spec, *slot, prepared, *cgroup, *plan));
  const bool owned = owns_pids(spec, prepared.confinement);
  std::vector<std::string>& warnings = prepared.confinement.warnings;
  warnings.insert(warnings.end(), cgroup->warnings().begin(), cgroup->warnings().end());
  return supervise({std::move(launched), std::move(cgroup), std::move(slot), started,
                    std::move(prepared.confinement), namespaces_of(spec, prepared.confinement),
                    spec.limits.oom_score_adj, owned});
}

}  // namespace

Result<std::unique_ptr<Engine>> Engine::open(const EngineOptions& options) {
  const EngineNamespaces namespaces = SLIP_TRY(engine_namespaces());
  if (options.store_root.empty() || options.store_root[0] != '/') {
    return fail(ErrorCode::kInvalid,
                "open engine: store \"" + options.store_root + "\" is not an absolute path");
  }
  auto slots = SLIP_TRY_WITHIN("open engine", IdSlots::open(options.store_root));
  auto cgroups = CgroupManager::open();
  cgroups->reap_orphans();
  return std::make_unique<LocalEngine>(std::move(cgroups), std::move(slots), namespaces.notices,
                                       options.policy);
}

}  // namespace slipway::sandbox
