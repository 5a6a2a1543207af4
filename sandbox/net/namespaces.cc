// Entering network namespaces by threads, and what this process may do in its own.
#include "sandbox/net/namespaces.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <thread>

#include "base/files.h"

namespace slipway::sandbox::net {

Status in_namespace(int network_namespace, const std::function<Status()>& body) {
  Status result;
  std::thread worker([&] {
    if (::setns(network_namespace, CLONE_NEWNET) != 0) {
      result = fail_errno("enter network namespace");
    } else {
      result = body();
    }
  });
  worker.join();
  return result;
}

Result<Fd> current_namespace() { return open_file("/proc/thread-self/ns/net", O_RDONLY); }

Result<Fd> duplicate(int fd) {
  Fd copy(::fcntl(fd, F_DUPFD_CLOEXEC, 3));
  if (!copy) return fail_errno("duplicate descriptor");
  return copy;
}

bool owns_network_namespace() {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[2]{};
  if (::syscall(SYS_capget, &header, data) != 0) return false;
  if ((data[0].effective & (1u << CAP_NET_ADMIN)) == 0) return false;
  const auto own = open_file("/proc/thread-self/ns/net", O_RDONLY);
  if (!own) return false;
  const Fd owner(::ioctl(own->get(), NS_GET_USERNS));
  // Refused when the owner lies outside of what we can see: then it is somebody else's.
  if (!owner) return false;
  struct stat theirs {
  }, ours{};
  return ::fstat(owner.get(), &theirs) == 0 && ::stat("/proc/self/ns/user", &ours) == 0 &&
         theirs.st_ino == ours.st_ino;
}

Status set_sysctl(const std::string& name, const char* value) {
  return write_control_file("/proc/sys/net/" + name, value);
}

}  // namespace slipway::sandbox::net
