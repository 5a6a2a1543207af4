// The killable child that reads git repositories, and the parent's loop over its answer.
#include "runner/source/git_child.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/landlock.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>

#include "base/sys.h"

namespace slipway::runner {
namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kLimitMemory = false;  // the sanitizer's shadow alone is terabytes of "data"
#elif defined(__has_feature)
constexpr bool kLimitMemory = !__has_feature(address_sanitizer) && !__has_feature(thread_sanitizer);
#else
constexpr bool kLimitMemory = true;
#endif

void set_limit(decltype(RLIMIT_CORE) what, rlim_t value) {
  struct rlimit limit {};
  if (::getrlimit(what, &limit) != 0) return;
  limit.rlim_max = std::min(limit.rlim_max, value);
  limit.rlim_cur = std::min(limit.rlim_cur, limit.rlim_max);
  ::setrlimit(what, &limit);
}

/// Of all capabilities only reading what belongs to others stays: a checkout may be somebody else's by choice of the
/// user (safe.directory). Failures are harmless: there was nothing to drop.
void drop_capabilities() {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  std::array<__user_cap_data_struct, 2> held{};
  if (::syscall(SYS_capget, &header, held.data()) != 0) return;
  const std::uint32_t keep = 1u << CAP_DAC_READ_SEARCH;
  held[0] = {held[0].effective & keep, held[0].permitted & keep, 0};
  held[1] = {};
  ::syscall(SYS_capset, &header, held.data());
}

/// No file can be written, made, removed or executed from here on. Linux 5.13: landlock(7); older kernels refuse the
/// call and the child then has only its other limits.
void forbid_writing(const std::string& but) {
  landlock_ruleset_attr rules{};
  rules.handled_access_fs =
      LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR |
      LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_DIR |
      LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO |
      LANDLOCK_ACCESS_FS_MAKE_BLOCK | LANDLOCK_ACCESS_FS_MAKE_SYM;
  const long ruleset = ::syscall(SYS_landlock_create_ruleset, &rules, sizeof(rules), 0);
  if (ruleset < 0) return;
  const Fd below(but.empty() ? -1 : ::open(but.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (below) {
    landlock_path_beneath_attr allowed{};
    allowed.allowed_access = rules.handled_access_fs & ~std::uint64_t{LANDLOCK_ACCESS_FS_EXECUTE};
    allowed.parent_fd = below.get();
    ::syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &allowed, 0);
  }
  ::syscall(SYS_landlock_restrict_self, ruleset, 0);
  ::close(static_cast<int>(ruleset));
}

void confine(int out_fd, const GitChildLimits& limits) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  // Ctrl-C reaches the whole process group; the parent decides what it means and kills us if need be.
  ::signal(SIGINT, SIG_IGN);
  for (const int signal : {SIGTERM, SIGHUP, SIGQUIT, SIGCHLD, SIGPIPE}) ::signal(signal, SIG_DFL);
  if (out_fd > 3) ::close_range(3, static_cast<unsigned>(out_fd) - 1, 0);
  ::close_range(static_cast<unsigned>(out_fd) + 1, ~0u, 0);
  set_limit(RLIMIT_CORE, 0);
  set_limit(RLIMIT_FSIZE, limits.writable.empty() ? 0 : limits.disk);
  if (kLimitMemory) set_limit(RLIMIT_DATA, limits.memory);
  drop_capabilities();
  forbid_writing(limits.writable);
}

/// libgit2 parses the machine's 140 CA certificates when it starts, for 5 to 8 ms. We need no TLS here; with no
/// descriptor to be had it cannot open the bundle, goes on without, and is ready in 0.6 ms.
void start_library(const GitApi& git) {
  struct rlimit files {};
  ::getrlimit(RLIMIT_NOFILE, &files);
  const struct rlimit none { 0, files.rlim_max };
  ::setrlimit(RLIMIT_NOFILE, &none);
  git.libgit2_init();
  ::setrlimit(RLIMIT_NOFILE, &files);
}

[[noreturn]] void run_in_child(const GitApi& git, int out_fd, const GitChildLimits& limits,
                               const std::function<Status(const GitApi&, FrameWriter&)>& work) {
  confine(out_fd, limits);
  if (limits.writable.empty()) {
    start_library(git);
  } else {
    git.libgit2_init();
  }
  FrameWriter out(out_fd);
  if (Status status = work(git, out); status) {
    out.send(FrameKind::kDone, {});
  } else {
    std::string bytes(1, static_cast<char>(status.error().code()));
    out.send(FrameKind::kFailed, bytes + status.error().text().substr(0, kMaxFrame / 2));
  }
  out.flush();
  ::_exit(0);
}

struct Child {
  Fd pidfd;
  Fd answer;
};

/// Signals wait until the child has its own dispositions: a handler of ours must not run in the copy.
Result<Child> start_child(const std::string& doing, const GitApi& git, const GitChildLimits& limits,
                          const std::function<Status(const GitApi&, FrameWriter&)>& work) {
  sys::Pipe pipe = SLIP_TRY_WITHIN(doing, sys::make_pipe());
  sigset_t all;
  sigset_t before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid == 0) {
    const int out_fd = pipe.write.get();
    sigset_t none;
    ::sigemptyset(&none);
    ::signal(SIGINT, SIG_IGN);
    for (const int signal : {SIGTERM, SIGHUP, SIGQUIT}) ::signal(signal, SIG_DFL);
    ::pthread_sigmask(SIG_SETMASK, &none, nullptr);
    if (::getppid() != parent) ::_exit(1);
    run_in_child(git, out_fd, limits, work);
  }
  const int saved = errno;
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (pid < 0) return fail(errno_error(saved, doing + ": start reading process"));
  Result<Fd> pidfd = sys::pidfd_open(pid);
  if (!pidfd) {
    ::kill(pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
    return fail(std::move(pidfd).error().within(doing));
  }
  return Child{*std::move(pidfd), std::move(pipe.read)};
}

/// Reads until the end of the answer, a limit, or the handler's error.
Status read_answer(const std::string& doing, int fd, const CancelToken& cancel,
                   const GitChildLimits& limits, FrameReader& reader, const FrameHandler& receive) {
  const MonoTime end = real_clock().mono() + limits.total;
  std::string buffer(std::size_t{256} << 10, '\0');
  for (;;) {
    std::array<pollfd, 2> polls{pollfd{fd, POLLIN, 0}, pollfd{cancel.poll_fd(), POLLIN, 0}};
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(end - real_clock().mono());
    const auto wait =
        std::clamp<std::chrono::milliseconds::rep>(left.count(), 0, limits.stall.count());
    const int ready = ::poll(polls.data(), polls.size(), static_cast<int>(wait));
    if (ready < 0) continue;  // EINTR
    if (polls[1].revents != 0) return fail(ErrorCode::kCancelled, doing + ": cancelled");
    if (ready == 0)
      return fail(ErrorCode::kTimeout, doing + ": libgit2 did not answer in time and was stopped");
    const ssize_t got = ::read(fd, buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail_errno(doing);
    if (got == 0) return {};
    SLIP_TRY(
        reader.feed(std::string_view(buffer).substr(0, static_cast<std::size_t>(got)), receive));
  }
}

}  // namespace

Status run_git_child(const std::string& doing, const CancelToken& cancel,
                     const GitChildLimits& limits,
                     const std::function<Status(const GitApi& git, FrameWriter& out)>& work,
                     const FrameHandler& receive) {
  const GitApi* git = SLIP_TRY(load_git());
  Child child = SLIP_TRY(start_child(doing, *git, limits, work));
  FrameReader reader;
  Status status = read_answer(doing, child.answer.get(), cancel, limits, reader, receive);
  if (!status || !reader.done()) (void)sys::pidfd_signal(child.pidfd.get(), SIGKILL);
  const sys::ExitInfo exit = SLIP_TRY_WITHIN(doing, sys::wait_pidfd(child.pidfd.get()));
  if (!status) return status;
  if (reader.done()) return {};
  return fail(ErrorCode::kCorrupt, doing + ": libgit2 stopped with " +
                                       (exit.signalled ? "signal " : "code ") +
                                       std::to_string(exit.code) + "; is the repository damaged?");
}

}  // namespace slipway::runner
