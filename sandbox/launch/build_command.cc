// Operations of a process that becomes the job's: session, limits, directory, ids, capabilities, filter, exec.
#include "base/text.h"
#include "sandbox/launch/build_plan.h"

namespace slipway::sandbox {
namespace {

constexpr const char* kDefaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

void set_limits(Plan& plan, const Confinement& confinement) {
  for (const Confinement::Limit& limit : confinement.limits) {
    Operation& operation = plan.add(OpCode::kSetLimit, "set limit " + limit.name);
    operation.mode = static_cast<std::uint32_t>(limit.resource);
    operation.data = plan.values(&limit.value, 1);
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
  exec.data = plan.values(&image, 1);
  exec.blame = Blame::kJob;
}

void add_stdio(Plan& plan, const ProcessSpec& process) {
  plan.add(OpCode::kNewSession, "make session");
  if (process.terminal) {
    plan.add(OpCode::kTakeTerminal, "take terminal");
    for (unsigned number = 0; number < 3; number++) add_move(plan, kSlave, number);
    return;
  }
  add_move(plan, kStdin, 0);
  add_move(plan, kStdout, 1);
  add_move(plan, kStderr, 2);
}

// It takes effect with the exec. Before the ids: only the container's root is sure to reach its /proc.
void add_profile(Plan& plan, const Confinement& confinement) {
  if (confinement.apparmor_profile.empty()) return;
  const std::string text = "exec " + confinement.apparmor_profile;
  Operation& operation =
      plan.add(OpCode::kSetProfile, "use AppArmor profile " + confinement.apparmor_profile);
  operation.data = plan.text(text);
  operation.size = text.size();
  operation.blame = Blame::kJob;
}

void add_ids(Plan& plan, const Command& command) {
  const UserIds& user = command.user;
  add_bounding(plan, command.capabilities);
  // Without no_new_privs installing a filter needs CAP_SYS_ADMIN, which goes with the ids below.
  if (!command.confinement.no_new_privileges) add_filter(plan, command.filter);
  if (command.set_groups) {
    Operation& groups = plan.add(OpCode::kSetGroups, "set groups");
    groups.data = plan.values(user.groups.data(), user.groups.size());
    groups.size = user.groups.size();
  }
  Operation& ids = plan.add(
      OpCode::kSetIds, "set user " + std::to_string(user.uid) + ":" + std::to_string(user.gid));
  ids.uid = user.uid;
  ids.gid = user.gid;
  add_capabilities(plan, user.uid == 0 ? command.capabilities : 0);
  if (command.confinement.no_new_privileges) plan.add(OpCode::kNoNewPrivileges, "set no_new_privs");
}

}  // namespace

void add_move(Plan& plan, std::int16_t in, unsigned number) {
  Operation& operation =
      plan.add(OpCode::kMoveDescriptor, "place descriptor " + std::to_string(number));
  operation.in = in;
  operation.mode = number;
}

void add_filter(Plan& plan, std::span<const sock_filter> filter) {
  if (filter.empty()) return;
  const sock_fprog program = {static_cast<unsigned short>(filter.size()),
                              plan.values(const_cast<sock_filter*>(filter.data()), filter.size())};
  plan.add(OpCode::kInstallFilter, "install seccomp filter").data = plan.values(&program, 1);
}

void add_capabilities(Plan& plan, std::uint64_t mask) {
  plan.add(OpCode::kSetCapabilities, "set capabilities").flags = mask;
}

void add_bounding(Plan& plan, std::uint64_t mask) {
  plan.add(OpCode::kDropBounding, "limit capabilities").flags = mask;
}

void add_terminal_pair(OpCode code, const Terminal& size, const UserIds& user, Plan& plan) {
  struct Window {
    unsigned short rows, columns, x, y;
  };
  const Window window = {size.rows, size.columns, 0, 0};
  Operation& open = plan.add(code, "open terminal");
  open.data = plan.values(&window, 1);
  open.uid = user.uid;
  Operation& send = plan.add(OpCode::kSendDescriptor, "send terminal");
  send.in = kMaster;
  send.mode = static_cast<std::uint32_t>(kSentMaster);
}

void add_command(const Command& command, Plan& plan) {
  const ProcessSpec& process = command.process;
  add_stdio(plan, process);
  set_limits(plan, command.confinement);
  plan.add(OpCode::kSetUmask, "set umask").mode = 022;
  Operation& cwd = plan.add(OpCode::kChangeDirectory, "enter working directory " + process.cwd);
  cwd.path = plan.text(process.cwd);
  cwd.blame = Blame::kJob;
  add_profile(plan, command.confinement);
  add_ids(plan, command);
  if (command.wait_for_init) plan.add(OpCode::kAwaitByte, "wait for init").in = kGateRead;
  plan.add(OpCode::kKeepOnly, "close descriptors").mode = 3;
  plan.add(OpCode::kResetSignals, "reset signals");
  if (command.confinement.no_new_privileges) add_filter(plan, command.filter);
  add_exec(plan, process);
}

}  // namespace slipway::sandbox
