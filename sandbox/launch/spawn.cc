// Starting a container: pipes, clone3, id maps, and what went wrong in words.
#include "sandbox/launch/spawn.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/socket.h>

#include "base/files.h"
#include "base/sys.h"
#include "sandbox/launch/build_plan.h"
#include "sandbox/launch/process.h"

namespace slipway::sandbox {
namespace {

// The engine's ends; the child's are owned by the plan.
struct Links {
  Fd report;
  Fd gate;
  Fd status;
  Fd lifeline;
  Fd socket;
};

Status place_peers(const ContainerSpec& spec, Plan& plan) {
  const std::pair<const std::optional<Peer>&, std::int16_t> peers[] = {
      {spec.pid_peer, kTarget}, {spec.ipc_peer, kTarget2}, {spec.network_peer, kTarget3}};
  for (const auto& [peer, place] : peers) {
    if (peer) SLIP_TRY(plan.own_high(place, peer->pidfd));
  }
  return {};
}

// Without a pid namespace of its own a container is ended by its cgroup, also when the engine is gone.
Status place_kill_switch(const Cgroup& cgroup, Plan& plan) {
  Fd file;
  if (cgroup.clone_fd() >= 0)
    file = Fd(::openat(cgroup.clone_fd(), "cgroup.kill", O_WRONLY | O_CLOEXEC));
  if (!file) {
    return fail(ErrorCode::kUnsupported,
                "share pid namespace: no cgroup.kill here to end the container with (it needs "
                "Linux 5.14 and a unified cgroup tree that is ours to write)");
  }
  return plan.own_high(kCgroupKill, file.get());
}

Result<Links> make_links(const ContainerSpec& spec, const IdSlot& slot, const UserIds& user,
                         const Cgroup& cgroup, Plan& plan) {
  Links links;
  SLIP_TRY(place_peers(spec, plan));
  links.report = SLIP_TRY(pipe_from_child(plan, kReport));
  links.gate = SLIP_TRY(socket_to_child(plan, kParentGate));
  links.status = SLIP_TRY(pipe_from_child(plan, kStatus));
  links.lifeline = SLIP_TRY(pipe_to_child(plan, kLifeline));
  sys::Pipe between = SLIP_TRY(sys::make_pipe());
  SLIP_TRY(plan.own_high(kGateRead, between.read.get()));
  SLIP_TRY(plan.own_high(kGateWrite, between.write.get()));
  place_cgroups(cgroup, plan);
  if (spec.process.terminal) links.socket = SLIP_TRY(socket_to_child(plan, kSocket));
  SLIP_TRY(place_stdio(spec.process, slot, user, plan));
  return links;
}

Status set_up_network(const ContainerSpec& spec, pid_t pid) {
  if (!spec.network_setup || spec.network != Network::kNone) return {};
  const Fd space = SLIP_TRY(open_file("/proc/" + std::to_string(pid) + "/ns/net", O_RDONLY));
  return spec.network_setup(space.get());
}

// What the child waits for at its gate.
Status furnish(const ContainerSpec& spec, const Confinement& confinement, const Child& child,
               const IdSlot& slot) {
  if (!confinement.host_user && !has_peer(spec))
    SLIP_TRY_WITHIN("map ids of container", write_id_map(child.pid, slot.map));
  if (spec.limits.oom_score_adj) {
    SLIP_TRY_WITHIN("set oom score",
                    write_control_file("/proc/" + std::to_string(child.pid) + "/oom_score_adj",
                                       std::to_string(*spec.limits.oom_score_adj)));
  }
  return set_up_network(spec, child.pid);
}

// From clone to the report's end. A child that failed early has said why in its report, so that comes first.
Result<std::optional<LaunchFailure>> drive(const ContainerSpec& spec,
                                           const Confinement& confinement, const Child& child,
                                           const IdSlot& slot, Links& links) {
  Status furnished = furnish(spec, confinement, child, slot);
  if (!furnished) (void)sys::pidfd_signal(child.pidfd.get(), SIGKILL);
  const bool released = furnished && ::send(links.gate.get(), "x", 1, MSG_NOSIGNAL) == 1;
  auto report = SLIP_TRY(read_report(links.report.get()));
  if (report) return report;
  if (!furnished) return fail(std::move(furnished).error());
  if (!released) return fail(ErrorCode::kInternal, "start process: it died before its first step");
  return report;
}

// The process that went ahead into the peers' namespaces names the container's.
Result<std::optional<LaunchFailure>> follow(Links& links, Child& child) {
  const auto report = SLIP_TRY(read_report(links.report.get()));
  if (report && report->operation != kPidReport) return report;
  if (!report) return fail(ErrorCode::kInternal, "join namespaces: the process died");
  Fd pidfd = SLIP_TRY(sys::pidfd_open(report->error));  // Our child, so the pid is still its own.
  const Child ahead = std::exchange(child, Child{report->error, std::move(pidfd)});
  end_child(ahead);
  return std::nullopt;
}

}  // namespace

Result<Launched> spawn(const ContainerSpec& spec, const IdSlot& slot, const Prepared& prepared,
                       const Cgroup& cgroup, Plan& plan) {
  Links links = SLIP_TRY(make_links(spec, slot, prepared.user, cgroup, plan));
  const Confinement& confinement = prepared.confinement;
  if (!owns_pids(spec, confinement)) SLIP_TRY(place_kill_switch(cgroup, plan));
  const ChildStack stack = SLIP_TRY(ChildStack::make());
  LaunchTable* table = SLIP_TRY(plan.seal());
  // The cgroup namespace comes later: its root is where its maker is, and the child joins its cgroup after clone.
  const std::uint64_t flags =
      has_peer(spec) ? 0 : namespaces_of(spec, confinement) & ~std::uint64_t{CLONE_NEWCGROUP};
  Child child =
      SLIP_TRY(clone_child(flags, best_memory(spec.limits.oom_score_adj), cgroup, stack, *table));
  plan.release_descriptors();  // The child has copies; a report pipe that we hold open never ends.
  auto report =
      has_peer(spec) ? follow(links, child) : Result<std::optional<LaunchFailure>>(std::nullopt);
  if (report && !report->has_value()) report = drive(spec, confinement, child, slot, links);
  Launched launched;
  if (!report || report->has_value()) {
    end_child(child);  // Before the plan's memory goes.
    if (!report) return fail(std::move(report).error());
    launched.failed = job_failure(plan, **report);
    if (!launched.failed) return fail(engine_error(plan, **report));
    return launched;
  }
  if (spec.process.terminal) {
    auto master = receive_descriptor(links.socket.get());
    if (!master) {
      end_child(child);
      return fail(std::move(master).error().within("receive terminal"));
    }
    launched.master = std::move(master->second);
  }
  launched.pid = child.pid;
  launched.pidfd = std::move(child.pidfd);
  launched.status = std::move(links.status);
  launched.lifeline = std::move(links.lifeline);
  return launched;
}

}  // namespace slipway::sandbox
