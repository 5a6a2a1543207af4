// Docker's JSON profiles: what is read, what is refused and by which name, and what the program then does with calls.
#include "sandbox/policy/seccomp_profile.h"

#include <gtest/gtest.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <sys/syscall.h>

#include <cerrno>

namespace slipway::sandbox {
namespace {

#if defined(__x86_64__)
constexpr std::uint32_t kArch = AUDIT_ARCH_X86_64;
#else
constexpr std::uint32_t kArch = AUDIT_ARCH_AARCH64;
#endif

// The part of the kernel's interpreter that filters use.
std::uint32_t judge(const std::vector<sock_filter>& program, const seccomp_data& data) {
  std::uint32_t accumulator = 0;
  for (std::size_t at = 0; at < program.size(); ++at) {
    const sock_filter& step = program[at];
    switch (step.code) {
      case BPF_LD | BPF_W | BPF_ABS:
        std::memcpy(&accumulator, reinterpret_cast<const char*>(&data) + step.k, 4);
        break;
      case BPF_ALU | BPF_AND | BPF_K:
        accumulator &= step.k;
        break;
      case BPF_JMP | BPF_JA:
        at += step.k;
        break;
      case BPF_JMP | BPF_JEQ | BPF_K:
        at += accumulator == step.k ? step.jt : step.jf;
        break;
      case BPF_JMP | BPF_JGE | BPF_K:
        at += accumulator >= step.k ? step.jt : step.jf;
        break;
      case BPF_JMP | BPF_JGT | BPF_K:
        at += accumulator > step.k ? step.jt : step.jf;
        break;
      case BPF_RET | BPF_K:
        return step.k;
      default:
        ADD_FAILURE() << "unknown instruction " << step.code;
        return 0;
    }
  }
  ADD_FAILURE() << "the program runs off its end";
  return 0;
}

constexpr std::uint32_t kEperm = SECCOMP_RET_ERRNO | EPERM;
constexpr std::uint32_t kEnosys = SECCOMP_RET_ERRNO | ENOSYS;

class Profile : public ::testing::Test {
 protected:
  void read(const std::string& json, CapabilityMask capabilities = kDefaultCapabilities) {
    auto compiled = compile_seccomp_profile(json, capabilities);
    ASSERT_TRUE(compiled) << compiled.error().text();
    program_ = std::move(*compiled);
  }
  std::uint32_t call(long number, std::uint64_t a = 0, std::uint64_t b = 0,
                     std::uint32_t arch = kArch) const {
    return judge(program_, {static_cast<int>(number), arch, 0, {a, b, 0, 0, 0, 0}});
  }
  // One rule for getpid with these args; whether it matches.
  bool matches(const std::string& args, std::uint64_t a, std::uint64_t b = 0) {
    read(R"({"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [
        {"names": ["getpid"], "action": "SCMP_ACT_ALLOW", "args": )" +
         args + "}]}");
    return call(SYS_getpid, a, b) == SECCOMP_RET_ALLOW;
  }
  static std::string refusal(const std::string& json) {
    const auto compiled = compile_seccomp_profile(json, kDefaultCapabilities);
    return compiled ? "taken" : compiled.error().text();
  }
  std::vector<sock_filter> program_;
};

TEST_F(Profile, AllowsWhatItNamesAndDeniesTheRest) {
  read(R"({"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [
      {"names": ["getpid", "zz_no_such_call", "openat2"], "action": "SCMP_ACT_ALLOW"},
      {"names": ["chdir"], "action": "SCMP_ACT_ERRNO", "errnoRet": 38},
      {"name": "sync", "action": "SCMP_ACT_KILL_PROCESS"}]})");
  EXPECT_EQ(call(SYS_getpid), SECCOMP_RET_ALLOW);
  EXPECT_EQ(call(SYS_chdir), kEnosys);
  EXPECT_EQ(call(SYS_sync), SECCOMP_RET_KILL_PROCESS);
  EXPECT_EQ(call(SYS_getppid), kEperm);
  EXPECT_EQ(call(SYS_openat2 + 1), kEnosys);  // Newer than all the profile knows.
  EXPECT_EQ(call(SYS_getpid, 0, 0, AUDIT_ARCH_MIPS), SECCOMP_RET_KILL_PROCESS);
}

TEST_F(Profile, ComparesAll64BitsOfArguments) {
  constexpr std::uint64_t kHigh = std::uint64_t{1} << 32;
  const std::string five = R"([{"index": 0, "value": 5, "op": "SCMP_CMP_)";
  EXPECT_TRUE(matches(five + "EQ\"}]", 5));
  EXPECT_FALSE(matches(five + "EQ\"}]", kHigh + 5));
  EXPECT_TRUE(matches(five + "NE\"}]", kHigh + 5));
  EXPECT_FALSE(matches(five + "NE\"}]", 5));
  EXPECT_TRUE(matches(five + "LT\"}]", 4));
  EXPECT_FALSE(matches(five + "LT\"}]", 5));
  EXPECT_FALSE(matches(five + "LT\"}]", kHigh));
  EXPECT_TRUE(matches(five + "LE\"}]", 5));
  EXPECT_FALSE(matches(five + "LE\"}]", 6));
  EXPECT_TRUE(matches(five + "GT\"}]", kHigh));
  EXPECT_FALSE(matches(five + "GT\"}]", 5));
  EXPECT_TRUE(matches(five + "GE\"}]", 5));
  EXPECT_FALSE(matches(five + "GE\"}]", 4));
  const std::string masked =
      R"([{"index": 0, "value": 2114060288, "valueTwo": 0, "op": "SCMP_CMP_MASKED_EQ"}])";
  EXPECT_TRUE(matches(masked, 0x11));
  EXPECT_FALSE(matches(masked, 0x10000000));
  const std::string large = R"([{"index": 0, "value": 8589934592, "op": "SCMP_CMP_LT"}])";
  EXPECT_TRUE(matches(large, kHigh + 7));
  EXPECT_FALSE(matches(large, 2 * kHigh));
}

TEST_F(Profile, SeveralArgumentsMustAllHoldOneTwiceIsAChoice) {
  const std::string both = R"([{"index": 0, "value": 1, "op": "SCMP_CMP_EQ"},
                               {"index": 1, "value": 2, "op": "SCMP_CMP_EQ"}])";
  EXPECT_TRUE(matches(both, 1, 2));
  EXPECT_FALSE(matches(both, 1, 3));
  EXPECT_FALSE(matches(both, 0, 2));
  const std::string choice = R"([{"index": 0, "value": 1, "op": "SCMP_CMP_EQ"},
                                 {"index": 0, "value": 2, "op": "SCMP_CMP_EQ"}])";
  EXPECT_TRUE(matches(choice, 1));
  EXPECT_TRUE(matches(choice, 2));
  EXPECT_FALSE(matches(choice, 3));
}

