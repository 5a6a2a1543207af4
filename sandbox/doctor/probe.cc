// Trying things in a child process. Knows no check.
#include "sandbox/doctor/probe.h"

#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>

#include "base/files.h"
#include "base/sys.h"
#include "base/text.h"

namespace slipway::sandbox::doctor {
namespace {

// Each probe takes milliseconds; a dead network file system can hang one for ever.
constexpr std::chrono::seconds kPatience{5};

struct Header {
  int code;
  int sys_errno;
};

[[noreturn]] void run_and_report(const std::function<Status()>& body, int report) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  const Status status = body();
  std::string message;
  if (!status) {
    const Header header{static_cast<int>(status.error().code()), status.error().sys_errno()};
    message.assign(reinterpret_cast<const char*>(&header), sizeof header);
    message += status.error().text();
  }
  (void)write_all(report, message, "report");
  ::_exit(status ? 0 : 1);
}

Status decode(const std::string& message, const sys::ExitInfo& exit) {
  if (!exit.signalled && exit.code == 0) return {};
  Header header{};
  if (message.size() < sizeof header) {
    return fail(ErrorCode::kInternal,
                "probe: ended " + std::string(exit.signalled ? "by signal " : "with code ") +
                    std::to_string(exit.code));
  }
  std::memcpy(&header, message.data(), sizeof header);
  return fail(static_cast<ErrorCode>(header.code), message.substr(sizeof header), header.sys_errno);
}

}  // namespace

Status in_child(const std::function<Status()>& body) {
  sys::Pipe report = SLIP_TRY(sys::make_pipe());
  const pid_t pid = ::fork();
  if (pid < 0) return fail_errno("probe: fork");
  if (pid == 0) run_and_report(body, report.write.get());
  report.write.reset();
  const auto reap_killed = [&](std::string why) -> Status {
    ::kill(pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
    return fail(ErrorCode::kTimeout, std::move(why));
  };
  const Fd pidfd = SLIP_TRY(sys::pidfd_open(pid));
  const auto ended = sys::wait_readable(pidfd.get(), std::chrono::steady_clock::now() + kPatience);
  if (!ended || !*ended) return reap_killed("probe: no answer within five seconds");
  // All it wrote is in the pipe, which holds more than any error text.
  const auto message = read_fd(report.read.get(), 64_KiB, "probe");
  return decode(message ? *message : "", SLIP_TRY(sys::wait_pidfd(pidfd.get())));
}

Status enter_user_namespace(int more_flags) {
  const std::string uid = std::to_string(::geteuid());
  const std::string gid = std::to_string(::getegid());
  if (::unshare(CLONE_NEWUSER) != 0) return fail_errno("make user namespace");
  SLIP_TRY(write_control_file("/proc/self/setgroups", "deny"));
  SLIP_TRY(write_control_file("/proc/self/uid_map", "0 " + uid + " 1"));
  SLIP_TRY(write_control_file("/proc/self/gid_map", "0 " + gid + " 1"));
  if (more_flags != 0 && ::unshare(more_flags) != 0) return fail_errno("make namespaces");
  return {};
}

bool privileged() { return ::geteuid() == 0; }

HostCheck ok(std::string detail) { return {"", HostCheck::Status::kOk, std::move(detail), ""}; }
HostCheck warn(std::string detail, std::string fix) {
  return {"", HostCheck::Status::kWarn, std::move(detail), std::move(fix)};
}
HostCheck bad(std::string detail, std::string fix) {
  return {"", HostCheck::Status::kFail, std::move(detail), std::move(fix)};
}

long long setting(const char* path) {
  const auto text = read_file(path, 4_KiB);
  return text ? parse_int(trim(*text)).value_or(-1) : -1;
}

}  // namespace slipway::sandbox::doctor
