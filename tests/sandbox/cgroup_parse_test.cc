// Which hierarchies a machine has, from recorded texts; names of groups. Needs no rights.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sandbox/limits/controller.h"
#include "sandbox/limits/group_name.h"
#include "sandbox/limits/hierarchies.h"

namespace slipway::sandbox::limits {
namespace {

constexpr char kHybridMounts[] =
    "22 1 254:0 / / rw,relatime - ext4 /dev/root rw\n"
    "32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime shared:9 - cgroup cgroup rw,cpu,cpuacct\n"
    "35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory\n"
    "40 31 0:37 / /sys/fs/cgroup/systemd rw,relatime - cgroup cgroup rw,xattr,name=systemd\n"
    "41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw\n";
constexpr char kHybridOwn[] =
    "9:name=systemd:/\n4:memory:/outer/run 1\n1:cpu,cpuacct:/\n0::/session\n";

TEST(CgroupParse, HybridHasControllersInV1AndTheUnifiedTree) {
  const Hierarchies found = parse_hierarchies(kHybridMounts, kHybridOwn);
  ASSERT_EQ(found.v1.count("cpu"), 1u);
  EXPECT_EQ(found.v1.at("cpu").mount, "/sys/fs/cgroup/cpu,cpuacct");
  EXPECT_EQ(found.v1.at("cpuacct").mount, found.v1.at("cpu").mount);
  EXPECT_TRUE(found.v1.at("cpu").at_root());
  EXPECT_EQ(found.v1.at("memory").own, "/sys/fs/cgroup/memory/outer/run 1");
  EXPECT_EQ(found.v1.count("xattr"), 0u);
  ASSERT_TRUE(found.unified);
  EXPECT_EQ(found.unified->own, "/sys/fs/cgroup/unified/session");
}

TEST(CgroupParse, PureV2HasOneTree) {
  const Hierarchies found = parse_hierarchies(
      "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n",
      "0::/user.slice/user-1000.slice/session-3.scope\n");
  EXPECT_TRUE(found.v1.empty());
  ASSERT_TRUE(found.unified);
  EXPECT_EQ(found.unified->mount, "/sys/fs/cgroup");
  EXPECT_EQ(found.unified->own, "/sys/fs/cgroup/user.slice/user-1000.slice/session-3.scope");
}

TEST(CgroupParse, MountOfASubdirectoryIsOwnRootInAContainerWithoutNamespace) {
  const Hierarchies found = parse_hierarchies(
      "30 23 0:26 /docker/abc /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n",
      "4:memory:/docker/abc/inner\n");
  EXPECT_EQ(found.v1.at("memory").own, "/sys/fs/cgroup/memory/inner");
}

TEST(CgroupParse, GroupOutsideTheNamespaceIsTheMount) {
  const Hierarchies found = parse_hierarchies(
      "30 23 0:26 /../../.. /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n", "0::/../other\n");
  EXPECT_TRUE(found.unified->at_root());
}

TEST(CgroupParse, EscapedMountPointsAreUnescaped) {
  const Hierarchies found =
      parse_hierarchies("30 23 0:26 / /mnt/a\\040b\\134c rw - cgroup2 cgroup2 rw\n", "0::/\n");
  EXPECT_EQ(found.unified->mount, "/mnt/a b\\c");
}

TEST(CgroupParse, NonsenseIsSkipped) {
  const Hierarchies found =
      parse_hierarchies("\n-\n1 2 3\n1 2 0:1 / /x rw - cgroup\n a - b\n", "::\n\n1\nx:y\n:::\n");
  EXPECT_TRUE(found.v1.empty());
  EXPECT_FALSE(found.unified);
}

TEST(CgroupNames, OwnGroupsAreNotOfTheDead) {
  EXPECT_FALSE(made_by_the_dead("job." + creator_mark()));
}

TEST(CgroupNames, GroupOfAnEndedProcessIsOfTheDead) {
  int pipe_fds[2];
  ASSERT_EQ(::pipe(pipe_fds), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    const std::string mark = creator_mark();
    ::_exit(::write(pipe_fds[1], mark.data(), mark.size()) > 0 ? 0 : 1);
  }
  ::close(pipe_fds[1]);
  char buffer[200];
  const ssize_t size = ::read(pipe_fds[0], buffer, sizeof buffer);
  ::close(pipe_fds[0]);
  ASSERT_GT(size, 0);
  ::waitpid(child, nullptr, 0);
  EXPECT_TRUE(made_by_the_dead("job." + std::string(buffer, static_cast<std::size_t>(size))));
}

TEST(CgroupNames, ReusedPidIsToldByItsStartTime) {
  const std::string mark = creator_mark();
  const std::size_t first = mark.find('.');
  const std::size_t second = mark.find('.', first + 1);
  EXPECT_TRUE(made_by_the_dead("job." + mark.substr(0, first) + ".1" + mark.substr(second)));
}

TEST(CgroupNames, ForeignNamesAndOtherPidNamespacesAreLeftAlone) {
  for (const char* name : {"user.slice", "a.b.c.d", "job.1.2", "job.0.0.1", "job.999999999.1.1",
                           "job.-1.1.4026531836", "", "....", "docker"}) {
    EXPECT_FALSE(made_by_the_dead(name)) << name;
  }
}

TEST(CgroupControllers, QuotaIsMicrosecondsPerPeriodAndNeverBelowTheKernelsLeast) {
  EXPECT_EQ(cpu_quota_micros(1), 100'000);
  EXPECT_EQ(cpu_quota_micros(0.5), 50'000);
  EXPECT_EQ(cpu_quota_micros(2.25), 225'000);
  EXPECT_EQ(cpu_quota_micros(0.000001), 1000);
}

}  // namespace
}  // namespace slipway::sandbox::limits