TEST_F(Profile, RulesDependOnCapabilitiesKernelAndArchitecture) {
  constexpr char kText[] = R"({"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [
      {"names": ["mount"], "action": "SCMP_ACT_ALLOW", "includes": {"caps": ["CAP_SYS_ADMIN"]}},
      {"names": ["clone"], "action": "SCMP_ACT_ALLOW", "excludes": {"caps": ["CAP_SYS_ADMIN"]}},
      {"names": ["ptrace"], "action": "SCMP_ACT_ALLOW", "includes": {"minKernel": "4.8"}},
      {"names": ["reboot"], "action": "SCMP_ACT_ALLOW", "includes": {"minKernel": "999.0"}},
      {"names": ["iopl"], "action": "SCMP_ACT_ALLOW", "includes": {"arches": ["s390x"]}},
      {"names": ["openat2"], "action": "SCMP_ACT_ALLOW"}]})";
  read(kText);
  EXPECT_EQ(call(SYS_mount), kEperm);
  EXPECT_EQ(call(SYS_clone), SECCOMP_RET_ALLOW);
  EXPECT_EQ(call(SYS_ptrace), SECCOMP_RET_ALLOW);
  EXPECT_EQ(call(SYS_reboot), kEperm);
  EXPECT_EQ(call(SYS_openat2), SECCOMP_RET_ALLOW);
  read(kText, kDefaultCapabilities | std::uint64_t{1} << 21);
  EXPECT_EQ(call(SYS_mount), SECCOMP_RET_ALLOW);
  EXPECT_EQ(call(SYS_clone), kEperm);
}

