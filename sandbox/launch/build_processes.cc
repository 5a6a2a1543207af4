// Operations of the two processes: init gives up what it does not need, the command becomes what the spec says.
#include <linux/capability.h>

#include "base/text.h"
#include "sandbox/launch/build_plan.h"

namespace slipway::sandbox {
namespace {

constexpr const char* kDefaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

void move_descriptor(Plan& plan, std::int16_t in, unsigned number) {
  Operation& operation =
      plan.add(OpCode::kMoveDescriptor, "place descriptor " + std::to_string(number));
  operation.in = in;
  operation.mode = number;
}

void install_filter(Plan& plan, std::span<const sock_filter> filter) {
  if (filter.empty()) return;
  const sock_fprog program = {static_cast<unsigned short>(filter.size()),
                              const_cast<sock_filter*>(filter.data())};
  plan.add(OpCode::kInstallFilter, "install seccomp filter").data =
      plan.text(std::string(reinterpret_cast<const char*>(&program), sizeof program));
}

void set_capabilities(Plan& plan, std::uint64_t mask) {
  plan.add(OpCode::kSetCapabilities, "set capabilities").flags = mask;
}

void drop_bounding(Plan& plan, std::uint64_t mask) {
  plan.add(OpCode::kDropBounding, "limit capabilities").flags = mask;
}

// The filter is init's, too: container root could ptrace an unfiltered init and act through it.
void add_init(Plan& plan, const Prepared& prepared) {
  constexpr std::uint64_t kForwardSignals = std::uint64_t{1} << CAP_KILL;
  for (unsigned number = 0; number < 3; number++) move_descriptor(plan, kNull, number);
  move_descriptor(plan, kStatus, kInitStatus);
  move_descriptor(plan, kLifeline, kInitLifeline);
  move_descriptor(plan, kGateWrite, kInitGate);
  plan.add(OpCode::kKeepOnly, "close descriptors").mode = kInitGate + 1;
  drop_bounding(plan, kForwardSignals);
  set_capabilities(plan, kForwardSignals);
  plan.add(OpCode::kNoNewPrivileges, "set no_new_privs");
  install_filter(plan, prepared.confinement.filter);
  plan.add(OpCode::kExecInit, "exec init");
}

void set_limits(Plan& plan, const Confinement& confinement) {
  for (const Confinement::Limit& limit : confinement.limits) {
    Operation& operation = plan.add(OpCode::kSetLimit, "set limit " + limit.name);
    operation.mode = static_cast<std::uint32_t>(limit.resource);
    operation.data = plan.values(std::vector<rlimit64>{limit.value});
  }
}

std::string search_path(const std::vector<std::string>& env) {
  for (const std::string& entry : env) {
    if (entry.rfind("PATH=", 0) == 0) return entry.substr(5);
  }
  return kDefaultPath;
}

std::vector<std::string> exec_candidates(const ProcessSpec& process) {
  const std::string& name = process.argv[0];
  if (name.find('/') != std::string::npos) return {name};
  std::vector<std::string> candidates;
  const std::string path = search_path(process.env);
  for (const std::string_view directory : split(path, ':')) {
    if (!directory.empty() && !name.empty())
      candidates.push_back(std::string(directory) + "/" + name);
  }
  return candidates;
}

void add_exec(Plan& plan, const ProcessSpec& process) {
  CommandImage image;
  image.candidates = plan.vector(exec_candidates(process));
  image.argv = plan.vector(process.argv);
  image.env = plan.vector(process.env);
  Operation& exec = plan.add(OpCode::kExecCommand, "exec " + printable(process.argv[0]));
  exec.data = plan.text(std::string(reinterpret_cast<const char*>(&image), sizeof image));
  exec.blame = Blame::kJob;
}

void add_stdio(Plan& plan, const ProcessSpec& process) {
  plan.add(OpCode::kNewSession, "make session");
  if (process.terminal) {
    plan.add(OpCode::kTakeTerminal, "take terminal");
    for (unsigned number = 0; number < 3; number++) move_descriptor(plan, kSlave, number);
    return;
  }
  move_descriptor(plan, kStdin, 0);
  move_descriptor(plan, kStdout, 1);
  move_descriptor(plan, kStderr, 2);
}

void add_ids(Plan& plan, const IdSlot& slot, const Prepared& prepared) {
  const UserIds& user = prepared.user;
  drop_bounding(plan, prepared.confinement.capabilities);
  // Without no_new_privs installing a filter needs CAP_SYS_ADMIN, which goes with the ids below.
  if (!prepared.confinement.no_new_privileges) install_filter(plan, prepared.confinement.filter);
  if (slot.map.set_groups) {
    Operation& groups = plan.add(OpCode::kSetGroups, "set groups");
    groups.data = plan.values(user.groups);
    groups.size = user.groups.size();
  }
  Operation& ids = plan.add(
      OpCode::kSetIds, "set user " + std::to_string(user.uid) + ":" + std::to_string(user.gid));
  ids.uid = user.uid;
  ids.gid = user.gid;
  set_capabilities(plan, user.uid == 0 ? prepared.confinement.capabilities : 0);
  if (prepared.confinement.no_new_privileges)
    plan.add(OpCode::kNoNewPrivileges, "set no_new_privs");
}

}  // namespace

void add_processes(const ContainerSpec& spec, const IdSlot& slot, Prepared& prepared, Plan& plan) {
  plan.add(OpCode::kSpawnCommand, "make process");
  add_init(plan, prepared);
  plan.begin_command();
  add_stdio(plan, spec.process);
  set_limits(plan, prepared.confinement);
  plan.add(OpCode::kSetUmask, "set umask").mode = 022;
  Operation& cwd =
      plan.add(OpCode::kChangeDirectory, "enter working directory " + spec.process.cwd);
  cwd.path = plan.text(spec.process.cwd);
  cwd.blame = Blame::kJob;
  add_ids(plan, slot, prepared);
  plan.add(OpCode::kAwaitByte, "wait for init").in = kGateRead;
  plan.add(OpCode::kKeepOnly, "close descriptors").mode = 3;
  plan.add(OpCode::kResetSignals, "reset signals");
  if (prepared.confinement.no_new_privileges) install_filter(plan, prepared.confinement.filter);
  add_exec(plan, spec.process);
}

}  // namespace slipway::sandbox
