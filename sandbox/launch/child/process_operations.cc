// What a process is: ids, capabilities, limits, filter, session, directory, and the two execs.
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/keyctl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <linux/seccomp.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/vfs.h>

#include "sandbox/launch/child/child.h"
#include "sandbox/launch/child/raw.h"

namespace slipway::sandbox::child {
namespace {

constexpr std::size_t kSignalSetSize = 8;  // The kernel's sigset_t.

// Spec: execve(2) and the shell's search: a missing candidate is passed over, a forbidden one is
// remembered.
bool next_candidate(long error) {
  return error == -ENOENT || error == -ENOTDIR || error == -EACCES;
}

}  // namespace

// Done while still the host's root, whose key quota is not shared by all containers of an id range.
long join_keyring(State&, const Operation&) {
  const long result = raw::invoke(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, 0, 0, 0, 0);
  return result == -ENOSYS || result == -EPERM || result >= 0 ? 0 : result;
}

long become_root(State&, const Operation& operation) {
  long result = operation.flags != 0 ? raw::invoke(SYS_setgroups, 0, 0) : 0;
  if (result >= 0) result = raw::invoke(SYS_setresgid, 0, 0, 0);
  if (result >= 0) result = raw::invoke(SYS_setresuid, 0, 0, 0);
  return result;
}

// Not with clone3: a cgroup namespace's root is where its maker is, and the child joins its cgroup
// after clone.
long unshare_cgroup(State&, const Operation&) { return raw::invoke(SYS_unshare, CLONE_NEWCGROUP); }

long set_hostname(State&, const Operation& operation) {
  return raw::invoke(SYS_sethostname, operation.data, static_cast<long>(operation.size));
}

long set_domainname(State&, const Operation& operation) {
  return raw::invoke(SYS_setdomainname, operation.data, static_cast<long>(operation.size));
}

long loopback_up(State&, const Operation&) {
  const long socket = raw::invoke(SYS_socket, AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (socket < 0) return socket;
  struct ifreq request {};
  request.ifr_name[0] = 'l';
  request.ifr_name[1] = 'o';
  request.ifr_flags = IFF_UP | IFF_RUNNING;
  const long result = raw::invoke(SYS_ioctl, socket, SIOCSIFFLAGS, &request);
  raw::invoke(SYS_close, socket);
  return result;
}

long set_limit(State&, const Operation& operation) {
  return raw::invoke(SYS_prlimit64, 0, operation.mode, operation.data, 0);
}

long drop_bounding(State&, const Operation& operation) {
  for (unsigned capability = 0; capability < 64; capability++) {
    if ((operation.flags >> capability & 1) != 0) continue;
    const long result = raw::invoke(SYS_prctl, PR_CAPBSET_DROP, capability, 0, 0, 0);
    if (result == -EINVAL) return 0;  // Beyond the last one this kernel knows.
    if (result < 0) return result;
  }
  return 0;
}

long set_groups(State&, const Operation& operation) {
  return raw::invoke(SYS_setgroups, static_cast<long>(operation.size), operation.data);
}

long set_ids(State&, const Operation& operation) {
  const long result = raw::invoke(SYS_setresgid, operation.gid, operation.gid, operation.gid);
  if (result < 0) return result;
  return raw::invoke(SYS_setresuid, operation.uid, operation.uid, operation.uid);
}

// R11: the inheritable set is empty, and with it the ambient one.
long set_capabilities(State&, const Operation& operation) {
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct data[2] = {};
  for (int word = 0; word < 2; word++) {
    const auto bits = static_cast<std::uint32_t>(operation.flags >> (32 * word));
    data[word].effective = bits;
    data[word].permitted = bits;
  }
  return raw::invoke(SYS_capset, &header, &data[0]);
}

long no_new_privileges(State&, const Operation&) {
  return raw::invoke(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

long install_filter(State&, const Operation& operation) {
  return raw::invoke(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, operation.data);
}

long new_session(State&, const Operation&) {
  const long result = raw::invoke(SYS_setsid);
  return result < 0 ? result : 0;
}

// What the engine ignores or blocks must not be inherited: a job expects SIGPIPE to end it.
long reset_signals(State&, const Operation&) {
  struct {
    unsigned long handler = 0, flags = 0, restorer = 0, mask = 0;
  } standard;
  for (int signal = 1; signal <= 64; signal++) {
    if (signal == SIGKILL || signal == SIGSTOP) continue;
    raw::invoke(SYS_rt_sigaction, signal, &standard, 0, static_cast<long>(kSignalSetSize));
  }
  const unsigned long none = 0;
  return raw::invoke(SYS_rt_sigprocmask, SIG_SETMASK, &none, 0, static_cast<long>(kSignalSetSize));
}

long set_umask(State&, const Operation& operation) {
  raw::invoke(SYS_umask, operation.mode);
  return 0;
}

namespace {

// "12/attr/apparmor/exec" into `path`, which is long enough.
void attribute_path(long pid, const char* attribute, char* path) {
  char digits[20];
  int count = 0;
  do {
    digits[count++] = static_cast<char>('0' + pid % 10);
    pid /= 10;
  } while (pid != 0);
  while (count > 0) *path++ = digits[--count];
  do {
    *path++ = *attribute;
  } while (*attribute++ != 0);
}

// R5: the container's /proc may be anything by now. What is written to is a procfs, without links or mounts in it, and
// the kernel takes the attribute only from the process whose it is.
long open_attribute(const char* attribute) {
  const long proc = open_how(AT_FDCWD, "/proc", O_PATH | O_DIRECTORY, RESOLVE_NO_SYMLINKS);
  if (proc < 0) return proc;
  struct statfs system;
  char path[64];
  attribute_path(raw::invoke(SYS_getpid), attribute, path);
  long result = raw::invoke(SYS_fstatfs, proc, &system);
  if (result >= 0 && system.f_type != PROC_SUPER_MAGIC) result = -EXDEV;
  if (result >= 0) {
    result = open_how(static_cast<int>(proc), path, O_WRONLY,
                      RESOLVE_NO_SYMLINKS | RESOLVE_BENEATH | RESOLVE_NO_XDEV);
  }
  raw::invoke(SYS_close, proc);
  return result;
}

}  // namespace

// Linux 5.8 has a directory for each security module; before, the first one had the name without it.
long set_profile(State&, const Operation& operation) {
  long fd = open_attribute("/attr/apparmor/exec");
  if (fd == -ENOENT) fd = open_attribute("/attr/exec");
  if (fd < 0) return fd;
  const long size = raw::invoke(SYS_write, fd, operation.data, static_cast<long>(operation.size));
  raw::invoke(SYS_close, fd);
  return size < 0 ? size : 0;
}

// R2: a directory outside the root shows as "(unreachable)/...".
long change_directory(State&, const Operation& operation) {
  const long result = raw::invoke(SYS_chdir, operation.path);
  if (result < 0) return result;
  char where[4096];
  const long size = raw::invoke(SYS_getcwd, where, static_cast<long>(sizeof where));
  if (size < 0) return size;
  return where[0] == '/' ? 0 : -EXDEV;
}

long exec_command(State&, const Operation& operation) {
  const auto* image = static_cast<const CommandImage*>(operation.data);
  long error = -ENOENT;
  for (const char* const* candidate = image->candidates; *candidate != nullptr; candidate++) {
    const long result = raw::invoke(SYS_execve, *candidate, image->argv, image->env);
    if (error != -EACCES || !next_candidate(result)) error = result;
    if (!next_candidate(result)) break;
  }
  return error;
}

}  // namespace slipway::sandbox::child
