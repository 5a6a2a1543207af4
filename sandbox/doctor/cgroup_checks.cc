// Checks of cgroups: which version, and each limit by really setting one.
#include <fcntl.h>
#include <unistd.h>

#include "base/random.h"
#include "base/text.h"
#include "sandbox/doctor/probe.h"
#include "sandbox/limits/cgroup.h"
#include "sandbox/limits/hierarchies.h"
#include "sandbox/limits/v2/delegation.h"

namespace slipway::sandbox::doctor {
namespace {

// Version 1 has no safe way to give a part of the tree to a user.
std::string delegation_fix() {
  if (limits::find_hierarchies().v1.empty()) return limits::kDelegationHint;
  return "run as root, or boot with systemd.unified_cgroup_hierarchy=1";
}

// Limits that are wanted but not enforced show up as a notice that begins with the resource's name.
HostCheck check_limit(const Limits& wanted, const std::string& resource, const std::string& done) {
  const auto manager = CgroupManager::open();
  const auto group = manager->create("doctor-" + random_hex(4), wanted);
  const std::string fix =
      privileged() ? "boot with systemd.unified_cgroup_hierarchy=1, or mount the controller"
                   : delegation_fix();
  if (!group) return warn(group.error().text(), fix);
  for (const std::string& notice : manager->notices()) {
    if (notice.rfind(resource, 0) == 0) return warn(notice, fix);
  }
  return ok(done);
}

}  // namespace

HostCheck check_cgroups(const std::string&) {
  const limits::Hierarchies found = limits::find_hierarchies();
  if (found.v1.empty() && !found.unified) {
    return warn("not mounted: no limits, ended jobs are killed through their pid namespace only",
                "mount -t cgroup2 none /sys/fs/cgroup");
  }
  std::vector<std::string> names;
  for (const auto& [name, hierarchy] : found.v1) {
    if (name.rfind("name=", 0) != 0) names.push_back(name);
  }
  if (names.empty()) return ok("version 2 at " + found.unified->mount);
  return ok((found.unified ? "hybrid, version 1 for " : "version 1: ") + join(names, ", "));
}

HostCheck check_cgroup_kill(const std::string&) {
  const auto manager = CgroupManager::open();
  const auto group = manager->create("doctor-" + random_hex(4), {});
  if (group && (*group)->clone_fd() >= 0 &&
      ::faccessat((*group)->clone_fd(), "cgroup.kill", W_OK, 0) == 0) {
    return ok("a whole container dies by one write");
  }
  return warn(
      "not available: members are killed one by one",
      privileged() ? "install Linux 5.14 or newer and mount the unified tree" : delegation_fix());
}

HostCheck check_pids_limit(const std::string&) {
  return check_limit({}, "limits on the number of processes", "enforced, 4096 by default");
}

HostCheck check_memory_limit(const std::string&) {
  Limits wanted;
  wanted.memory = 64_MiB;
  return check_limit(wanted, "memory limits", "enforced, kills are reported");
}

HostCheck check_cpu_limit(const std::string&) {
  Limits wanted;
  wanted.cpus = 1;
  return check_limit(wanted, "processor limits", "enforced");
}

}  // namespace slipway::sandbox::doctor
