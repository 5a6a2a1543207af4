// Wrappers over pipes, eventfds, pidfds, memfds and poll.
#include "base/sys.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>

#include "base/files.h"

namespace slipway::sys {

Result<Pipe> make_pipe(int flags) {
  int ends[2];
  if (::pipe2(ends, flags | O_CLOEXEC) != 0) return fail_errno("create pipe");
  return Pipe{Fd(ends[0]), Fd(ends[1])};
}

Result<Fd> make_eventfd() {
  Fd fd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!fd) return fail_errno("create eventfd");
  return fd;
}

Result<Fd> pidfd_open(pid_t pid) {
  Fd fd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0U)));
  if (!fd) return fail_errno("open process " + std::to_string(pid));
  return fd;
}

Status pidfd_signal(int pidfd, int signal) {
  if (::syscall(SYS_pidfd_send_signal, pidfd, signal, nullptr, 0U) != 0) {
    return fail_errno("send signal " + std::to_string(signal));
  }
  return {};
}

Result<Fd> memfd_sealed(const char* name, std::string_view content) {
  const std::string what = "memfd " + std::string(name);
  // Linux 6.3 warns when a memfd says nothing about execution; older kernels refuse the flag.
  constexpr unsigned kExec = 0x0010U;  // MFD_EXEC
  constexpr unsigned kFlags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
  Fd fd(::memfd_create(name, kFlags | kExec));
  if (!fd && errno == EINVAL) fd = Fd(::memfd_create(name, kFlags));
  if (!fd) return fail_errno("create " + what);
  SLIP_TRY(write_all(fd.get(), content, what));
  constexpr int kSeals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
  if (::fcntl(fd.get(), F_ADD_SEALS, kSeals) != 0) return fail_errno("seal " + what);
  return fd;
}

Result<ExitInfo> wait_pidfd(int pidfd) {
  siginfo_t info{};
  while (::waitid(P_PIDFD, static_cast<id_t>(pidfd), &info, WEXITED) != 0) {
    if (errno != EINTR) return fail_errno("wait for process");
  }
  return ExitInfo{info.si_code != CLD_EXITED, info.si_status};
}

Result<bool> wait_readable(int fd, std::optional<MonoTime> deadline) {
  while (true) {
    int wait = -1;
    if (deadline) {
      const auto left =
          std::chrono::ceil<std::chrono::milliseconds>(*deadline - real_clock().mono());
      wait = static_cast<int>(std::clamp<std::int64_t>(left.count(), 0, INT_MAX));
    }
    pollfd entry{fd, POLLIN, 0};
    const int ready = ::poll(&entry, 1, wait);
    if (ready < 0 && errno == EINTR) continue;
    if (ready < 0) return fail_errno("poll");
    if (ready > 0 && (entry.revents & POLLNVAL) != 0) return fail(errno_error(EBADF, "poll"));
    if (ready > 0) return true;
    if (deadline && real_clock().mono() >= *deadline) return false;
  }
}

}  // namespace slipway::sys