TEST_F(Profile, FirstRuleThatMatchesDecides) {
  read(R"({"defaultAction": "SCMP_ACT_ALLOW", "defaultErrnoRet": 5, "syscalls": [
      {"names": ["getpid"], "action": "SCMP_ACT_ERRNO", "args":
          [{"index": 0, "value": 1, "op": "SCMP_CMP_EQ"}]},
      {"names": ["getpid"], "action": "SCMP_ACT_LOG"},
      {"names": ["getpid"], "action": "SCMP_ACT_KILL"}]})");
  EXPECT_EQ(call(SYS_getpid, 1), kEperm);
  EXPECT_EQ(call(SYS_getpid, 2), SECCOMP_RET_LOG);
}

#if defined(__x86_64__)
TEST_F(Profile, OtherTablesOfTheSameKernelAreServedOnlyWhenNamed) {
  constexpr int kGetpid32 = 20;
  read(R"({"defaultAction": "SCMP_ACT_ALLOW"})");
  EXPECT_EQ(call(kGetpid32, 0, 0, AUDIT_ARCH_I386), SECCOMP_RET_KILL_PROCESS);
  EXPECT_EQ(call(0x40000000 | SYS_getpid), kEnosys);
  read(R"({"defaultAction": "SCMP_ACT_ALLOW", "archMap": [
      {"architecture": "SCMP_ARCH_X86_64", "subArchitectures": ["SCMP_ARCH_X86", "SCMP_ARCH_X32"]},
      {"architecture": "SCMP_ARCH_AARCH64", "subArchitectures": ["SCMP_ARCH_ARM"]}],
      "syscalls": [{"names": ["getpid"], "action": "SCMP_ACT_ERRNO"}]})");
  EXPECT_EQ(call(kGetpid32, 0, 0, AUDIT_ARCH_I386), kEperm);
  read(R"({"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_X86"]})");
  EXPECT_EQ(call(kGetpid32, 0, 0, AUDIT_ARCH_I386), SECCOMP_RET_ALLOW);
}
#endif

TEST_F(Profile, MistakesAreNamedByTheirPlace) {
  const auto expect = [](const std::string& json, const std::string& text) {
    EXPECT_NE(refusal(json).find(text), std::string::npos) << refusal(json);
  };
  expect("{}", "defaultAction: is missing");
  expect("[]", "want an object");
  expect("{", "read seccomp profile");
  expect(R"({"defaultAction": "SCMP_ACT_ALLOW", "sycalls": []})", "sycalls: unknown member");
  expect(R"({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": {}})", "syscalls: want a list");
  expect(R"({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["a"]}]})",
         "syscalls[0]: no action");
  expect(R"({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"action": "SCMP_ACT_LOG"}]})",
         "syscalls[0]: no names");
  expect(R"({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["a"],
      "action": "SCMP_ACT_LOG", "args": [{"index": 0, "op": "EQ"}]}]})",
         "syscalls[0].args[0].op: unknown operator \"EQ\"");
  expect(R"({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["a"],
      "action": "SCMP_ACT_LOG", "args": [{"index": 6, "op": "SCMP_CMP_EQ"}]}]})",
         "syscalls[0].args[0].index: want a whole number from 0 to 5");
  expect(R"({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["a"],
      "action": "SCMP_ACT_LOG", "errnoRet": -1}]})",
         "syscalls[0].errnoRet");
  expect(R"({"defaultAction": "SCMP_ACT_NOTIFY"})", "needs a listener");
  expect(R"({"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["x86"]})",
         "architectures: unknown architecture");
  expect(R"({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["a"],
      "action": "SCMP_ACT_LOG", "includes": {"minKernel": "x"}}]})",
         "syscalls[0].includes.minKernel");
}

}  // namespace
}  // namespace slipway::sandbox
