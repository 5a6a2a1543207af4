// The parent's side of the launch: pipes, clone3, id maps, and what went wrong in words.
#include "sandbox/launch/spawn.h"

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

#include "base/files.h"
#include "base/sys.h"
#include "sandbox/ids/engine_namespaces.h"
#include "sandbox/launch/child/clone.h"
#include "sandbox/launch/child/raw.h"
#include "sandbox/launch/init_image.h"

namespace slipway::sandbox {
namespace {

constexpr std::size_t kStackSize = 128
                                   << 10;  // Path buffers of 4 KiB on a few frames; no recursion.

// Two stacks with a guard page below each; the memory lives until both processes have run exec.
class Stacks {
 public:
  static Result<Stacks> make() {
    Stacks stacks;
    stacks.base_ = ::mmap(nullptr, 2 * kStep, PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
    if (stacks.base_ == MAP_FAILED) return fail_errno("allocate launch stacks");
    ::mprotect(stacks.base_, kGuard, PROT_NONE);
    ::mprotect(static_cast<char*>(stacks.base_) + kStep, kGuard, PROT_NONE);
    return stacks;
  }
  Stacks(Stacks&& other) noexcept : base_(std::exchange(other.base_, MAP_FAILED)) {}
  ~Stacks() {
    if (base_ != MAP_FAILED) ::munmap(base_, 2 * kStep);
  }
  char* lower(int which) const {
    return static_cast<char*>(base_) + static_cast<std::size_t>(which) * kStep + kGuard;
  }

 private:
  Stacks() = default;
  static constexpr std::size_t kGuard = 4096;
  static constexpr std::size_t kStep = kStackSize + kGuard;
  void* base_ = MAP_FAILED;
};

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

// The engine's ends; the child's are owned by the plan.
struct Links {
  Fd report;
  Fd gate;
  Fd status;
  Fd lifeline;
  Fd master_socket;
};

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

// A socket where a pipe would raise SIGPIPE in the engine if the child is gone.
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

// So that the command can open /dev/stdout again, as many log there. Pipes without a name only: what has one on disk
// keeps its owner. Failing is no harm.
void give_pipe(int descriptor, const IdSlot& slot, const UserIds& user) {
  constexpr long kPipeFs = 0x50495045;  // PIPEFS_MAGIC of linux/magic.h
  struct statfs found;
  if (::fstatfs(descriptor, &found) != 0 || found.f_type != kPipeFs) return;
  const uid_t shift = slot.view.creator.value_or(0);
  (void)!::fchown(descriptor, shift + user.uid, shift + user.gid);
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

Result<Links> make_links(const ContainerSpec& spec, const IdSlot& slot, const UserIds& user,
                         const Cgroup& cgroup, Plan& plan) {
  Links links;
  links.report = SLIP_TRY(pipe_from_child(plan, kReport));
  links.gate = SLIP_TRY(socket_to_child(plan, kParentGate));
  links.status = SLIP_TRY(pipe_from_child(plan, kStatus));
  links.lifeline = SLIP_TRY(pipe_to_child(plan, kLifeline));
  sys::Pipe between = SLIP_TRY(sys::make_pipe());
  SLIP_TRY(plan.own_high(kGateRead, between.read.get()));
  SLIP_TRY(plan.own_high(kGateWrite, between.write.get()));
  const int image = SLIP_TRY(init_image());
  SLIP_TRY(plan.own_high(kInitImage, image));
  std::int16_t place = kFirstCgroup;
  for (const int descriptor : cgroup.procs_fds()) plan.set(place++, descriptor);
  if (spec.process.terminal) {
    links.master_socket = SLIP_TRY(socket_to_child(plan, kMasterSocket));
  }
  SLIP_TRY(place_stdio(spec.process, slot, user, plan));
  return links;
}

std::uint64_t clone_flags(const ContainerSpec& spec, const Cgroup& cgroup) {
  std::uint64_t flags = CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS |
                        CLONE_PIDFD | kCloneClearSignalHandlers;
  if (spec.network == Network::kNone) flags |= CLONE_NEWNET;
  if (cgroup.clone_fd() >= 0) flags |= kCloneIntoCgroup;
  // Sharing memory saves copying the engine's page tables and later faults in all its threads. Not as an ordinary user:
  // a child that changes ids makes the shared memory undumpable, and /proc/PID/uid_map of the next child unwritable.
  const auto namespaces = engine_namespaces();
  if (namespaces && namespaces->privileged) flags |= CLONE_VM;
  return flags;
}

struct Child {
  pid_t pid = -1;
  Fd pidfd;
};

Result<Child> clone_child(std::uint64_t flags, const Cgroup& cgroup, const Stacks& stacks,
                          LaunchTable& table) {
  int pidfd = -1;
  CloneArguments arguments;
  arguments.flags = flags;
  arguments.pidfd = reinterpret_cast<std::uint64_t>(&pidfd);
  arguments.stack = reinterpret_cast<std::uint64_t>(stacks.lower(0));
  arguments.stack_size = kStackSize;
  if ((flags & kCloneIntoCgroup) != 0)
    arguments.cgroup = static_cast<std::uint64_t>(cgroup.clone_fd());
  const AllSignalsBlocked blocked;
  const long pid = slipway_clone3(&arguments, sizeof arguments, launch_child, &table);
  if (pid < 0) return fail(errno_error(static_cast<int>(-pid), "make namespaces"));
  return Child{static_cast<pid_t>(pid), Fd(pidfd)};
}

void end_child(const Child& child) {
  (void)sys::pidfd_signal(child.pidfd.get(), SIGKILL);
  siginfo_t info;
  while (::waitid(P_PIDFD, static_cast<id_t>(child.pidfd.get()), &info, WEXITED | __WALL) != 0 &&
         errno == EINTR) {
  }
}

// Nothing: both processes have run exec. Else the first failure.
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

Result<Fd> receive_master(int socket) {
  char byte;
  struct iovec part = {&byte, 1};
  alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))];
  struct msghdr message {};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  if (::recvmsg(socket, &message, MSG_CMSG_CLOEXEC) != 1) return fail_errno("receive terminal");
  const struct cmsghdr* header = CMSG_FIRSTHDR(&message);
  if (header == nullptr || header->cmsg_type != SCM_RIGHTS)
    return fail(ErrorCode::kInternal, "receive terminal: no descriptor");
  int descriptor;
  std::memcpy(&descriptor, CMSG_DATA(header), sizeof descriptor);
  return Fd(descriptor);
}

Outcome failed_outcome(const Plan& plan, const LaunchFailure& failure) {
  Outcome outcome;
  outcome.kind = Outcome::Kind::kSetupFailed;
  outcome.reason = plan.describe(failure);
  outcome.cause = Outcome::SetupCause::kOther;
  const Operation* operation = plan.failed_operation(failure);
  if (operation != nullptr && operation->code == OpCode::kExecCommand) {
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

Status set_up_network(const ContainerSpec& spec, pid_t pid) {
  if (!spec.network_setup || spec.network != Network::kNone) return {};
  const Fd space = SLIP_TRY(open_file("/proc/" + std::to_string(pid) + "/ns/net", O_RDONLY));
  return spec.network_setup(space.get());
}

// From clone to the report's end. A child that failed early has said why in its report, so that comes first.
Result<std::optional<LaunchFailure>> drive(const ContainerSpec& spec, const Child& child,
                                           const IdSlot& slot, Links& links, Plan& plan) {
  Status mapped = write_id_map(child.pid, slot.map);
  if (!mapped) {
    mapped = fail(std::move(mapped).error().within("map ids of container"));
  } else {
    mapped = set_up_network(spec, child.pid);
  }
  plan.release_descriptors();  // The child has copies; a report pipe that we hold open never ends.
  if (!mapped) (void)sys::pidfd_signal(child.pidfd.get(), SIGKILL);
  const bool released = mapped && ::send(links.gate.get(), "x", 1, MSG_NOSIGNAL) == 1;
  auto report = SLIP_TRY(read_report(links.report.get()));
  if (report) return report;
  if (!mapped) return fail(std::move(mapped).error());
  if (!released) return fail(ErrorCode::kInternal, "start process: it died before its first step");
  return report;
}

}  // namespace

Result<Launched> spawn(const ContainerSpec& spec, const IdSlot& slot, const UserIds& user,
                       const Cgroup& cgroup, Plan& plan) {
  Links links = SLIP_TRY(make_links(spec, slot, user, cgroup, plan));
  const Stacks stacks = SLIP_TRY(Stacks::make());
  LaunchTable& table = plan.seal(stacks.lower(1), kStackSize);
  Child child = SLIP_TRY(clone_child(clone_flags(spec, cgroup), cgroup, stacks, table));
  auto report = drive(spec, child, slot, links, plan);
  Launched launched;
  if (!report || report->has_value()) {
    end_child(child);  // Before the plan's memory goes.
    if (!report) return fail(std::move(report).error());
    const Operation* operation = plan.failed_operation(**report);
    if (operation == nullptr || operation->blame == Blame::kEngine)
      return fail(engine_error(plan, **report));
    launched.failed = failed_outcome(plan, **report);
    return launched;
  }
  launched.pid = child.pid;
  launched.pidfd = std::move(child.pidfd);
  launched.status = std::move(links.status);
  launched.lifeline = std::move(links.lifeline);
  if (spec.process.terminal) {
    auto master = receive_master(links.master_socket.get());
    if (!master) {
      end_child({launched.pid, std::move(launched.pidfd)});
      return fail(std::move(master).error());
    }
    launched.master = *std::move(master);
  }
  return launched;
}

}  // namespace slipway::sandbox
