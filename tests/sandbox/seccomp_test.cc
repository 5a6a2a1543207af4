// The system call filter: as a program (interpreted here, every number), and in the kernel (a child tries the calls).
#include <asm/ioctls.h>
#include <gtest/gtest.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <functional>
#include <map>

#include "base/text.h"
#include "sandbox/policy/profile.h"
#include "sandbox/policy/seccomp_program.h"

namespace slipway::sandbox {
namespace {

using policy::Check;
using policy::Rule;
using policy::Verdict;

constexpr std::uint32_t kEperm = SECCOMP_RET_ERRNO | EPERM;
constexpr std::uint32_t kEnosys = SECCOMP_RET_ERRNO | ENOSYS;
constexpr CapabilityMask kSysAdmin = CapabilityMask{1} << CAP_SYS_ADMIN;

// The part of classic BPF that our programs use; anything else fails the test.
std::uint32_t interpret(std::span<const sock_filter> program, const seccomp_data& data) {
  std::uint32_t accumulator = 0;
  for (std::size_t at = 0; at < program.size(); ++at) {
    const sock_filter& op = program[at];
    const auto jump = [&](bool condition) { at += condition ? op.jt : op.jf; };
    switch (op.code) {
      case BPF_LD | BPF_W | BPF_ABS:
        EXPECT_LE(op.k + 4, sizeof data);
        std::memcpy(&accumulator, reinterpret_cast<const char*>(&data) + op.k, 4);
        break;
      case BPF_JMP | BPF_JEQ | BPF_K:
        jump(accumulator == op.k);
        break;
      case BPF_JMP | BPF_JGE | BPF_K:
        jump(accumulator >= op.k);
        break;
      case BPF_JMP | BPF_JSET | BPF_K:
        jump((accumulator & op.k) != 0);
        break;
      case BPF_JMP | BPF_JA:
        at += op.k;
        break;
      case BPF_RET | BPF_K:
        return op.k;
      default:
        ADD_FAILURE() << "unexpected instruction " << op.code;
        return 0;
    }
  }
  ADD_FAILURE() << "ran off the end";
  return 0;
}

std::span<const sock_filter> filter(CapabilityMask capabilities = kDefaultCapabilities) {
  const auto program = seccomp_filter(capabilities);
  EXPECT_TRUE(program);
  return *program;
}

std::uint32_t ask(std::uint32_t arch, int number, std::uint64_t first = 0, std::uint64_t second = 0,
                  CapabilityMask capabilities = kDefaultCapabilities) {
  seccomp_data data{};
  data.arch = arch;
  data.nr = number;
  data.args[0] = first;
  data.args[1] = second;
  return interpret(filter(capabilities), data);
}

// By name, on the native table.
std::uint32_t verdict(const char* name, std::uint64_t first = 0, std::uint64_t second = 0,
                      CapabilityMask capabilities = kDefaultCapabilities) {
  const int number = seccomp_syscall_resolve_name_arch(SCMP_ARCH_X86_64, name);
  EXPECT_GE(number, 0) << name;
  return ask(AUDIT_ARCH_X86_64, number, first, second, capabilities);
}

std::uint32_t expected_without_arguments(const Rule& rule) {
  switch (rule.verdict) {
    case Verdict::kAllow:
      return SECCOMP_RET_ALLOW;
    case Verdict::kEperm:
      return kEperm;
    case Verdict::kEnosys:
      return kEnosys;
    case Verdict::kCheck:
      return SECCOMP_RET_ALLOW;  // All zero arguments pass every test.
  }
  return 0;
}

TEST(SeccompProgram, DecidesEveryNumberAsTheRulesSay) {
  for (const CapabilityMask capabilities :
       {kDefaultCapabilities, CapabilityMask{0}, kSysAdmin, ~CapabilityMask{0}}) {
    for (const policy::ArchRules& arch : policy::rules_for(capabilities)) {
      std::map<std::uint32_t, Rule> rules;
      for (const Rule& rule : arch.rules) rules[rule.number] = rule;
      EXPECT_EQ(rules.size(), arch.rules.size());
      EXPECT_GT(rules.size(), 350u);
      for (std::uint32_t number = 0; number < 1100; ++number) {
        const auto rule = rules.find(number);
        const std::uint32_t want =
            rule == rules.end() ? kEnosys : expected_without_arguments(rule->second);
        ASSERT_EQ(ask(arch.audit_arch, static_cast<int>(number), 0, 0, capabilities), want)
            << "arch " << arch.audit_arch << " number " << number;
      }
    }
  }
}

TEST(SeccompProgram, UnknownArchitectureIsKilledBeforeTheNumberIsLookedAt) {
  for (const std::uint32_t arch :
       {std::uint32_t{AUDIT_ARCH_AARCH64}, std::uint32_t{AUDIT_ARCH_ARM}, 0u, ~0u}) {
    EXPECT_EQ(ask(arch, 0), SECCOMP_RET_KILL_PROCESS);
    EXPECT_EQ(ask(arch, SYS_getpid), SECCOMP_RET_KILL_PROCESS);
  }
}

TEST(SeccompProgram, X32IsDenied) {
  for (const int number : {0, 1, 39, 520, 16}) {
    EXPECT_EQ(ask(AUDIT_ARCH_X86_64, number | 0x40000000), kEnosys) << number;
  }
  EXPECT_EQ(ask(AUDIT_ARCH_X86_64, -1), kEnosys);
}

TEST(SeccompProgram, NumbersNewerThanTheTableAreMissingNotForbidden) {
  for (int number = 470; number < 600; ++number) {
    EXPECT_EQ(ask(AUDIT_ARCH_X86_64, number), kEnosys);
    EXPECT_EQ(ask(AUDIT_ARCH_I386, number), kEnosys);
  }
}

TEST(SeccompProgram, DangerousCallsAreForbiddenOnBothTables) {
  for (const char* name : {"keyctl",
                           "add_key",
                           "request_key",
                           "io_uring_setup",
                           "io_uring_enter",
                           "io_uring_register",
                           "userfaultfd",
                           "bpf",
                           "perf_event_open",
                           "mount",
                           "umount2",
                           "move_mount",
                           "open_tree",
                           "fsopen",
                           "fsmount",
                           "fsconfig",
                           "fspick",
                           "mount_setattr",
                           "setns",
                           "unshare",
                           "pivot_root",
                           "kexec_load",
                           "swapon",
                           "swapoff",
                           "reboot",
                           "init_module",
                           "finit_module",
                           "delete_module",
                           "iopl",
                           "ioperm",
                           "open_by_handle_at",
                           "settimeofday",
                           "clock_settime",
                           "adjtimex",
                           "clock_adjtime",
                           "acct",
                           "quotactl",
                           "syslog",
                           "vhangup",
                           "sethostname",
                           "setdomainname",
                           "kcmp",
                           "pidfd_getfd",
                           "process_madvise",
                           "mbind",
                           "move_pages",
                           "migrate_pages",
                           "lookup_dcookie",
                           "fanotify_init"}) {
    EXPECT_EQ(verdict(name), kEperm) << name;
    const int compat = seccomp_syscall_resolve_name_arch(SCMP_ARCH_X86, name);
    if (compat < 0) continue;
    EXPECT_EQ(ask(AUDIT_ARCH_I386, compat), kEperm) << name;
  }
}

TEST(SeccompProgram, OrdinaryCallsAreAllowedOnBothTables) {
  for (const char* name : {"read",
                           "write",
                           "openat",
                           "openat2",
                           "execve",
                           "fork",
                           "wait4",
                           "mmap",
                           "futex",
                           "ptrace",
                           "chroot",
                           "mknod",
                           "setgroups",
                           "statx",
                           "rseq",
                           "memfd_create",
                           "pidfd_open",
                           "close_range",
                           "landlock_create_ruleset",
                           "seccomp",
                           "capset",
                           "inotify_init1",
                           "copy_file_range",
                           "io_setup"}) {
    EXPECT_EQ(verdict(name), SECCOMP_RET_ALLOW) << name;
    const int compat = seccomp_syscall_resolve_name_arch(SCMP_ARCH_X86, name);
    if (compat < 0) continue;
    EXPECT_EQ(ask(AUDIT_ARCH_I386, compat), SECCOMP_RET_ALLOW) << name;
  }
  // Direct socket and System V calls of i386, which libseccomp hides behind socketcall and ipc.
  for (const int number : {360, 362, 373, 393, 397, 402}) {
    EXPECT_EQ(ask(AUDIT_ARCH_I386, number), SECCOMP_RET_ALLOW) << number;
  }
}

TEST(SeccompProgram, SocketFamiliesOfTheKernelsSoftSpotsAreForbidden) {
  for (const int number : {AF_UNIX, AF_INET, AF_INET6, AF_NETLINK, AF_PACKET, 39, 41, 45}) {
    const auto family = static_cast<std::uint64_t>(number);
    EXPECT_EQ(verdict("socket", family), SECCOMP_RET_ALLOW) << family;
  }
  // The kernel reads an int: garbage in the upper half must not help.
  for (const std::uint64_t garbage : {0ULL, 1ULL << 32, 0xffffffffULL << 32}) {
    EXPECT_EQ(verdict("socket", AF_ALG | garbage), kEperm);
    EXPECT_EQ(verdict("socket", AF_VSOCK | garbage), kEperm);
    EXPECT_EQ(ask(AUDIT_ARCH_I386, 359, AF_ALG | garbage), kEperm);
  }
}

TEST(SeccompProgram, CloneMakesNoNamespace) {
  EXPECT_EQ(verdict("clone", SIGCHLD), SECCOMP_RET_ALLOW);
  EXPECT_EQ(verdict("clone", CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD),
            SECCOMP_RET_ALLOW);
  for (const int number : {CLONE_NEWNS, CLONE_NEWCGROUP, CLONE_NEWUTS, CLONE_NEWIPC, CLONE_NEWUSER,
                           CLONE_NEWPID, CLONE_NEWNET}) {
    const auto flag = static_cast<std::uint64_t>(number);
    EXPECT_EQ(verdict("clone", flag | SIGCHLD), kEperm) << flag;
    EXPECT_EQ(verdict("clone", flag | SIGCHLD | (1ULL << 40)), kEperm) << flag;
    EXPECT_EQ(ask(AUDIT_ARCH_I386, 120, flag | SIGCHLD), kEperm) << flag;
  }
  EXPECT_EQ(verdict("clone3"), kEnosys);
  EXPECT_EQ(ask(AUDIT_ARCH_I386, 435), kEnosys);
}

TEST(SeccompProgram, PersonalityIsLimitedToHarmlessValues) {
  for (const std::uint64_t value : {0ULL, 8ULL, 0x20000ULL, 0x20008ULL, 0xffffffffULL}) {
    EXPECT_EQ(verdict("personality", value), SECCOMP_RET_ALLOW) << value;
  }
  for (const std::uint64_t value : {1ULL, 0x40000ULL, 0x400000ULL, 0x20009ULL, 0xfffffffeULL}) {
    EXPECT_EQ(verdict("personality", value), kEperm) << value;
  }
}

TEST(SeccompProgram, TerminalInjectionIsForbiddenWhateverTheUpperHalf) {
  EXPECT_EQ(verdict("ioctl", 0, TCGETS), SECCOMP_RET_ALLOW);
  EXPECT_EQ(verdict("ioctl", 0, TIOCGWINSZ), SECCOMP_RET_ALLOW);
  for (const std::uint64_t garbage : {0ULL, 1ULL << 32, 0xdeadbeefULL << 32}) {
    EXPECT_EQ(verdict("ioctl", 0, TIOCSTI | garbage), kEperm);
    EXPECT_EQ(verdict("ioctl", 0, TIOCLINUX | garbage), kEperm);
    EXPECT_EQ(ask(AUDIT_ARCH_I386, 54, 0, TIOCSTI | garbage), kEperm);
  }
}

TEST(SeccompProgram, CapabilitiesOpenTheirCallsAndNoOthers) {
  EXPECT_EQ(verdict("mount", 0, 0, kSysAdmin), SECCOMP_RET_ALLOW);
  EXPECT_EQ(verdict("clone3", 0, 0, kSysAdmin), SECCOMP_RET_ALLOW);
  EXPECT_EQ(verdict("clone", CLONE_NEWUSER, 0, kSysAdmin), SECCOMP_RET_ALLOW);
  EXPECT_EQ(verdict("keyctl", 0, 0, kSysAdmin), kEperm);
  EXPECT_EQ(verdict("io_uring_setup", 0, 0, ~CapabilityMask{0}), kEperm);
  EXPECT_EQ(verdict("socket", AF_ALG, 0, ~CapabilityMask{0}), kEperm);
  EXPECT_EQ(verdict("chroot", 0, 0, 0), kEperm);
  EXPECT_EQ(verdict("bpf", 0, 0, CapabilityMask{1} << CAP_BPF), SECCOMP_RET_ALLOW);
  EXPECT_EQ(verdict("reboot", 0, 0, CapabilityMask{1} << CAP_SYS_BOOT), SECCOMP_RET_ALLOW);
  EXPECT_EQ(verdict("mount", 0, 0, CapabilityMask{1} << CAP_SYS_BOOT), kEperm);
}

TEST(SeccompProgram, EveryNameOfTheTableExistsSomewhereAndOnlyOnce) {
  std::map<std::string, int> seen;
  const auto visit = [&](std::string_view names) {
    for (std::string_view word : split(names, ' ')) {
      if (word.empty()) continue;
      const std::string name(word.substr(0, word.find('=')));
      EXPECT_EQ(++seen[name], 1) << name << " is listed twice";
      if (word.find('=') != word.npos) continue;
      const bool known = seccomp_syscall_resolve_name(name.c_str()) != __NR_SCMP_ERROR;
      EXPECT_TRUE(known) << name << ": no architecture has it";
    }
  };
  for (const auto& group : policy::allowed_groups()) visit(group.names);
  for (const auto& group : policy::denied_groups()) visit(group.names);
  for (const auto& group : policy::capability_groups()) visit(group.names);
}

TEST(SeccompFilter, IsCompiledOncePerMask) {
  EXPECT_EQ(filter().data(), filter().data());
  EXPECT_EQ(filter(kDefaultCapabilities).data(),
            filter(kDefaultCapabilities | CapabilityMask{1} << CAP_NET_RAW).data());
  EXPECT_NE(filter().data(), filter(kSysAdmin).data());
}

// Runs `body` in a child under the filter; the exit code is its value.
int under_filter(const std::function<int()>& body) {
  const std::span<const sock_filter> program = filter();
  const pid_t child = ::fork();
  if (child == 0) {
    sock_fprog prog{static_cast<unsigned short>(program.size()),
                    const_cast<sock_filter*>(program.data())};
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) ::_exit(97);
    if (::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_SPEC_ALLOW, &prog) !=
        0) {
      ::_exit(98);
    }
    ::_exit(body());
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

int errno_of(long result) { return result < 0 ? errno : 0; }

TEST(SeccompInKernel, ForbiddenCallsAnswerAsTheProgramSays) {
  EXPECT_EQ(under_filter([] { return errno_of(::syscall(SYS_keyctl, 0, -3, 1)); }), EPERM);
  EXPECT_EQ(under_filter([] { return errno_of(::syscall(SYS_unshare, CLONE_NEWUSER)); }), EPERM);
  EXPECT_EQ(under_filter([] { return errno_of(::syscall(SYS_setns, 0, 0)); }), EPERM);
  EXPECT_EQ(under_filter([] { return errno_of(::syscall(SYS_io_uring_setup, 1, nullptr)); }),
            EPERM);
  EXPECT_EQ(under_filter([] { return errno_of(::syscall(SYS_bpf, 0, nullptr, 0)); }), EPERM);
  EXPECT_EQ(under_filter([] { return errno_of(::syscall(SYS_clone3, nullptr, 0)); }), ENOSYS);
  EXPECT_EQ(under_filter([] { return errno_of(::syscall(1000)); }), ENOSYS);
  EXPECT_EQ(under_filter([] { return errno_of(::socket(AF_ALG, SOCK_SEQPACKET, 0)); }), EPERM);
  EXPECT_EQ(under_filter([] { return errno_of(::socket(AF_VSOCK, SOCK_STREAM, 0)); }), EPERM);
  EXPECT_EQ(
      under_filter([] { return errno_of(::syscall(SYS_ioctl, 0, TIOCSTI | (1UL << 32), "x")); }),
      EPERM);
  EXPECT_EQ(under_filter([] { return errno_of(::syscall(SYS_personality, ADDR_COMPAT_LAYOUT)); }),
            EPERM);
  EXPECT_EQ(under_filter([] { return errno_of(::syscall(SYS_getpid | 0x40000000)); }), ENOSYS);
}

TEST(SeccompInKernel, OrdinaryProgramsRun) {
  EXPECT_EQ(under_filter([] {
              ::execl("/bin/sh", "sh", "-c", "ls / >/dev/null && echo x | grep -q x && exit 7",
                      nullptr);
              return 1;
            }),
            7);
  EXPECT_EQ(under_filter([] { return errno_of(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)); }),
            0);
}

#if defined(__x86_64__)
// The i386 entry of a 64-bit process.
int compat_call(int number, unsigned first, unsigned second) {
  int result;
  asm volatile("int $0x80"
               : "=a"(result)
               : "a"(number), "b"(first), "c"(second), "d"(0), "S"(0), "D"(0)
               : "memory", "r8", "r9", "r10", "r11");
  return result < 0 ? -result : 0;
}

TEST(SeccompInKernel, TheOldEntryIsFilteredToo) {
  EXPECT_EQ(under_filter([] { return compat_call(20, 0, 0); }),
            0);  // getpid returns a positive number.
  EXPECT_EQ(under_filter([] { return compat_call(359, AF_ALG, SOCK_SEQPACKET); }), EPERM);
  EXPECT_EQ(under_filter([] { return compat_call(310, CLONE_NEWUSER, 0); }), EPERM);  // unshare
  EXPECT_EQ(under_filter([] { return compat_call(21, 0, 0); }), EPERM);               // mount
  EXPECT_EQ(under_filter([] { return compat_call(288, 0, 0); }), EPERM);              // keyctl
  EXPECT_EQ(under_filter([] { return compat_call(54, 0, TIOCSTI); }), EPERM);         // ioctl
  EXPECT_EQ(under_filter([] { return compat_call(435, 0, 0); }), ENOSYS);             // clone3
}
#endif

}  // namespace
}  // namespace slipway::sandbox
