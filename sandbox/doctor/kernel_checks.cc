// Checks of the kernel itself: version, namespaces, and the system calls that everything stands on.
#include <dlfcn.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>

#include "base/files.h"
#include "base/sys.h"
#include "sandbox/doctor/probe.h"
#include "sandbox/policy/profile.h"

namespace slipway::sandbox::doctor {
namespace {

struct KernelVersion {
  int major = 0;
  int minor = 0;
  auto operator<=>(const KernelVersion&) const = default;
};
// Linux 5.12: mount_setattr(2). Linux 5.19: id-mapped lower layers of overlays.
constexpr KernelVersion kNeeded{5, 12};
constexpr KernelVersion kForRoot{5, 19};

constexpr char kNamespaceLimit[] = "/proc/sys/user/max_user_namespaces";

// The first switch that forbids user namespaces to ordinary users, and how to turn it.
std::string namespace_switch() {
  if (setting(kNamespaceLimit) == 0) return "sysctl -w user.max_user_namespaces=15000";
  if (setting("/proc/sys/kernel/unprivileged_userns_clone") == 0) {
    return "sysctl -w kernel.unprivileged_userns_clone=1";
  }
  if (setting("/proc/sys/kernel/apparmor_restrict_unprivileged_userns") > 0) {
    return "sysctl -w kernel.apparmor_restrict_unprivileged_userns=0";
  }
  return "";
}

Status try_filter() {
  const auto program = SLIP_TRY(seccomp_filter(kDefaultCapabilities));
  const sock_fprog prog{static_cast<unsigned short>(program.size()),
                        const_cast<sock_filter*>(program.data())};
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return fail_errno("set no_new_privs");
  if (::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_SPEC_ALLOW, &prog) != 0) {
    return fail_errno("install filter");
  }
  if (::syscall(SYS_keyctl, 0, 0, 0) >= 0 || errno != EPERM) {
    return fail(ErrorCode::kUnsupported, "filter lets a forbidden call pass");
  }
  return {};
}

Status try_clone3() {
  int pidfd = -1;
  clone_args args{};
  args.flags = CLONE_PIDFD;
  args.pidfd = reinterpret_cast<std::uintptr_t>(&pidfd);
  args.exit_signal = SIGCHLD;
  const long pid = ::syscall(SYS_clone3, &args, sizeof args);
  if (pid < 0) return fail_errno("clone3");
  if (pid == 0) ::_exit(7);
  const Fd owner(pidfd);
  const auto exit = SLIP_TRY(sys::wait_pidfd(owner.get()));
  return exit.code == 7 ? Status{} : fail(ErrorCode::kInternal, "clone3: wrong exit status");
}

}  // namespace

HostCheck check_kernel(const std::string&) {
  utsname name{};
  ::uname(&name);
  KernelVersion version;
  if (std::sscanf(name.release, "%d.%d", &version.major, &version.minor) != 2) {
    return warn(std::string("cannot read version ") + name.release, "");
  }
  const std::string detail = std::string("Linux ") + name.release + " " + name.machine;
  if (version < kNeeded) return bad(detail, "install Linux 5.12 or newer (6.1 in Debian 12)");
  if (version < kForRoot && privileged()) {
    return warn(detail + ": overlays over shifted layers need 5.19",
                "install Linux 5.19 or newer (6.1 in Debian 12)");
  }
  return ok(detail);
}

HostCheck check_user_namespaces(const std::string&) {
  const std::string fix = namespace_switch();
  const auto made = in_child([] {
    return enter_user_namespace(CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC |
                                CLONE_NEWUTS | CLONE_NEWCGROUP);
  });
  if (!made) {
    return bad(made.error().text(), fix.empty() ? "sysctl -w user.max_user_namespaces=15000" : fix);
  }
  const std::string limit = "at most " + std::to_string(setting(kNamespaceLimit));
  if (!fix.empty()) return warn("for root only, forbidden to ordinary users", fix);
  return ok(limit);
}

HostCheck check_processes(const std::string&) {
  const auto tried = in_child(try_clone3);
  return tried ? ok("clone3 and pidfd")
               : bad(tried.error().text(),
                     "install Linux 5.4 or newer, or allow clone3 in the outer sandbox");
}

HostCheck check_paths(const std::string&) {
  const Fd root(::open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
  const auto opened = open_in_root(root.get(), "../../proc/../tmp", O_PATH | O_DIRECTORY);
  return opened ? ok("openat2") : bad(opened.error().text(), "install Linux 5.6 or newer");
}

HostCheck check_seccomp(const std::string&) {
  const auto tried = in_child(try_filter);
  return tried ? ok("filter compiled, installed and obeyed")
               : bad(tried.error().text(), "boot a kernel with CONFIG_SECCOMP_FILTER");
}

HostCheck check_open_files(const std::string&) {
  // A running container holds about thirty descriptors of ours.
  constexpr rlim_t kComfortable = 4096;
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  const std::string detail = "soft limit " + std::to_string(limit.rlim_cur) + ", hard limit " +
                             std::to_string(limit.rlim_max);
  if (limit.rlim_max >= kComfortable) return ok(detail);
  return warn(detail, "ulimit -Hn 1048576 (LimitNOFILE=1048576 in a systemd unit)");
}

HostCheck check_git_library(const std::string&) {
  const auto loaded = in_child([]() -> Status {
    if (::dlopen("libgit2.so.1.5", RTLD_NOW | RTLD_LOCAL) != nullptr) return {};
    return fail(ErrorCode::kNotFound, "libgit2.so.1.5 cannot be loaded");
  });
  if (loaded) return ok("libgit2.so.1.5");
  return warn(loaded.error().text() + ": checkouts are taken without git",
              "apt-get install libgit2-1.5");
}

}  // namespace slipway::sandbox::doctor
