// Checks of what is done to a running container: joining it, pausing it, choosing its processors, disks and devices.
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/files.h"
#include "base/random.h"
#include "base/sys.h"
#include "base/text.h"
#include "sandbox/doctor/probe.h"
#include "sandbox/limits/cgroup.h"
#include "sandbox/policy/apparmor.h"

namespace slipway::sandbox::doctor {
namespace {

constexpr const char* kBetterCgroups =
    "run as root, or boot with systemd.unified_cgroup_hierarchy=1 and have the tree delegated";

// A process that begins `body` when it is let, and ends with its parent.
class Member {
 public:
  static Result<Member> make(const std::function<int()>& body) {
    Member made;
    sys::Pipe gate = SLIP_TRY(sys::make_pipe());
    made.pid_ = ::fork();
    if (made.pid_ < 0) return fail_errno("probe: fork");
    if (made.pid_ == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      gate.write.reset();
      char byte;
      ::_exit(::read(gate.read.get(), &byte, 1) == 1 ? body() : 127);
    }
    made.gate_ = std::move(gate.write);
    return made;
  }
  Member(Member&& other) noexcept
      : pid_(std::exchange(other.pid_, -1)), gate_(std::move(other.gate_)) {}
  ~Member() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  int pid() const { return pid_; }
  void let() { (void)!::write(gate_.get(), "x", 1); }
  /// Its exit code.
  int wait() {
    int status = 0;
    ::waitpid(std::exchange(pid_, -1), &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

 private:
  Member() = default;
  int pid_ = -1;
  Fd gate_;
};

int stay() {
  for (;;) ::pause();
}

Status try_joining() {
  sys::Pipe made = SLIP_TRY(sys::make_pipe());
  Member other = SLIP_TRY(Member::make([&] {
    constexpr int kOwn = CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNET;
    const char made_all = ::unshare(kOwn) == 0 ? 1 : 0;
    (void)!::write(made.write.get(), &made_all, 1);
    return stay();
  }));
  other.let();
  char ready = 0;
  if (::read(made.read.get(), &ready, 1) != 1 || ready != 1)
    return fail(ErrorCode::kUnsupported, "make namespaces to join");
  const Fd pidfd = SLIP_TRY(sys::pidfd_open(other.pid()));
  constexpr int kJoined = CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNET;
  if (::setns(pidfd.get(), kJoined) != 0) return fail_errno("join namespaces by descriptor");
  return {};
}

Result<std::unique_ptr<Cgroup>> make_group(CgroupManager& manager, const Limits& limits,
                                           const limits::DeviceRules* devices = nullptr) {
  return manager.create("doctor-" + random_hex(4), limits, Counting::kWhatIsLimited, devices);
}

Status try_pausing() {
  const auto manager = CgroupManager::open();
  const auto group = SLIP_TRY(make_group(*manager, {}));
  Member member = SLIP_TRY(Member::make(stay));
  SLIP_TRY(group->add(member.pid()));
  member.let();
  SLIP_TRY(group->freeze());
  return group->thaw();
}

// What only few ask for is told as a warning of the group.
HostCheck check_rare(const Limits& wanted, const std::string& done) {
  const auto manager = CgroupManager::open();
  const auto group = make_group(*manager, wanted);
  if (!group) return warn(group.error().text(), kBetterCgroups);
  const auto& warnings = (*group)->warnings();
  return warnings.empty() ? ok(done) : warn(warnings.front(), kBetterCgroups);
}

Status try_device_rules() {
  const auto manager = CgroupManager::open();
  const limits::DeviceRules none;
  const auto group = SLIP_TRY(make_group(*manager, {}, &none));
  if (!group->warnings().empty())
    return fail(ErrorCode::kUnsupported, std::string(group->warnings().front()));
  Member member = SLIP_TRY(Member::make(
      [] { return ::open("/dev/zero", O_RDONLY | O_CLOEXEC) < 0 && errno == EPERM ? 0 : 1; }));
  SLIP_TRY(group->add(member.pid()));
  member.let();
  if (member.wait() == 0) return {};
  return fail(ErrorCode::kUnsupported, "device rules are attached and not obeyed");
}

std::string some_disk() {
  const auto blocks = open_file("/sys/block", O_RDONLY | O_DIRECTORY);
  if (!blocks) return "";
  for (const std::string& name :
       list_dir(blocks->get(), "/sys/block").value_or(std::vector<std::string>())) {
    if (name.rfind("loop", 0) != 0 && name.rfind("ram", 0) != 0 && path_exists("/dev/" + name))
      return "/dev/" + name;
  }
  return "";
}

}  // namespace

HostCheck check_joining(const std::string&) {
  const auto tried = in_child(try_joining);
  return tried ? ok("by process descriptor, all namespaces at once")
               : bad(tried.error().text(),
                     "install Linux 5.8 or newer, or allow setns in the outer sandbox");
}

HostCheck check_pausing(const std::string&) {
  const auto tried = in_child(try_pausing);
  return tried ? ok("a group stands still and goes on")
               : warn(tried.error().text(), kBetterCgroups);
}

HostCheck check_cpuset(const std::string&) {
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  ::sched_getaffinity(0, sizeof allowed, &allowed);
  int first = 0;
  while (first < CPU_SETSIZE - 1 && !CPU_ISSET(first, &allowed)) ++first;
  Limits wanted;
  wanted.cpuset_cpus = std::to_string(first);
  return check_rare(wanted, "enforced");
}

HostCheck check_disk_rates(const std::string&) {
  const std::string disk = some_disk();
  if (disk.empty()) return ok("there is no disk here");
  Limits wanted;
  wanted.read_bps = {{disk, 1ULL << 30}};
  return check_rare(wanted, "enforced, tried on " + disk);
}

HostCheck check_device_rules(const std::string&) {
  if (!privileged()) return ok("not needed: nobody but root can make device nodes");
  const auto tried = in_child(try_device_rules);
  if (tried) return ok("enforced, nothing but the usual devices opens");
  return warn(
      tried.error().text(),
      "mount the unified cgroup tree (CONFIG_CGROUP_BPF) or version 1's devices controller");
}

HostCheck check_apparmor(const std::string&) {
  return ok(has_apparmor() ? "enabled, profiles are set when asked for"
                           : "not in this kernel: a profile that is asked for is refused");
}

}  // namespace slipway::sandbox::doctor
