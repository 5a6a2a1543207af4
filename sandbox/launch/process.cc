// Making a child that runs a plan, and hearing what becomes of it.
#include "sandbox/launch/process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>

#include "base/files.h"
#include "base/sys.h"
#include "sandbox/ids/engine_namespaces.h"
#include "sandbox/launch/child/clone.h"
#include "sandbox/launch/child/raw.h"

namespace slipway::sandbox {
namespace {

constexpr std::size_t kStackSize = 64 << 10;  // A few frames; no recursion.
constexpr std::size_t kGuard = 4096;

// Every signal, also the two that glibc keeps for itself: init must start with all of them blocked, and a handler of
// the engine must not run in a child that shares its memory.
class AllSignalsBlocked {
 public:
  AllSignalsBlocked() {
    const std::uint64_t all = ~std::uint64_t{0};
    raw::invoke(SYS_rt_sigprocmask, SIG_SETMASK, &all, &saved_, 8);
  }
  ~AllSignalsBlocked() { raw::invoke(SYS_rt_sigprocmask, SIG_SETMASK, &saved_, 0, 8); }
  AllSignalsBlocked(const AllSignalsBlocked&) = delete;
  AllSignalsBlocked& operator=(const AllSignalsBlocked&) = delete;

 private:
  std::uint64_t saved_ = 0;
};

// So that the command can open /dev/stdout again, as many log there. Pipes without a name only: what has one on disk
// keeps its owner. Failing is no harm.
void give_pipe(int descriptor, const IdSlot& slot, const UserIds& user) {
  constexpr long kPipeFs = 0x50495045;  // PIPEFS_MAGIC of linux/magic.h
  struct statfs found;
  if (::fstatfs(descriptor, &found) != 0 || found.f_type != kPipeFs) return;
  const uid_t shift = slot.view.creator.value_or(0);
  (void)!::fchown(descriptor, shift + user.uid, shift + user.gid);
}

}  // namespace

Result<ChildStack> ChildStack::make() {
  ChildStack stack;
  stack.base_ = ::mmap(nullptr, kStackSize + kGuard, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
  if (stack.base_ == MAP_FAILED) return fail_errno("allocate launch stack");
  ::mprotect(stack.base_, kGuard, PROT_NONE);
  return stack;
}

ChildStack::ChildStack(ChildStack&& other) noexcept
    : base_(std::exchange(other.base_, MAP_FAILED)) {}

ChildStack::~ChildStack() {
  if (base_ != MAP_FAILED) ::munmap(base_, kStackSize + kGuard);
}

char* ChildStack::lower() const { return static_cast<char*>(base_) + kGuard; }
std::size_t ChildStack::size() { return kStackSize; }

// Not as an ordinary user: a child that changes ids makes the shared memory undumpable, and /proc/PID/uid_map of the
// next child unwritable. Not with an oom score either: the kernel gives it to all who share the memory.
Memory best_memory(std::optional<int> oom_score_adj) {
  const auto namespaces = engine_namespaces();
  const bool shared = namespaces && namespaces->privileged && !oom_score_adj;
  return shared ? Memory::kShared : Memory::kCopied;
}

Result<Child> clone_child(std::uint64_t flags, Memory memory, const Cgroup& cgroup,
                          const ChildStack& stack, LaunchTable& table) {
  int pidfd = -1;
  CloneArguments arguments;
  arguments.flags = flags | CLONE_PIDFD | kCloneClearSignalHandlers;
  if (memory == Memory::kShared) arguments.flags |= CLONE_VM;
  arguments.pidfd = reinterpret_cast<std::uint64_t>(&pidfd);
  arguments.stack = reinterpret_cast<std::uint64_t>(stack.lower());
  arguments.stack_size = ChildStack::size();
  if (cgroup.clone_fd() >= 0) {
    arguments.flags |= kCloneIntoCgroup;
    arguments.cgroup = static_cast<std::uint64_t>(cgroup.clone_fd());
  }
  const AllSignalsBlocked blocked;
  const long pid = slipway_clone3(&arguments, sizeof arguments, launch_child, &table);
  if (pid < 0) return fail(errno_error(static_cast<int>(-pid), "make process and namespaces"));
  return Child{static_cast<pid_t>(pid), Fd(pidfd)};
}

void end_child(const Child& child) {
  (void)sys::pidfd_signal(child.pidfd.get(), SIGKILL);
  siginfo_t info;
  while (::waitid(P_PIDFD, static_cast<id_t>(child.pidfd.get()), &info, WEXITED | __WALL) != 0 &&
         errno == EINTR) {
  }
}

Result<Fd> pipe_from_child(Plan& plan, std::int16_t place) {
  sys::Pipe pipe = SLIP_TRY(sys::make_pipe());
  SLIP_TRY(plan.own_high(place, pipe.write.get()));
  return std::move(pipe.read);
}

Result<Fd> pipe_to_child(Plan& plan, std::int16_t place) {
  sys::Pipe pipe = SLIP_TRY(sys::make_pipe());
  SLIP_TRY(plan.own_high(place, pipe.read.get()));
  return std::move(pipe.write);
}

Result<Fd> socket_to_child(Plan& plan, std::int16_t place) {
  int pair[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) {
    return fail_errno("make socket pair");
  }
  Fd ours(pair[0]);
  const Fd theirs(pair[1]);
  SLIP_TRY(plan.own_high(place, theirs.get()));
  return ours;
}

Status place_stdio(const ProcessSpec& process, const IdSlot& slot, const UserIds& user,
                   Plan& plan) {
  Fd null = SLIP_TRY(open_file("/dev/null", O_RDWR));
  SLIP_TRY(plan.own_high(kNull, null.get()));
  const std::pair<std::int16_t, int> streams[] = {
      {kStdin, process.stdin_fd}, {kStdout, process.stdout_fd}, {kStderr, process.stderr_fd}};
  for (const auto& [place, descriptor] : streams) {
    if (descriptor >= 0) give_pipe(descriptor, slot, user);
    SLIP_TRY(plan.own_high(place, descriptor >= 0 && !process.terminal ? descriptor : null.get()));
  }
  return {};
}

void place_cgroups(const Cgroup& cgroup, Plan& plan) {
  std::int16_t place = kFirstCgroup;
  for (const int descriptor : cgroup.procs_fds()) plan.set(place++, descriptor);
}

Result<std::optional<LaunchFailure>> read_report(int report) {
  LaunchFailure failure;
  for (;;) {
    const ssize_t size = ::read(report, &failure, sizeof failure);
    if (size == 0) return std::nullopt;
    if (size == static_cast<ssize_t>(sizeof failure)) return failure;
    if (size < 0 && errno == EINTR) continue;
    return fail_errno("read launch report");
  }
}

Result<std::pair<char, Fd>> receive_descriptor(int socket) {
  char byte = 0;
  struct iovec part = {&byte, 1};
  alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))];
  struct msghdr message {};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  ssize_t size;
  do {
    size = ::recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
  } while (size < 0 && errno == EINTR);
  if (size < 0) return fail_errno("receive descriptor");
  const struct cmsghdr* header = size == 1 ? CMSG_FIRSTHDR(&message) : nullptr;
  if (header == nullptr || header->cmsg_type != SCM_RIGHTS)
    return fail(ErrorCode::kInternal, "receive descriptor: none came");
  int descriptor;
  std::memcpy(&descriptor, CMSG_DATA(header), sizeof descriptor);
  return std::pair(byte, Fd(descriptor));
}

std::optional<Outcome> job_failure(const Plan& plan, const LaunchFailure& failure) {
  const Operation* operation = plan.failed_operation(failure);
  if (operation == nullptr || operation->blame == Blame::kEngine) return std::nullopt;
  Outcome outcome;
  outcome.kind = Outcome::Kind::kSetupFailed;
  outcome.reason = plan.describe(failure);
  outcome.cause = Outcome::SetupCause::kOther;
  if (operation->code == OpCode::kExecCommand) {
    const bool missing = failure.error == ENOENT || failure.error == ENOTDIR;
    outcome.cause =
        missing ? Outcome::SetupCause::kCommandNotFound : Outcome::SetupCause::kNotExecutable;
  }
  return outcome;
}

Error engine_error(const Plan& plan, const LaunchFailure& failure) {
  const ErrorCode code = errno_error(failure.error, "").code();
  return Error(code, plan.describe(failure), failure.error);
}

}  // namespace slipway::sandbox
