// What a spec may wish for without being given a power: limits of processes, kernel settings, groups, tmpfs options, a
// network made by the caller; and what is refused of it.
#include <sys/resource.h>

#include "base/text.h"
#include "tests/sandbox/container_fixture.h"

namespace slipway::sandbox {
namespace {

class Wishes : public ContainerTest {
 protected:
  std::string refusal(const ContainerSpec& wanted) {
    auto container = engine_->start(wanted);
    return container ? "started" : container.error().text();
  }
};

TEST_F(Wishes, UlimitsAreSetAndClampedWithAWarning) {
  ContainerSpec wanted = spec({"probe", "limit", std::to_string(RLIMIT_NPROC)});
  wanted.isolation.ulimits = {{"nproc", 100, 200}};
  EXPECT_EQ(output(wanted), "100 200\n");
  wanted = spec({"true"});
  struct rlimit own {};
  ::getrlimit(RLIMIT_NOFILE, &own);
  const auto more = static_cast<std::int64_t>(own.rlim_max) + 1;
  wanted.isolation.ulimits = {{"nofile", 64, more}};
  auto container = engine_->start(wanted);
  ASSERT_TRUE(container) << container.error().text();
  ASSERT_EQ((*container)->warnings().size(), 1u);
  EXPECT_NE((*container)->warnings()[0].find("limit nofile is 64:"), std::string::npos);
  (*container)->wait(CancelToken(), std::nullopt, {});
}

TEST_F(Wishes, UlimitsThatMakeNoSenseAreRefused) {
  ContainerSpec wanted = spec({"true"});
  wanted.isolation.ulimits = {{"nofil", 1, 2}};
  EXPECT_NE(refusal(wanted).find("did you mean \"nofile\"?"), std::string::npos);
  wanted.isolation.ulimits = {{"nofile", 3, 2}};
  EXPECT_NE(refusal(wanted).find("soft limit 3 is above the hard limit 2"), std::string::npos);
}

TEST_F(Wishes, SysctlsOfItsOwnNamespacesAreSet) {
  ContainerSpec wanted = spec({"probe", "cat", "/proc/sys/net/ipv4/ip_default_ttl"});
  wanted.isolation.sysctls = {{"net.ipv4.ip_default_ttl", "77"}, {"kernel.msgmax", "9000"}};
  EXPECT_EQ(output(wanted), "77\n");
  wanted = spec({"probe", "cat", "/proc/sys/kernel/msgmax"});
  wanted.isolation.sysctls = {{"kernel.msgmax", "9000"}};
  EXPECT_EQ(output(wanted), "9000\n");
  EXPECT_NE(*read_file("/proc/sys/kernel/msgmax", 64_KiB), "9000\n");
}

TEST_F(Wishes, SysctlsOfTheMachineAreRefusedWithTheReason) {
  for (const char* name :
       {"kernel.core_pattern", "vm.overcommit_memory", "fs.file-max", "kernel.modprobe",
        "user.max_user_namespaces", "dev.tty.ldisc_autoload"}) {
    ContainerSpec wanted = spec({"true"});
    wanted.isolation.sysctls = {{name, "1"}};
    EXPECT_NE(refusal(wanted).find("belongs to the whole machine"), std::string::npos) << name;
  }
  for (const char* name : {"net.../../../kernel/core_pattern", "net..x", "net/ipv4", ".net", ""}) {
    ContainerSpec wanted = spec({"true"});
    wanted.isolation.sysctls = {{name, "1"}};
    EXPECT_NE(refusal(wanted).find("not a name"), std::string::npos) << name;
  }
  ContainerSpec wanted = spec({"true"});
  wanted.network = Network::kHost;
  wanted.isolation.sysctls = {{"net.ipv4.ip_forward", "1"}};
  EXPECT_NE(refusal(wanted).find("no network namespace of its own"), std::string::npos);
}

TEST_F(Wishes, GroupsAreAddedByNameFromTheRootsOwnFile) {
  ASSERT_TRUE(make_dirs(base_ + "/etc", 0755));
  ASSERT_TRUE(write_file_atomic(base_ + "/etc/group", "video:x:44:\n", 0644));
  ContainerSpec wanted = spec({"probe", "ids"});
  wanted.process.user = "7:9";
  wanted.isolation.group_add = {"video", "123"};
  EXPECT_EQ(output(wanted), "7:9 44 123\n");
  wanted = spec({"probe", "ids"});
  wanted.isolation.group_add = {"nobody-knows"};
  EXPECT_EQ(run(wanted).outcome.reason, "find group nobody-knows: no such group in /etc/group");
}

TEST_F(Wishes, TmpfsOptionsAreTakenAndDangerousOnesRefused) {
  ContainerSpec wanted = spec({"probe", "stat", "/scratch"});
  TmpfsMount tmpfs{"/scratch"};
  tmpfs.options = {"noexec", "mode=710", "uid=3", "size=1m", "nr_inodes=20"};
  wanted.mounts = {tmpfs};
  EXPECT_EQ(output(wanted).substr(0, 9), "40710 3:0");
  for (const char* option :
       {"suid", "dev", "mpol=x", "size=x", "uid=-1", "mode=9", "huge=always"}) {
    tmpfs.options = {option};
    wanted = spec({"true"});
    wanted.mounts = {tmpfs};
    EXPECT_NE(refusal(wanted).find("mount tmpfs at /scratch: option"), std::string::npos) << option;
  }
}

TEST_F(Wishes, SharedMemoryHasTheSizeThatIsAsked) {
  ContainerSpec wanted = spec({"probe", "cat", "/proc/self/mountinfo"});
  wanted.isolation.shm_size = 1_MiB;
  const std::string mounts = output(wanted);
  const std::size_t at = mounts.find(" /dev/shm ");
  ASSERT_NE(at, mounts.npos);
  EXPECT_NE(mounts.substr(at, 200).find("size=1024k"), std::string::npos) << mounts.substr(at, 200);
}

TEST_F(Wishes, NetworkIsMadeByTheCallerBeforeAnythingRuns) {
  ContainerSpec wanted = spec({"true"});
  struct stat space {};
  wanted.network_setup = [&](int netns_fd) -> Status {
    if (::fstat(netns_fd, &space) != 0) return fail_errno("look at namespace");
    return {};
  };
  EXPECT_TRUE(run(wanted).outcome.success());
  struct stat own {};
  ASSERT_EQ(::stat("/proc/self/ns/net", &own), 0);
  EXPECT_NE(space.st_ino, 0u);
  EXPECT_NE(space.st_ino, own.st_ino);
  wanted = spec({"true"});
  wanted.network_setup = [](int) -> Status {
    return fail(ErrorCode::kExhausted, "take address: none is left");
  };
  EXPECT_NE(refusal(wanted).find("take address: none is left"), std::string::npos);
}

TEST_F(Wishes, SharedPropagationIsRefused) {
  ContainerSpec wanted = spec({"true"});
  BindMount bind{"/usr", "/mnt"};
  bind.propagation = Propagation::kRecursiveShared;
  wanted.mounts = {bind};
  EXPECT_NE(refusal(wanted).find("reach the machine"), std::string::npos);
}

TEST_F(Wishes, PowersAreRefusedByThePolicyByName) {
  EngineOptions options{store_, {}};
  options.policy.forbidden = {"add-capability", "host-network"};
  auto strict = Engine::open(options);
  ASSERT_TRUE(strict);
  ContainerSpec wanted = spec({"true"});
  wanted.isolation.powers = {power::AddedCapability{"SYS_ADMIN"}};
  auto refused = (*strict)->start(wanted);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), ErrorCode::kPermission);
  EXPECT_NE(refused.error().text().find("use power add-capability SYS_ADMIN: the configuration"),
            std::string::npos);
  wanted = spec({"true"});
  wanted.network = Network::kHost;
  refused = (*strict)->start(wanted);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().text().find("host-network"), std::string::npos);
}

}  // namespace
}  // namespace slipway::sandbox
