// Every option that loosens isolation, both ways: without it the container cannot, with it it can, and a configuration
// can forbid it by name. And containers that share namespaces.
#include <sys/prctl.h>
#include <sys/sysmacros.h>

#include <thread>

#include "base/text.h"
#include "tests/sandbox/container_fixture.h"

namespace slipway::sandbox {
namespace {

class Loosening : public ContainerTest {
 protected:
  std::string refusal(const ContainerSpec& wanted) {
    auto container = engine_->start(wanted);
    return container ? "started" : container.error().text();
  }
  static std::string own_link(const std::string& kind) {
    return std::filesystem::read_symlink("/proc/self/ns/" + kind).string() + "\n";
  }
  void expect_forbidden(ContainerSpec wanted, const std::string& name) {
    EngineOptions options{store_, {}};
    options.policy.forbidden = {name};
    auto strict = Engine::open(options);
    ASSERT_TRUE(strict);
    auto refused = (*strict)->start(wanted);
    ASSERT_FALSE(refused) << name;
    EXPECT_EQ(refused.error().code(), ErrorCode::kPermission);
    EXPECT_NE(refused.error().text().find("use power " + name), std::string::npos);
  }
  // The namespace is the machine's exactly when the power is given.
  void expect_shares(const Power& power, const std::string& kind) {
    ContainerSpec wanted = spec({"probe", "link", "/proc/self/ns/" + kind});
    EXPECT_NE(output(wanted), own_link(kind)) << kind;
    wanted = spec({"probe", "link", "/proc/self/ns/" + kind});
    wanted.isolation.powers = {power};
    EXPECT_EQ(output(wanted), own_link(kind)) << kind;
    wanted = spec({"true"});
    wanted.isolation.powers = {power};
    expect_forbidden(wanted, std::string(power_name(power)));
  }
  std::string status_line(const std::string& field, std::vector<Power> powers) {
    ContainerSpec wanted = spec({"probe", "cat", "/proc/self/status"});
    wanted.isolation.powers = std::move(powers);
    const std::string status = output(wanted);
    for (const auto line : split(status, '\n')) {
      if (line.rfind(field + ":", 0) == 0) return std::string(trim(line.substr(field.size() + 1)));
    }
    return "?";
  }
};

TEST_F(Loosening, HostNamespacesAreSharedOnlyWhenGiven) {
  expect_shares(power::HostIpc{}, "ipc");
  expect_shares(power::HostUts{}, "uts");
  expect_shares(power::HostUserNamespace{}, "user");
  expect_shares(power::HostCgroups{}, "cgroup");
}

TEST_F(Loosening, HostProcessesAreSharedOnlyWhenGiven) { expect_shares(power::HostPid{}, "pid"); }

TEST_F(Loosening, HostUserNamespaceRunsAsTheMachinesRootWithFewCapabilities) {
  EXPECT_EQ(status_line("CapEff", {power::HostUserNamespace{}}), "00000000800405fb");
  ContainerSpec wanted = spec({"probe", "put", "/made", "x"});
  wanted.isolation.powers = {power::HostUserNamespace{}};
  const std::string upper = wanted.root.stack.upper;
  EXPECT_TRUE(run(wanted).outcome.success());
  struct stat made {};
  ASSERT_EQ(::stat((upper + "/made").c_str(), &made), 0);
  EXPECT_EQ(made.st_uid, ::geteuid());
}

TEST_F(Loosening, NothingSurvivesAContainerAmongTheHostsProcesses) {
  ContainerSpec wanted = spec({"probe", "daemon"});
  wanted.isolation.powers = {power::HostPid{}};
  auto out = sys::make_pipe();
  wanted.process.stdout_fd = out->write.get();
  auto container = engine_->start(wanted);
  ASSERT_TRUE(container) << container.error().text();
  out->write.reset();
  EXPECT_TRUE((*container)->wait(CancelToken(), std::nullopt, {}).success());
  // The background child had the pipe open and ignored its parent's end.
  EXPECT_EQ(drain(out->read.get()), "");
}

TEST_F(Loosening, PrivilegedHasAllCapabilitiesNoFilterAndNoMasks) {
  EXPECT_EQ(status_line("Seccomp", {}), "2");
  EXPECT_EQ(status_line("Seccomp", {power::Privileged{}}), "0");
  EXPECT_EQ(status_line("CapBnd", {power::Privileged{}}),
            status_line("CapBnd", {power::AddedCapability{"ALL"}}));
  ContainerSpec wanted = spec({"probe", "unshare-user"});
  EXPECT_FALSE(run(wanted).outcome.success());
  wanted = spec({"probe", "unshare-user"});
  wanted.isolation.powers = {power::Privileged{}};
  EXPECT_EQ(output(wanted), "made\n");
  expect_forbidden(wanted, "privileged");
}

TEST_F(Loosening, PrivilegedStaysInItsUserNamespace) {
  ContainerSpec wanted = spec({"probe", "open-write", "/proc/sys/kernel/core_pattern"});
  wanted.isolation.powers = {power::Privileged{}};
  EXPECT_FALSE(run(wanted).outcome.success());
  wanted = spec({"probe", "mknod", "/null"});
  wanted.isolation.powers = {power::Privileged{}};
  EXPECT_FALSE(run(wanted).outcome.success());
}

TEST_F(Loosening, UnmaskedPathsShowWhatIsHidden) {
  const auto masks = [this](std::vector<Power> powers) {
    ContainerSpec wanted = spec({"probe", "cat", "/proc/self/mountinfo"});
    wanted.isolation.powers = std::move(powers);
    const std::string mounts = output(wanted);
    return mounts.find(" /proc/sys ") != mounts.npos;
  };
  EXPECT_TRUE(masks({}));
  EXPECT_FALSE(masks({power::UnmaskedPaths{}}));
  ContainerSpec wanted = spec({"true"});
  wanted.isolation.powers = {power::UnmaskedPaths{}};
  expect_forbidden(wanted, "unmasked-paths");
}

TEST_F(Loosening, SeccompIsOffOrTheCallersOwnWhenGiven) {
  EXPECT_EQ(status_line("Seccomp", {power::UnconfinedSeccomp{}}), "0");
  constexpr char kNoHostname[] = R"({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
      {"names": ["uname"], "action": "SCMP_ACT_ERRNO", "errnoRet": 5}]})";
  ContainerSpec wanted = spec({"probe", "hostname"});
  EXPECT_EQ(output(wanted), "slipway\n");
  wanted = spec({"probe", "hostname"});
  wanted.isolation.powers = {power::CustomSeccomp{kNoHostname}};
  EXPECT_NE(output(wanted), "slipway\n");
  expect_forbidden(wanted, "own-seccomp");
  wanted = spec({"true"});
  wanted.isolation.powers = {power::CustomSeccomp{R"({"defaultAction": "SCMP_ACT_NO"})"}};
  EXPECT_NE(refusal(wanted).find("defaultAction: unknown action \"SCMP_ACT_NO\""),
            std::string::npos);
}

