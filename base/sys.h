#pragma once

#include <linux/openat2.h>
#include <signal.h>
#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "base/cancel.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/result.h"

/// Thin wrappers over system calls that glibc 2.36 lacks or that need a guard. Linux only.
namespace slipway::sys {

struct Pipe {
  Fd read;
  Fd write;
};
Result<Pipe> make_pipe(int flags = 0);  ///< O_CLOEXEC always.
Result<Fd> make_eventfd();
Result<Fd> pidfd_open(pid_t pid);            ///< Linux 5.3
Status pidfd_signal(int pidfd, int signal);  ///< Linux 5.1; kNotFound when the process is gone.
Result<Fd> memfd_sealed(const char* name,
                        std::string_view content);  ///< Executable, all seals set.

/// Waits for a child through its pidfd and reaps it. `status` as of waitid(2).
struct ExitInfo {
  bool signalled = false;
  int code = 0;  ///< Exit code, or the signal's number.
};
Result<ExitInfo> wait_pidfd(int pidfd);

/// poll(2) on one descriptor for reading: true readable, false at the deadline. Restarts on EINTR.
Result<bool> wait_readable(int fd, std::optional<MonoTime> deadline);

/// Runs a trusted host program (no shell; absolute path or found in PATH), `input` on its stdin (secrets belong there,
/// never into argv), output captured up to 1 MiB each. Killed at the deadline or on cancel.
struct CommandResult {
  ExitInfo exit;
  std::string out;
  std::string err;
};
Result<CommandResult> run_command(const std::vector<std::string>& argv, const CancelToken& cancel,
                                  std::chrono::milliseconds timeout, std::string_view input = {});

}  // namespace slipway::sys
