// Each test is an attack that worked on some engine once; names are CVE numbers where there is one. SECURITY, table 1a.
#include <sys/resource.h>

#include "base/text.h"
#include "tests/sandbox/container_fixture.h"

namespace slipway::sandbox {
namespace {

class Attack : public ContainerTest {
 protected:
  void image_file(const std::string& path, const std::string& text) {
    const std::string full = base_ + path;
    ASSERT_TRUE(make_dirs(std::filesystem::path(full).parent_path().string(), 0755));
    ASSERT_TRUE(write_file_atomic(full, text, 0644));
  }
  void image_link(const std::string& path, const std::string& target) {
    std::filesystem::create_directories(std::filesystem::path(base_ + path).parent_path());
    std::filesystem::create_symlink(target, base_ + path);
  }
  /// The reason why a container did not start.
  std::string refusal(ContainerSpec wanted) {
    const Outcome outcome = run(std::move(wanted)).outcome;
    EXPECT_EQ(outcome.kind, Outcome::Kind::kSetupFailed) << outcome.describe();
    return outcome.reason;
  }
};

// R1
TEST_F(Attack, Cve2019_5736_NoHostExecutableCanBeReachedThroughInit) {
  EXPECT_NE(output_of({"probe", "link", "/proc/1/exe"}).find("memfd:slipway-init"),
            std::string::npos);
  const Ran ran = run_argv({"probe", "open-write", "/proc/1/exe"});
  EXPECT_EQ(ran.outcome.code, 9) << ran.out;
}

// R2
TEST_F(Attack, Cve2024_21626_NoDescriptorLeaksAndNoneIsAWorkingDirectory) {
  const Fd leaked(
      ::open("/", O_RDONLY | O_DIRECTORY));  // As an embedding program might: without O_CLOEXEC.
  EXPECT_EQ(output_of({"probe", "descriptors"}), "0\n1\n2\n");
  for (int number = 3; number < 40; number++) {
    ContainerSpec wanted = spec({"probe", "cwd"});
    wanted.process.cwd = "/proc/self/fd/" + std::to_string(number);
    EXPECT_FALSE(run(wanted).outcome.success()) << wanted.process.cwd;
  }
}

// R2: through a link in the image
TEST_F(Attack, Cve2024_21626_LinkToADescriptorIsNoWorkingDirectory) {
  image_link("/escape", "/proc/self/fd/8/../../..");
  ContainerSpec wanted = spec({"probe", "list", "."});
  wanted.process.cwd = "/escape";
  EXPECT_FALSE(run(wanted).outcome.success());
}

// R3
TEST_F(Attack, Cve2025_31133_MasksDoNotUseTheImagesDevNull) {
  image_file("/victim", "untouched");
  image_link("/dev/null", "/victim");
  EXPECT_EQ(output_of({"probe", "stat", "/dev/null"}).substr(0, 7), "20666 6");
  const Ran kcore = run_argv({"probe", "cat", "/proc/kcore"});
  EXPECT_EQ(kcore.out.find("untouched"), std::string::npos);
  EXPECT_EQ(output_of({"probe", "cat", "/victim"}), "untouched");
}

// R5
TEST_F(Attack, Cve2019_19921_ProcAsALinkIsRefused) {
  image_link("/proc", "/tmp");
  EXPECT_NE(refusal(spec({"true"})).find("open /proc of the image"), std::string::npos);
}
TEST_F(Attack, Cve2023_27561_SysAsALinkIsRefused) {
  image_link("/sys", "proc");
  EXPECT_NE(refusal(spec({"true"})).find("open /sys of the image"), std::string::npos);
}

// R6
TEST_F(Attack, Cve2026_41579_DevAsALinkIsRefused) {
  image_link("/dev", "/../../../../tmp");
  EXPECT_NE(refusal(spec({"true"})).find("open /dev of the image"), std::string::npos);
}

// R7
TEST_F(Attack, Cve2021_30465_MountTargetsStayInTheRoot) {
  auto outside = TempDir::make("/var/tmp", "slipway-outside");
  ASSERT_TRUE(outside);
  std::filesystem::permissions(outside->path(),
                               std::filesystem::perms(0777));  // Nothing but the root protects it.
  image_link("/data", "/../../../../../../.." + outside->path());
  image_link("/climb", "../../../../../../.." + outside->path());
  ContainerSpec wanted = spec({"true"});
  wanted.mounts = {TmpfsMount{"/data/made"}, FileMount{"/climb/file", "x"}};
  const Outcome outcome = run(wanted).outcome;
  EXPECT_TRUE(outcome.success()) << outcome.describe();
  EXPECT_TRUE(std::filesystem::is_empty(outside->path()));
}
TEST_F(Attack, MountTargetThroughProcessFilesIsRefused) {
  image_link("/jump", "/proc/1/root/etc");
  ContainerSpec wanted = spec({"true"});
  wanted.mounts = {TmpfsMount{"/jump/x"}};
  EXPECT_FALSE(run(wanted).outcome.success());
}
TEST_F(Attack, EndlessLinksInATargetAreAnError) {
  image_link("/loop", "/loop/a");
  ContainerSpec wanted = spec({"true"});
  wanted.mounts = {TmpfsMount{"/loop/x"}};
  EXPECT_NE(refusal(wanted).find("mount at /loop/x"), std::string::npos);
}

// R9
TEST_F(Attack, Cve2022_0492_NoCgroupTreeAndNoNewUserNamespace) {
  EXPECT_EQ(run_argv({"probe", "unshare-user"}).out, "unshare: Operation not permitted\n");
  const std::string mounts = output_of({"probe", "cat", "/proc/self/mountinfo"});
  EXPECT_EQ(mounts.find(" - cgroup"), std::string::npos) << mounts;
  EXPECT_EQ(mounts.find(store_), std::string::npos) << mounts;
}

// R11
TEST_F(Attack, Cve2022_24769_NothingIsInheritable) {
  const std::string status = output_of({"probe", "cat", "/proc/self/status"});
  EXPECT_NE(status.find("CapInh:\t0000000000000000\n"), std::string::npos) << status;
  EXPECT_NE(status.find("CapAmb:\t0000000000000000\n"), std::string::npos) << status;
}

// R12
TEST_F(Attack, Cve2022_36109_GroupsComeFromTheImageOnly) {
  image_file("/etc/group", "wheel:x:10:ana\n");
  image_file("/etc/passwd", "ana:x:5:6::/:/bin/sh\n");
  ContainerSpec wanted = spec({"probe", "ids"});
  EXPECT_EQ(output(wanted), "0:0\n");
}

// R14
TEST_F(Attack, Cve2023_25809_OwnCgroupNamespace) {
  const std::string groups = output_of({"probe", "cat", "/proc/self/cgroup"});
  EXPECT_EQ(groups.find("slipway"), std::string::npos) << groups;
}

// R21
TEST_F(Attack, Cve2024_9676_UserFileAsFifoDoesNotHang) {
  ASSERT_TRUE(make_dirs(base_ + "/etc", 0755));
  ASSERT_EQ(::mkfifo((base_ + "/etc/passwd").c_str(), 0644), 0);
  ContainerSpec wanted = spec({"true"});
  wanted.process.user = "ana";
  EXPECT_NE(refusal(wanted).find("etc/passwd"), std::string::npos);
}
TEST_F(Attack, UserFileOfAnySizeOrKindIsBounded) {
  image_file("/etc/passwd", std::string(3 << 20, 'x'));
  EXPECT_NE(refusal(spec({"true"})).find("etc/passwd"), std::string::npos);
}
TEST_F(Attack, UserFileAsALinkStaysInTheImage) {
  image_link("/etc/passwd", "/../../../../../../etc/passwd");
  ContainerSpec wanted = spec({"true"});
  wanted.process.user = "daemon";  // A user of the host.
  EXPECT_FALSE(run(wanted).outcome.success());
}

TEST_F(Attack, HostKeyringsAreOutOfReach) {
  EXPECT_EQ(run_argv({"probe", "keyring"}).out, "keyctl: Operation not permitted\n");
}
TEST_F(Attack, DeviceNodesCannotBeMade) {
  EXPECT_EQ(run_argv({"probe", "mknod", "/kmem"}).out, "/kmem: Operation not permitted\n");
}
TEST_F(Attack, KernelSettingsCannotBeWritten) {
  for (const char* path :
       {"/proc/sys/kernel/core_pattern", "/proc/sysrq-trigger", "/proc/sys/vm/drop_caches"}) {
    EXPECT_FALSE(run_argv({"probe", "open-write", path}).outcome.success()) << path;
  }
  EXPECT_FALSE(run_argv({"probe", "put", "/sys/kernel/x", "1"}).outcome.success());
}
TEST_F(Attack, MaskedPathsShowNothing) {
  for (const char* path :
       {"/proc/keys", "/proc/timer_list", "/proc/kallsyms", "/proc/interrupts"}) {
    const Ran ran = run_argv({"probe", "cat", path});
    EXPECT_TRUE(ran.out.empty() || ran.outcome.code == 9) << path << ": " << ran.out.substr(0, 80);
  }
}

}  // namespace
}  // namespace slipway::sandbox
