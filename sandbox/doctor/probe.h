#pragma once

#include <functional>
#include <string>

#include "base/result.h"
#include "sandbox/doctor.h"

namespace slipway::sandbox::doctor {

/// Runs `body` in a forked child, so that namespaces, mounts and filters it makes end with it; killed after five
/// seconds.
/// Its error comes back as text (code and errno are kept).
Status in_child(const std::function<Status()>& body);
/// For a body: a user namespace in which the caller's ids are root; and then more namespaces (CLONE_NEW…).
Status enter_user_namespace(int more_flags);
bool privileged();  ///< Effective root of the machine or of a user namespace.

HostCheck ok(std::string detail);
HostCheck warn(std::string detail, std::string fix);
HostCheck bad(std::string detail, std::string fix);
/// The number in a file below /proc/sys, or -1.
long long setting(const char* path);

// One file each; the names are given by the table in doctor.cc. `state_dir` need not exist.
HostCheck check_kernel(const std::string& state_dir);
HostCheck check_user_namespaces(const std::string& state_dir);
HostCheck check_processes(const std::string& state_dir);
HostCheck check_paths(const std::string& state_dir);
HostCheck check_seccomp(const std::string& state_dir);
HostCheck check_open_files(const std::string& state_dir);
HostCheck check_overlay(const std::string& state_dir);
HostCheck check_user_overlay(const std::string& state_dir);
HostCheck check_shifted_mounts(const std::string& state_dir);
HostCheck check_disk(const std::string& state_dir);
HostCheck check_cgroups(const std::string& state_dir);
HostCheck check_cgroup_kill(const std::string& state_dir);
HostCheck check_pids_limit(const std::string& state_dir);
HostCheck check_memory_limit(const std::string& state_dir);
HostCheck check_cpu_limit(const std::string& state_dir);
HostCheck check_sub_ids(const std::string& state_dir);
HostCheck check_firewall(const std::string& state_dir);
HostCheck check_tun(const std::string& state_dir);
HostCheck check_user_network(const std::string& state_dir);
HostCheck check_joining(const std::string& state_dir);
HostCheck check_pausing(const std::string& state_dir);
HostCheck check_cpuset(const std::string& state_dir);
HostCheck check_disk_rates(const std::string& state_dir);
HostCheck check_device_rules(const std::string& state_dir);
HostCheck check_apparmor(const std::string& state_dir);
HostCheck check_git_library(const std::string& state_dir);

}  // namespace slipway::sandbox::doctor
