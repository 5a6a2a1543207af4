// Putting a process into a running container. The container is hostile: what enters is a program from a sealed memfd
// that holds nothing of the engine but the descriptors of this exec, and that nobody inside can look into or steer.
#include "sandbox/launch/exec.h"

#include <linux/capability.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/socket.h>

#include "base/files.h"
#include "base/sys.h"
#include "base/text.h"
#include "sandbox/launch/build_plan.h"
#include "sandbox/launch/process.h"

namespace slipway::sandbox {
namespace {

constexpr std::chrono::seconds kPatience{10};

struct Links {
  Fd report;
  Fd gate;
  Fd status;
  Fd socket;
};

Result<Links> make_links(const ExecSpec& spec, const ExecTarget& target, const UserIds& user,
                         Plan& plan) {
  Links links;
  links.report = SLIP_TRY(pipe_from_child(plan, kReport));
  links.status = SLIP_TRY(pipe_from_child(plan, kStatus));
  links.gate = SLIP_TRY(socket_to_child(plan, kParentGate));
  links.socket = SLIP_TRY(socket_to_child(plan, kSocket));
  SLIP_TRY(plan.own_high(kTarget, target.pidfd));
  place_cgroups(target.cgroup, plan);
  SLIP_TRY(place_stdio(spec.process, target.slot, user, plan));
  return links;
}

// The minder holds on to nothing but the pipe that it reports through.
void add_minder(Plan& plan, const ExecTarget& target) {
  Operation& send = plan.add(OpCode::kSendDescriptor, "send process");
  send.in = kChild;
  send.mode = static_cast<std::uint32_t>(kSentPidfd);
  plan.add(OpCode::kReportPid, "report process");
  for (unsigned number = 0; number < 3; number++) add_move(plan, kNull, number);
  add_move(plan, kStatus, kInitStatus);
  plan.add(OpCode::kCloseFrom, "close descriptors").mode = kInitStatus + 1;
  add_bounding(plan, 0);
  add_capabilities(plan, 0);
  plan.add(OpCode::kNoNewPrivileges, "set no_new_privs");
  add_filter(plan, target.confinement.init_filter);
  plan.add(OpCode::kMind, "mind process");
}

Status add_operations(const ExecSpec& spec, const ExecTarget& target, const UserIds& user,
                      Plan& plan) {
  plan.add(OpCode::kCloseOthers, "close descriptors");
  for (std::size_t i = 0; i < target.cgroup.procs_fds().size(); i++) {
    plan.add(OpCode::kJoinCgroup, "join cgroup").in = static_cast<std::int16_t>(kFirstCgroup + i);
  }
  plan.add(OpCode::kAwaitByte, "wait for the engine").in = kParentGate;
  plan.add(OpCode::kJoinKeyring, "join session keyring");
  SLIP_TRY(plan.begin_image());
  Operation& enter = plan.add(OpCode::kEnter, "enter container");
  enter.in = kTarget;
  enter.flags = target.namespaces;
  const std::size_t spawn = plan.size();
  plan.add(OpCode::kSpawn, "make process");
  add_minder(plan, target);
  plan.at(spawn).size = plan.size();
  const bool set_groups = target.slot.map.set_groups;
  plan.add(OpCode::kBecomeRoot, "become container root").flags = set_groups ? 1 : 0;
  if (spec.process.terminal)
    add_terminal_pair(OpCode::kOpenPts, *spec.process.terminal, user, plan);
  const Confinement& confinement = target.confinement;
  const std::uint64_t all = SLIP_TRY(capability_mask({"ALL"}, {}));
  Command command{.process = spec.process, .user = user, .confinement = confinement};
  command.capabilities = spec.privileged ? all : confinement.capabilities;
  command.filter = confinement.filter;
  // The engine's own filter depends on the capabilities; a custom one does not.
  const bool own_filter = confinement.filter.data() == confinement.init_filter.data();
  if (spec.privileged && own_filter && !confinement.filter.empty())
    command.filter = SLIP_TRY(seccomp_filter(all));
  command.set_groups = set_groups;
  add_command(command, plan);
  return {};
}

struct Told {
  pid_t pid = -1;
  std::optional<LaunchFailure> failure;
};

// Until every process runs its own program.
Result<Told> hear(int report) {
  const MonoTime deadline = std::chrono::steady_clock::now() + kPatience;
  Told told;
  for (;;) {
    if (!SLIP_TRY(sys::wait_readable(report, deadline))) {
      return fail(ErrorCode::kUnavailable,
                  "start process: it does not get to its program (stopped by the container?)");
    }
    const std::optional<LaunchFailure> record = SLIP_TRY(read_report(report));
    if (!record) return told;
    if (record->operation == kPidReport) {
      told.pid = record->error;
    } else if (!told.failure) {
      told.failure = record;
    }
  }
}

Result<Told> drive(const ExecTarget& target, const Child& minder, Links& links, Plan& plan) {
  Status scored;
  if (target.oom_score_adj) {
    scored = write_control_file("/proc/" + std::to_string(minder.pid) + "/oom_score_adj",
                                std::to_string(*target.oom_score_adj));
  }
  plan.release_descriptors();
  if (!scored) return fail(std::move(scored).error().within("set oom score"));
  (void)!::send(links.gate.get(), "x", 1, MSG_NOSIGNAL);
  return hear(links.report.get());
}

Status receive_all(const ExecSpec& spec, int socket, LaunchedExec& launched) {
  const int wanted = spec.process.terminal ? 2 : 1;
  for (int i = 0; i < wanted; i++) {
    auto [letter, descriptor] = SLIP_TRY(receive_descriptor(socket));
    (letter == kSentMaster ? launched.master : launched.pidfd) = std::move(descriptor);
  }
  if (launched.pidfd && (launched.master || !spec.process.terminal)) return {};
  return fail(ErrorCode::kInternal, "start process: a descriptor is missing");
}

Status check_process(const ProcessSpec& process) {
  if (process.argv.empty()) return fail(ErrorCode::kInvalid, "exec: no command");
  if (process.cwd.empty() || process.cwd[0] != '/') {
    return fail(ErrorCode::kInvalid,
                "exec: working directory \"" + printable(process.cwd) + "\" is not absolute");
  }
  return {};
}

LaunchedExec never_ran(std::string reason) {
  LaunchedExec launched;
  Outcome& outcome = launched.failed.emplace();
  outcome.kind = Outcome::Kind::kSetupFailed;
  outcome.cause = Outcome::SetupCause::kOther;
  outcome.reason = std::move(reason);
  return launched;
}

}  // namespace

Result<LaunchedExec> spawn_exec(const ExecSpec& spec, const ExecTarget& target) {
  SLIP_TRY(check_process(spec.process));
  const auto user = look_up_process_user(target.root, spec.process.user, {}, target.slot.map);
  if (!user) return never_ran(user.error().text());
  const std::unique_ptr<Plan> plan = SLIP_TRY(Plan::make());
  SLIP_TRY(add_operations(spec, target, *user, *plan));
  Links links = SLIP_TRY(make_links(spec, target, *user, *plan));
  const ChildStack stack = SLIP_TRY(ChildStack::make());
  LaunchTable* table = SLIP_TRY(plan->seal());
  const Memory memory = best_memory(target.oom_score_adj);
  Child minder = SLIP_TRY(clone_child(0, memory, target.cgroup, stack, *table));
  auto told = drive(target, minder, links, *plan);
  LaunchedExec launched;
  Status received = told ? Status{} : fail(std::move(told).error());
  if (received && !told->failure) received = receive_all(spec, links.socket.get(), launched);
  if (!received || told->failure) {
    if (told && told->pid > 0 && launched.pidfd)
      (void)sys::pidfd_signal(launched.pidfd.get(), SIGKILL);
    end_child(minder);  // Before the plan's memory goes.
    if (!received) return fail(std::move(received).error());
    launched.failed = job_failure(*plan, *told->failure);
    if (!launched.failed) return fail(engine_error(*plan, *told->failure));
    return launched;
  }
  launched.pid = told->pid;
  launched.minder = std::move(minder.pidfd);
  launched.status = std::move(links.status);
  return launched;
}

}  // namespace slipway::sandbox
