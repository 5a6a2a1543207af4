// The list of what `runner doctor` looks at, in the order shown. Each check lives in a file of this folder.
#include "sandbox/doctor.h"

#include "sandbox/doctor/probe.h"

namespace slipway::sandbox {
namespace {

using namespace doctor;

struct NamedCheck {
  const char* name;
  HostCheck (*run)(const std::string& state_dir);
};

constexpr NamedCheck kChecks[] = {
    {"kernel", check_kernel},
    {"user namespaces", check_user_namespaces},
    {"subordinate ids", check_sub_ids},
    {"process descriptors", check_processes},
    {"joining containers", check_joining},
    {"path resolution", check_paths},
    {"system call filter", check_seccomp},
    {"overlay", check_overlay},
    {"overlay for users", check_user_overlay},
    {"shifted mounts", check_shifted_mounts},
    {"cgroups", check_cgroups},
    {"cgroup kill", check_cgroup_kill},
    {"pausing", check_pausing},
    {"process limit", check_pids_limit},
    {"memory limit", check_memory_limit},
    {"processor limit", check_cpu_limit},
    {"processor choice", check_cpuset},
    {"disk rates", check_disk_rates},
    {"device rules", check_device_rules},
    {"AppArmor", check_apparmor},
    {"state directory", check_disk},
    {"open files", check_open_files},
    {"libgit2", check_git_library},
    {"firewall", check_firewall},
    {"tun device", check_tun},
    {"user network", check_user_network},
};

}  // namespace

std::vector<HostCheck> examine_host(const std::string& state_dir) {
  std::vector<HostCheck> checks;
  for (const NamedCheck& check : kChecks) {
    checks.push_back(check.run(state_dir));
    checks.back().name = check.name;
  }
  return checks;
}

}  // namespace slipway::sandbox