// A filter that forbids what init itself needs confines the command alone.
TEST_F(Loosening, AnOwnFilterDoesNotBreakTheContainersInit) {
  constexpr char kNoWaiting[] = R"({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
      {"names": ["wait4", "ppoll", "kill"], "action": "SCMP_ACT_KILL_PROCESS"}]})";
  ContainerSpec wanted = spec({"probe", "exit", "3"});
  wanted.isolation.powers = {power::CustomSeccomp{kNoWaiting}};
  EXPECT_EQ(run(wanted).outcome.code, 3);
}

TEST_F(Loosening, DevicesAreThereOnlyWhenGiven) {
  ContainerSpec wanted = spec({"probe", "stat", "/dev/full2"});
  EXPECT_FALSE(run(wanted).outcome.success());
  wanted = spec({"probe", "stat", "/dev/full2"});
  wanted.isolation.powers = {power::HostDevice{"/dev/full", "/dev/full2", "rw"}};
  const std::string seen = output(wanted);
  EXPECT_NE(seen.find(" 1:7"), std::string::npos) << seen;
  expect_forbidden(wanted, "host-device");
  wanted = spec({"probe", "open-write", "/dev/full2"});
  wanted.isolation.powers = {power::HostDevice{"/dev/full", "/dev/full2", "rw"}};
  EXPECT_EQ(output(wanted), "opened for writing\n");
}

TEST_F(Loosening, OnlyDevicesAreGivenAsDevices) {
  ContainerSpec wanted = spec({"true"});
  wanted.isolation.powers = {power::HostDevice{"/etc/passwd", "/dev/x", "rwm"}};
  EXPECT_NE(refusal(wanted).find("it is no device node"), std::string::npos);
  wanted.isolation.powers = {power::HostDevice{"/dev/full", "x", "rwm"}};
  EXPECT_NE(refusal(wanted).find("is not absolute"), std::string::npos);
  wanted.isolation.powers = {power::HostDevice{"/dev/full", "/dev/x", "rx"}};
  EXPECT_NE(refusal(wanted).find("not made of r, w and m"), std::string::npos);
}

TEST_F(Loosening, AnAppArmorProfileIsNeverSilentlyLeftOut) {
  ContainerSpec wanted = spec({"true"});
  wanted.isolation.apparmor_profile = "docker-default";
  // Not loaded, or no AppArmor at all.
  EXPECT_NE(refusal(wanted).find("AppArmor profile docker-default: "), std::string::npos);
  wanted.isolation.apparmor_profile = "two\nlines";
  EXPECT_NE(refusal(wanted).find("that is no name of a profile"), std::string::npos);
  wanted.isolation.apparmor_profile = "unconfined";
  EXPECT_TRUE(run(wanted).outcome.success());
}

