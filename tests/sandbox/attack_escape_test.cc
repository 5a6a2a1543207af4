// Ways out of a running container: system calls, /proc, descriptors, terminals, sockets. SECURITY, tables 1a and 1b.
#include <fcntl.h>
#include <pty.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>

#include <cstdlib>

#include "base/random.h"
#include "base/text.h"
#include "tests/sandbox/container_fixture.h"
#include "tests/support/paths.h"

namespace slipway::sandbox {
namespace {

using Answers = std::map<std::string, std::string, std::less<>>;

Answers parse(const std::string& text) {
  Answers answers;
  for (const std::string_view line : split(text, '\n')) {
    const std::size_t equals = line.find('=');
    if (equals != line.npos) answers[std::string(line.substr(0, equals))] = line.substr(equals + 1);
  }
  return answers;
}

class Escape : public ContainerTest {
 protected:
  Answers attack(std::vector<std::string> argv) {
    argv.insert(argv.begin(), "attack");
    return parse(output_of(std::move(argv)));
  }
  Answers attack_with_host_tools(std::vector<std::string> argv) {
    ContainerSpec wanted = spec(std::move(argv));
    const std::string empty = store_ + "/snapshots/empty/fs";
    EXPECT_TRUE(make_dirs(empty, 0755));
    wanted.root.stack.lowers = {empty};
    wanted.root.host_tools = true;
    wanted.mounts = {BindMount{testing::guest_dir(), "/guests", Access::kReadOnly}};
    return parse(output(std::move(wanted)));
  }
};

TEST_F(Escape, NoSystemCallLeadsOut) {
  const Answers answers = attack({"calls"});
  EXPECT_GT(answers.size(), 50u);
  for (const auto& [call, answer] : answers) {
    const bool missing = call == "clone3" || call == "x32";
    EXPECT_EQ(answer, missing ? "ENOSYS" : "EPERM") << call;
  }
}

TEST_F(Escape, NoSystemCallLeadsOutForAnOrdinaryUserEither) {
  ContainerSpec wanted = spec({"attack", "calls"});
  wanted.process.user = "0";
  wanted.isolation.drop_capabilities = {"ALL"};
  for (const auto& [call, answer] : parse(output(wanted))) EXPECT_NE(answer, "worked") << call;
}

TEST_F(Escape, SecondChrootStaysInTheRoot) {
  EXPECT_EQ(output_of({"attack", "chroot"}), "guest=1 etc-shadow=0\n");
}

TEST_F(Escape, InitHoldsNothingOfTheHost) {
  const std::string held = output_of({"attack", "descriptors-of", "1"});
  for (const std::string_view target : split(held, '\n')) {
    const bool harmless = target.empty() || target == "/dev/null" ||
                          target.rfind("pipe:[", 0) == 0 || target == "anon_inode:[signalfd]";
    EXPECT_TRUE(harmless) << target;
  }
}

TEST_F(Escape, NoMemoryOfTheRunnerIsLeftInInit) {
  const std::string maps = output_of({"probe", "cat", "/proc/1/maps"});
  for (const std::string_view line : split(maps, '\n')) {
    const std::size_t slash = line.find('/');
    if (slash == line.npos) continue;
    EXPECT_EQ(line.substr(slash).rfind("/memfd:slipway-init", 0), 0u) << line;
  }
  EXPECT_EQ(output_of({"probe", "cat", "/proc/1/environ"}), "");
}

TEST_F(Escape, OtherProcessesOfTheMachineAreInvisible) {
  const std::string processes = output_of({"probe", "list", "/proc"});
  int numbers = 0;
  for (const std::string_view name : split(processes, '\n')) numbers += parse_int(name).has_value();
  EXPECT_EQ(numbers, 2) << processes;  // Init and the guest itself.
  EXPECT_EQ(attack({"trace", std::to_string(::getpid())})["attach"], "ESRCH");
}

TEST_F(Escape, OwnProgramOfTheHostCannotBeOverwritten) {
  // R1: the guest directory is a read-only bind; its owner is not the container's root.
  for (const char* program : {"/usr/bin/env", "/bin/sh", "/guests/attack"}) {
    const Answers answers = attack_with_host_tools({"/guests/attack", "open", program});
    EXPECT_EQ(answers.at("read"), "worked") << program;
    EXPECT_NE(answers.at("write"), "worked") << program;
    EXPECT_NE(answers.at("both"), "worked") << program;
  }
  const Answers self = attack_with_host_tools({"/guests/attack", "open", "/proc/self/exe"});
  EXPECT_NE(self.at("write"), "worked");
}

TEST_F(Escape, HostToolsShowNoSecretOfTheMachine) {
  for (const std::string path :
       {"/etc/shadow", "/etc/gshadow", "/etc/sudoers", "/proc/1/root/etc/shadow", "/root/.ssh",
        "/root/.bashrc", "/home", "/run/docker.sock", "/var/run/docker.sock", "/var/lib/dpkg",
        "/boot", "/srv", "/etc/ssl/private"}) {
    EXPECT_NE(attack_with_host_tools({"/guests/attack", "open", path}).at("read"), "worked")
        << path;
  }
  EXPECT_EQ(attack_with_host_tools({"/guests/attack", "open", store_}).at("read"), "ENOENT");
}

TEST_F(Escape, DeviceNodesInAnImageAreDead) {
  struct Node {
    const char* name;
    mode_t type;
    unsigned major, minor;
  };
  // Memory, the first disk, and a harmless one: none may work, or the image chooses the device.
  for (const Node& node : {Node{"mem", S_IFCHR, 1, 1}, Node{"vda", S_IFBLK, 254, 0},
                           Node{"zero2", S_IFCHR, 1, 5}, Node{"tun", S_IFCHR, 10, 200}}) {
    const std::string path = base_ + "/" + node.name;
    if (::mknod(path.c_str(), node.type | 0666, makedev(node.major, node.minor)) != 0) {
      ASSERT_EQ(errno, EPERM);  // An ordinary user cannot even make such an image.
      return;
    }
    for (const auto& [mode, answer] : attack({"open", std::string("/") + node.name})) {
      EXPECT_EQ(answer, "EACCES") << node.name << " " << mode;
    }
  }
}

TEST_F(Escape, KernelFilesAnswerOnlyReading) {
  for (const char* path :
       {"/proc/self/uid_map", "/proc/self/gid_map", "/proc/self/setgroups", "/proc/1/uid_map",
        "/proc/sys/kernel/ns_last_pid", "/proc/sys/kernel/modprobe",
        "/proc/sys/fs/binfmt_misc/register", "/proc/sysrq-trigger", "/sys/kernel/uevent_helper",
        "/sys/fs/cgroup/cgroup.procs", "/sys/fs/cgroup/release_agent"}) {
    EXPECT_NE(attack({"write", path, "0 0 1"})["write"], "worked") << path;
  }
}

TEST_F(Escape, TypingIntoTheCallersTerminalIsForbidden) {
  int master = -1;
  int slave = -1;
  ASSERT_EQ(::openpty(&master, &slave, nullptr, nullptr, nullptr), 0);
  const Fd own_master(master);
  const Fd own_slave(slave);
  ContainerSpec wanted = spec({"attack", "inject"});
  wanted.process.stdin_fd = slave;
  Answers answers = parse(output(wanted));
  EXPECT_EQ(answers["tiocsti"], "EPERM");
  EXPECT_EQ(answers["tiocsti-high"], "EPERM");
  EXPECT_EQ(answers["tioclinux"], "EPERM");
  EXPECT_EQ(answers["compat-tiocsti"], "EPERM");
  EXPECT_EQ(answers["dev-tty"], "ENXIO");  // Another session, which has none.
}

// R13
TEST_F(Escape, AbstractSocketsOfTheHostAreOutOfReach) {
  const std::string name = "slipway-test-" + random_hex(8);
  const Fd listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  name.copy(address.sun_path + 1, name.size());
  const auto size = static_cast<socklen_t>(sizeof(sa_family_t) + 1 + name.size());
  ASSERT_EQ(::bind(listener.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
  ASSERT_EQ(::listen(listener.get(), 1), 0);
  EXPECT_EQ(attack({"connect-abstract", name})["connect"], "ECONNREFUSED");
}

// R14: also where the host's sysfs is shown.
TEST_F(Escape, HostNetworkShowsNoCgroupTreeAndNoEngineSocket) {
  ContainerSpec wanted;
  for (const char* tree : {"/sys/fs/cgroup", "/sys/fs/bpf", "/sys/kernel/debug",
                           "/sys/kernel/tracing", "/sys/kernel/security"}) {
    wanted = spec({"probe", "list", tree});
    wanted.network = Network::kHost;
    const Ran ran = run(wanted);
    EXPECT_TRUE(ran.out.empty() || ran.outcome.code == 9) << tree << ": " << ran.out;
  }
  wanted = spec({"probe", "cat", "/proc/net/unix"});
  wanted.network = Network::kHost;
  EXPECT_EQ(output(wanted).find("@slipway"), std::string::npos);
}

// R8
TEST_F(Escape, DotsInTargetsStayInTheRoot) {
  const std::string outside = "/var/tmp/slipway-escape-" + random_hex(4);
  ContainerSpec wanted = spec({"probe", "list", outside});
  wanted.mounts = {TmpfsMount{"/../../../../../.." + outside + "/made"},
                   FileMount{"/x/../../../.." + outside + "/file", "content"}};
  const std::string made = output(wanted);
  EXPECT_NE(made.find("made\n"), std::string::npos);
  EXPECT_NE(made.find("file\n"), std::string::npos);
  EXPECT_FALSE(path_exists(outside));
}

// R30
TEST_F(Escape, SecretsNeverReachTheDisk) {
  const std::string secret = "secret-" + random_hex(16);
  std::filesystem::create_directories(base_ + "/run");
  std::filesystem::create_directories(base_ + "/public");
  std::filesystem::create_symlink("/public/copy", base_ + "/run/token");
  ASSERT_TRUE(write_file_atomic(base_ + "/public/copy", "old", 0666));
  ContainerSpec wanted = spec({"probe", "cat", "/run/token"});
  wanted.mounts = {FileMount{"/run/token", secret, 0400}};
  EXPECT_EQ(output(wanted), secret);
  for (const auto& entry : std::filesystem::recursive_directory_iterator(store_)) {
    if (!entry.is_regular_file()) continue;
    const auto text = read_file(entry.path(), 64_MiB);
    EXPECT_TRUE(!text || text->find(secret) == std::string::npos) << entry.path();
  }
}

// R7: CVE-2021-30465, the race itself: one container swaps the target while others are being started on it.
TEST_F(Escape, SwappingAMountTargetNeverReachesTheHost) {
  auto outside = TempDir::make("/var/tmp", "slipway-outside");
  auto shared = TempDir::make("/var/tmp", "slipway-shared");
  ASSERT_TRUE(outside && shared);
  ASSERT_EQ(::chmod(outside->path().c_str(), 0777), 0);
  ASSERT_EQ(::chmod(shared->path().c_str(), 0777), 0);
  auto ready = sys::make_pipe();
  ASSERT_TRUE(ready);
  ContainerSpec swapper = spec({"attack", "swap", "/shared", outside->path()});
  swapper.mounts = {BindMount{shared->path(), "/shared"}};
  swapper.process.stdout_fd = ready->write.get();
  auto swapping = engine_->start(swapper);
  ASSERT_TRUE(swapping) << swapping.error().text();
  char line[6];
  ASSERT_EQ(::read(ready->read.get(), line, sizeof line), 6);
  for (int round = 0; round < 100; ++round) {
    ContainerSpec victim = spec({"true"});
    victim.mounts = {BindMount{shared->path(), "/shared"}, TmpfsMount{"/shared/real/made"},
                     FileMount{"/shared/real/file", "x"}};
    (void)run(
        victim);  // It may fail: the name is a link half of the time. It must not succeed outside.
  }
  CancelToken cancel;
  cancel.cancel(CancelLevel::kKill);
  (void)(*swapping)->wait(cancel, std::nullopt, {});
  EXPECT_TRUE(std::filesystem::is_empty(outside->path()));
}

TEST_F(Escape, ArgumentsBeyondTheKernelsLimitAreAnError) {
  ContainerSpec wanted = spec({"true", std::string(4 << 20, 'x')});
  const Outcome outcome = run(wanted).outcome;
  EXPECT_EQ(outcome.kind, Outcome::Kind::kSetupFailed);
  EXPECT_NE(outcome.reason.find("argument list too long"), std::string::npos) << outcome.reason;
}

}  // namespace
}  // namespace slipway::sandbox
