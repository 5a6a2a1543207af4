// Device rules as text, in the kernel (both versions of cgroups, whichever this machine has), and as a container meets
// them. The names of the second part begin with Cgroup: they also run in the virtual machine with cgroup v2 alone.
#include "sandbox/limits/device_rules.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <functional>

#include "base/random.h"
#include "base/sys.h"
#include "sandbox/limits/base.h"
#include "sandbox/limits/group.h"
#include "sandbox/limits/group_name.h"
#include "tests/sandbox/container_fixture.h"

namespace slipway::sandbox {
namespace {

using limits::DeviceRules;

std::string texts(const DeviceRules& rules) {
  std::string all;
  for (const auto& rule : rules) all += limits::to_text(rule) + "\n";
  return all;
}

std::string parsed(const std::string& text) {
  const auto rules = limits::parse_device_rule(text);
  return rules ? texts(*rules) : rules.error().text();
}

TEST(DeviceRuleText, IsDockersAndTheKernels) {
  EXPECT_EQ(parsed("c 10:200 rwm"), "c 10:200 rwm\n");
  EXPECT_EQ(parsed("b 8:* mr"), "b 8:* rm\n");
  EXPECT_EQ(parsed("c *:* m"), "c *:* m\n");
  EXPECT_EQ(parsed("a 1:3 w"), "b 1:3 w\nc 1:3 w\n");
  EXPECT_EQ(parsed("a"), "b *:* rwm\nc *:* rwm\n");
}

TEST(DeviceRuleText, NonsenseIsRefusedWithTheReason) {
  for (const char* text : {"", "c", "c 1:3", "c 1 r", "x 1:3 r", "c 1:3 rx", "c 1:3 rr", "c 1:3 ",
                           "c -1:3 r", "c 4096:1 r", "c 1:1048576 r", "c 1:3:4 r", "c 1:3 r w",
                           "c 99999999999:1 r", "c 1:3\nc 1:4 r"})
    EXPECT_EQ(parsed(text).rfind("device rule \"", 0), 0U) << text << ": " << parsed(text);
}

TEST(DeviceRuleText, DefaultsAreHarmless) {
  EXPECT_EQ(texts(limits::default_device_rules()),
            "b *:* m\nc *:* m\nc 1:3 rwm\nc 1:5 rwm\nc 1:7 rwm\nc 1:8 rwm\nc 1:9 rwm\n"
            "c 5:0 rwm\nc 5:2 rwm\nc 136:* rwm\n");
}

// Where the rules are kept: each way that this machine has is tried by itself.
enum class Way { kProgram, kController };

std::vector<limits::Base> bases_of(Way way) {
  std::vector<limits::Base> all = limits::choose_bases(limits::find_hierarchies()).all;
  std::erase_if(all, [&](const limits::Base& base) {
    const bool devices = std::any_of(
        base.controllers.begin(), base.controllers.end(),
        [](const limits::Controller* one) { return one->name == std::string("devices"); });
    return way == Way::kProgram ? !base.unified : !devices;
  });
  return all;
}

class CgroupDevices : public ::testing::Test {
 protected:
  void SetUp() override {
    auto made =
        TempDir::make("/dev", "slipway-test");  // The one place where nodes work everywhere.
    ASSERT_TRUE(made) << made.error().text();
    directory_ = std::make_unique<TempDir>(std::move(*made));
    ASSERT_FALSE(ways().empty())
        << "this machine has neither a unified tree nor a devices controller";
  }
  static std::vector<Way> ways() {
    std::vector<Way> there;
    for (const Way way : {Way::kProgram, Way::kController}) {
      if (!bases_of(way).empty()) there.push_back(way);
    }
    return there;
  }
  /// errno of `act` in a process that is in a group with these rules; 0: it could.
  static int inside(Way way, const DeviceRules& rules, const std::function<bool()>& act) {
    const std::vector<limits::Base> bases = bases_of(way);
    for (const limits::Base& base : bases) EXPECT_TRUE(limits::prepare_base(base));
    auto group = limits::make_group(bases, "test-" + random_hex(4) + "." + limits::creator_mark(),
                                    {}, Counting::kWhatIsLimited, &rules);
    EXPECT_TRUE(group) << group.error().text();
    if (!group) return -1;
    EXPECT_TRUE((*group)->warnings().empty()) << (*group)->warnings().front();
    auto gate = sys::make_pipe();
    const pid_t child = ::fork();
    if (child == 0) {
      char byte;
      (void)!::read(gate->read.get(), &byte, 1);
      ::_exit(act() ? 0 : errno);
    }
    EXPECT_TRUE((*group)->add(child));
    (void)!::write(gate->write.get(), "x", 1);
    int status = 0;
    ::waitpid(child, &status, 0);
    return WEXITSTATUS(status);
  }
  int opening(Way way, const std::string& rule, const std::string& node, int flags) {
    const DeviceRules rules = rule.empty() ? DeviceRules{} : *limits::parse_device_rule(rule);
    return inside(way, rules, [&] { return ::open(node.c_str(), flags | O_NONBLOCK) >= 0; });
  }
  std::string node(mode_t kind, unsigned major_number, unsigned minor_number) {
    const std::string path = directory_->path() + "/" + std::to_string(next_++);
    EXPECT_EQ(::mknod(path.c_str(), kind | 0666, makedev(major_number, minor_number)), 0);
    return path;
  }
  std::unique_ptr<TempDir> directory_;
  int next_ = 0;
};

TEST_F(CgroupDevices, NothingIsOpenWithoutARule) {
  for (const Way way : ways()) {
    EXPECT_EQ(opening(way, "", "/dev/null", O_RDWR), EPERM);
    EXPECT_EQ(opening(way, "", "/dev/zero", O_RDONLY), EPERM);
    EXPECT_EQ(opening(way, "", "/proc/self/status", O_RDONLY), 0);
  }
}

TEST_F(CgroupDevices, ARuleOpensWhatItNamesAndNoMore) {
  for (const Way way : ways()) {
    EXPECT_EQ(opening(way, "c 1:5 rwm", "/dev/zero", O_RDWR), 0);
    EXPECT_EQ(opening(way, "c 1:5 rwm", "/dev/null", O_RDONLY), EPERM);
    EXPECT_EQ(opening(way, "c 2:5 rwm", "/dev/zero", O_RDONLY), EPERM);
    EXPECT_EQ(opening(way, "b 1:5 rwm", "/dev/zero", O_RDONLY), EPERM);
    EXPECT_EQ(opening(way, "c 1:* r", "/dev/null", O_RDONLY), 0);
    EXPECT_EQ(opening(way, "c *:3 r", "/dev/null", O_RDONLY), 0);
    EXPECT_EQ(opening(way, "a", "/dev/null", O_RDWR), 0);
  }
}

TEST_F(CgroupDevices, ReadingIsNotWriting) {
  for (const Way way : ways()) {
    EXPECT_EQ(opening(way, "c 1:5 r", "/dev/zero", O_RDONLY), 0);
    EXPECT_EQ(opening(way, "c 1:5 r", "/dev/zero", O_WRONLY), EPERM);
    EXPECT_EQ(opening(way, "c 1:5 r", "/dev/zero", O_RDWR), EPERM);
    EXPECT_EQ(opening(way, "c 1:5 w", "/dev/zero", O_WRONLY), 0);
    EXPECT_EQ(opening(way, "c 1:5 w", "/dev/zero", O_RDONLY), EPERM);
    EXPECT_EQ(opening(way, "c 1:5 m", "/dev/zero", O_RDONLY), EPERM);
  }
}

TEST_F(CgroupDevices, NodesMayBeMadeByDefaultButNotUsed) {
  const std::string disk = node(S_IFBLK, 7, 200);
  const std::string memory = node(S_IFCHR, 1, 11);  // The kernel's log.
  for (const Way way : ways()) {
    const DeviceRules rules = limits::default_device_rules();
    const std::string made = directory_->path() + "/made" + std::to_string(next_++);
    EXPECT_EQ(inside(way, rules,
                     [&] { return ::mknod(made.c_str(), S_IFBLK | 0600, makedev(8, 0)) == 0; }),
              0);
    EXPECT_EQ(
        inside(way, {},
               [&] { return ::mknod((made + "x").c_str(), S_IFBLK | 0600, makedev(8, 0)) == 0; }),
        EPERM);
    for (const std::string& path : {disk, memory, made})
      EXPECT_EQ(
          inside(way, rules, [&] { return ::open(path.c_str(), O_RDONLY | O_NONBLOCK) >= 0; }),
          EPERM)
          << path;
  }
}

// A container's own view of it.
class DeviceAttack : public ContainerTest {
 protected:
  Ran with(std::vector<std::string> argv, std::vector<Power> powers) {
    ContainerSpec wanted = spec(std::move(argv));
    wanted.isolation.powers = std::move(powers);
    return run(wanted);
  }
};

// As container root with the capability to pass over modes.
TEST_F(DeviceAttack, RootCannotWriteADeviceThatWasGivenForReading) {
  const power::HostDevice reading{"/dev/cpu_dma_latency", "/dev/z", "r"};
  EXPECT_EQ(with({"attack", "open", "/dev/z"}, {reading}).out,
            "read=worked\nwrite=EPERM\nboth=EPERM\n");
  const power::HostDevice all{"/dev/cpu_dma_latency", "/dev/z", "rwm"};
  EXPECT_EQ(with({"attack", "open", "/dev/z"}, {all}).out,
            "read=worked\nwrite=worked\nboth=worked\n");
}

TEST_F(DeviceAttack, ARunningContainersNewProcessesAreBoundAsWell) {
  auto out = sys::make_pipe();
  ContainerSpec wanted = spec({"probe", "wait-signal", "15"});
  wanted.isolation.powers = {power::HostDevice{"/dev/cpu_dma_latency", "/dev/z", "r"}};
  auto container = engine_->start(wanted);
  ASSERT_TRUE(container) << container.error().text();
  ExecSpec command;
  command.process.argv = {"attack", "open", "/dev/z"};
  command.process.env = {"PATH=/bin"};
  command.process.stdout_fd = out->write.get();
  command.privileged = true;
  auto process = (*container)->exec(command);
  ASSERT_TRUE(process) << process.error().text();
  out->write.reset();
  EXPECT_TRUE((*process)->wait(CancelToken(), std::nullopt, {}).success());
  EXPECT_EQ(drain(out->read.get()), "read=worked\nwrite=EPERM\nboth=EPERM\n");
  EXPECT_TRUE((*container)->signal(SIGKILL));
  (void)(*container)->wait(CancelToken(), std::nullopt, {});
}

// The machine's root with the right to make nodes: the node is made, and is dead wherever it lies.
TEST_F(DeviceAttack, NodesMadeByTheMachinesRootAreDead) {
  const std::vector<Power> powers = {power::HostUserNamespace{}, power::AddedCapability{"MKNOD"}};
  for (const char* path : {"/kernel-log", "/dev/kernel-log", "/dev/shm/kernel-log"}) {
    const Ran ran = with({"attack", "make-and-open", path}, powers);
    EXPECT_TRUE(ran.out == "open=EACCES\n" || ran.out == "open=EPERM\n") << path << ": " << ran.out;
  }
}

TEST_F(DeviceAttack, ARuleAloneOpensAMadeNodeNowhereButInDev) {
  const std::vector<Power> powers = {power::HostUserNamespace{}, power::AddedCapability{"MKNOD"},
                                     power::DeviceAccess{"c 1:11 r"}};
  EXPECT_EQ(with({"attack", "make-and-open", "/kernel-log"}, powers).out, "open=EACCES\n");
  const auto refused = [&](const char* rule) {
    ContainerSpec wanted = spec({"true"});
    wanted.isolation.powers = {power::DeviceAccess{rule}};
    auto container = engine_->start(wanted);
    return container ? "started" : container.error().text();
  };
  EXPECT_NE(refused("c 1:11").find("device rule \"c 1:11\""), std::string::npos);
}

TEST_F(DeviceAttack, PrivilegedHasTheMachinesDevicesOnlyWithItsUsers) {
  const Ran apart = with({"probe", "list", "/dev"}, {power::Privileged{}});
  EXPECT_EQ(apart.out.find("kmsg"), std::string::npos) << apart.out;
  const std::vector<Power> both = {power::Privileged{}, power::HostUserNamespace{}};
  const Ran all = with({"probe", "list", "/dev"}, both);
  for (const char* name : {"kmsg", "null", "pts", "shm", "stdin", "ptmx", "full"})
    EXPECT_NE(all.out.find(name), std::string::npos) << name << " in " << all.out << all.err;
  EXPECT_EQ(with({"attack", "open", "/dev/kmsg"}, both).out,
            "read=worked\nwrite=worked\nboth=worked\n");
  EXPECT_EQ(with({"probe", "open-write", "/dev/null"}, both).out, "opened for writing\n");
}

TEST_F(DeviceAttack, ADirectoryStandsForTheDevicesBelowIt) {
  auto made = TempDir::make("/dev", "slipway-test");
  ASSERT_TRUE(made);
  ASSERT_EQ(::mkdir((made->path() + "/deep").c_str(), 0755), 0);
  ASSERT_EQ(::mknod((made->path() + "/a").c_str(), S_IFCHR | 0600, makedev(1, 5)), 0);
  ASSERT_EQ(::mknod((made->path() + "/deep/b").c_str(), S_IFCHR | 0600, makedev(1, 7)), 0);
  ASSERT_EQ(::symlink("/etc/shadow", (made->path() + "/link").c_str()), 0);
  const power::HostDevice device{made->path(), "/dev/given", "rw"};
  EXPECT_NE(with({"probe", "stat", "/dev/given/a"}, {device}).out.find(" 1:5"), std::string::npos);
  EXPECT_NE(with({"probe", "stat", "/dev/given/deep/b"}, {device}).out.find(" 1:7"),
            std::string::npos);
  EXPECT_FALSE(with({"probe", "stat", "/dev/given/link"}, {device}).outcome.success());
}

}  // namespace
}  // namespace slipway::sandbox