// A container that prints "ready", and others that join it.
class Peers : public Loosening {
 protected:
  void SetUp() override {
    ContainerTest::SetUp();
    auto out = sys::make_pipe();
    ContainerSpec wanted = spec({"probe", "wait-signal", "0"});
    wanted.process.stdout_fd = out->write.get();
    auto container = engine_->start(wanted);
    ASSERT_TRUE(container) << container.error().text();
    first_ = std::move(*container);
    out->write.reset();
    char line[6];
    ASSERT_EQ(::read(out->read.get(), line, sizeof line), 6);
  }
  void TearDown() override {
    if (!first_) return;
    CancelToken cancel;
    cancel.cancel(CancelLevel::kKill);
    (void)first_->wait(cancel, std::nullopt, {});
    first_.reset();
  }
  Peer peer() const { return {first_->pid(), first_->pidfd()}; }
  std::string first_link(const std::string& kind) const {
    return std::filesystem::read_symlink("/proc/" + std::to_string(first_->pid()) + "/ns/" + kind)
               .string() +
           "\n";
  }
  ContainerSpec link(const std::string& kind) {
    return spec({"probe", "link", "/proc/self/ns/" + kind});
  }
  std::unique_ptr<Container> first_;
};

TEST_F(Peers, NetworkOfAnotherContainerIsJoinedAndNothingElse) {
  const auto joined = [this](const std::string& kind) {
    ContainerSpec wanted = link(kind);
    wanted.network = Network::kPeer;
    wanted.network_peer = peer();
    return output(wanted);
  };
  EXPECT_EQ(joined("net"), first_link("net"));
  EXPECT_EQ(joined("user"), first_link("user"));
  for (const char* kind : {"pid", "mnt", "ipc", "uts", "cgroup"})
    EXPECT_NE(joined(kind), first_link(kind)) << kind;
}

TEST_F(Peers, ProcessesOfAnotherContainerAreSeen) {
  ContainerSpec wanted = link("pid");
  wanted.pid_peer = peer();
  EXPECT_EQ(output(wanted), first_link("pid"));
  wanted = spec({"probe", "list", "/proc"});
  wanted.pid_peer = peer();
  const std::string processes = output(wanted);
  int numbers = 0;
  for (const std::string_view name : split(processes, '\n')) numbers += parse_int(name).has_value();
  EXPECT_EQ(numbers, 4) << processes;  // Two of each.
}

TEST_F(Peers, SharedMemoryOfAnotherContainerIsShared) {
  ExecSpec write;
  write.process.argv = {"/bin/probe", "put", "/dev/shm/note", "hello"};
  auto process = first_->exec(write);
  ASSERT_TRUE(process) << process.error().text();
  ASSERT_TRUE((*process)->wait(CancelToken(), std::nullopt, {}).success());
  ContainerSpec wanted = spec({"probe", "cat", "/dev/shm/note"});
  EXPECT_FALSE(run(wanted).outcome.success());
  wanted = spec({"probe", "cat", "/dev/shm/note"});
  wanted.ipc_peer = peer();
  EXPECT_EQ(output(wanted), "hello");
  wanted = link("ipc");
  wanted.ipc_peer = peer();
  EXPECT_EQ(output(wanted), first_link("ipc"));
}

// Whoever is in the joined pid namespace may be hostile: it must see no process of the launch that it could trace.
TEST_F(Peers, JoiningOneIsAsConfinedAndItsInitCannotBeTraced) {
  ContainerSpec wanted = spec({"attack", "descriptors-of", "self"});
  wanted.pid_peer = peer();
  const std::string held = output(wanted);
  for (const std::string_view target : split(held, '\n')) {
    const bool harmless = target.empty() || target == "/dev/null" ||
                          target.rfind("pipe:[", 0) == 0 || target.rfind("/proc/", 0) == 0;
    EXPECT_TRUE(harmless) << target;
  }
  wanted = spec({"probe", "cat", "/proc/self/status"});
  wanted.pid_peer = peer();
  EXPECT_NE(output(wanted).find("CapEff:\t00000000800405fb"), std::string::npos);
}

TEST_F(Peers, UserNamespaceOfTheMachineDoesNotMixWithAContainers) {
  ContainerSpec wanted = spec({"true"});
  wanted.network = Network::kPeer;
  wanted.network_peer = peer();
  wanted.isolation.powers = {power::HostUserNamespace{}};
  EXPECT_NE(refusal(wanted).find("it has a user namespace of its own"), std::string::npos);
}

}  // namespace
}  // namespace slipway::sandbox
