// Operations of the two processes: init gives up what it does not need, the command becomes what the spec says.
#include <linux/capability.h>
#include <sys/resource.h>

#include <algorithm>

#include "base/text.h"
#include "sandbox/launch/build_plan.h"

namespace slipway::sandbox {
namespace {

constexpr const char* kDefaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
constexpr rlim64_t kSoftFiles = 1024;  // select(2) breaks beyond; programs raise it themselves.
constexpr rlim64_t kHardFiles = 1'048'576;  // docker's; the kernel's default nr_open.

void move_descriptor(Plan& plan, std::int16_t in, unsigned number) {
  Operation& operation =
      plan.add(OpCode::kMoveDescriptor, "place descriptor " + std::to_string(number));
  operation.in = in;
  operation.mode = number;
}

void install_filter(Plan& plan, const Prepared& prepared) {
  const sock_fprog program = {static_cast<unsigned short>(prepared.filter.size()),
                              const_cast<sock_filter*>(prepared.filter.data())};
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
  install_filter(plan, prepared);
  plan.add(OpCode::kExecInit, "exec init");
}

void set_limit(Plan& plan, int resource, rlim64_t soft, rlim64_t hard, const char* name) {
  struct rlimit64 own {};
  ::getrlimit64(static_cast<__rlimit_resource_t>(resource), &own);
  const rlim64_t bound = std::min(hard, own.rlim_max);
  const struct rlimit64 limit = {std::min(soft, bound), bound};
  Operation& operation = plan.add(OpCode::kSetLimit, std::string("set limit ") + name);
  operation.mode = static_cast<std::uint32_t>(resource);
  operation.data = plan.text(std::string(reinterpret_cast<const char*>(&limit), sizeof limit));
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

void add_ids(Plan& plan, const ContainerSpec& spec, const IdSlot& slot, const Prepared& prepared) {
  const UserIds& user = prepared.user;
  drop_bounding(plan, prepared.capabilities);
  // Without no_new_privs installing a filter needs CAP_SYS_ADMIN, which goes with the ids below.
  if (!spec.no_new_privileges) install_filter(plan, prepared);
  if (slot.map.set_groups) {
    Operation& groups = plan.add(OpCode::kSetGroups, "set groups");
    groups.data = plan.values(user.groups);
    groups.size = user.groups.size();
  }
  Operation& ids = plan.add(
      OpCode::kSetIds, "set user " + std::to_string(user.uid) + ":" + std::to_string(user.gid));
  ids.uid = user.uid;
  ids.gid = user.gid;
  set_capabilities(plan, user.uid == 0 ? prepared.capabilities : 0);
  if (spec.no_new_privileges) plan.add(OpCode::kNoNewPrivileges, "set no_new_privs");
}

}  // namespace

void add_processes(const ContainerSpec& spec, const IdSlot& slot, Prepared& prepared, Plan& plan) {
  plan.add(OpCode::kSpawnCommand, "make process");
  add_init(plan, prepared);
  plan.begin_command();
  add_stdio(plan, spec.process);
  set_limit(plan, RLIMIT_NOFILE, kSoftFiles, kHardFiles, "nofile");
  set_limit(plan, RLIMIT_CORE, 0, RLIM64_INFINITY, "core");
  plan.add(OpCode::kSetUmask, "set umask").mode = 022;
  Operation& cwd =
      plan.add(OpCode::kChangeDirectory, "enter working directory " + spec.process.cwd);
  cwd.path = plan.text(spec.process.cwd);
  cwd.blame = Blame::kJob;
  add_ids(plan, spec, slot, prepared);
  plan.add(OpCode::kAwaitByte, "wait for init").in = kGateRead;
  plan.add(OpCode::kKeepOnly, "close descriptors").mode = 3;
  plan.add(OpCode::kResetSignals, "reset signals");
  if (spec.no_new_privileges) install_filter(plan, prepared);
  add_exec(plan, spec.process);
}

}  // namespace slipway::sandbox
