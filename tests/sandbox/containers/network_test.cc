// Containers on networks: addresses and ports are known while they run and free again after.
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "tests/sandbox/containers/containers_fixture.h"

namespace slipway::sandbox {
namespace {

bool machine_root() {
  return ::geteuid() == 0 &&
         read_file("/proc/self/uid_map", 4_KiB).value_or("").find("4294967295") !=
             std::string::npos;
}

// In a network namespace of this thread's own, which the monitors inherit: nothing shows on the machine.
class ContainersNetwork : public ContainersTest {
 protected:
  void SetUp() override {
    if (!machine_root())
      GTEST_SKIP() << "networks of an ordinary user are tested with the networks";
    before_ = *open_file("/proc/thread-self/ns/net", O_RDONLY);
    ASSERT_EQ(::unshare(CLONE_NEWNET), 0);
    const Fd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    struct ifreq loopback {};
    std::memcpy(loopback.ifr_name, "lo", 3);
    loopback.ifr_flags = IFF_UP;
    ASSERT_EQ(::ioctl(socket.get(), SIOCSIFFLAGS, &loopback), 0);
    ContainersTest::SetUp();
    auto opened = Networks::open(state_);
    ASSERT_TRUE(opened) << opened.error().text();
    networks_ = *opened;
  }
  void TearDown() override {
    ContainersTest::TearDown();
    networks_.reset();
    if (before_) ::setns(before_.get(), CLONE_NEWNET);
  }

  Fd before_;
  std::shared_ptr<Networks> networks_;
};

TEST_F(ContainersNetwork, HasAnAddressAndAPortWhileItRuns) {
  ContainerConfig wanted = config({"sleep", "1000"});
  wanted.network_mode = "bridge";
  PublishedPort port;
  port.host_ip = "127.0.0.1";
  port.container_port = 80;
  wanted.ports = {port};
  const std::string id = run(wanted);
  auto info = containers_->inspect(id);
  ASSERT_TRUE(info);
  ASSERT_EQ(info->endpoints.size(), 1U);
  EXPECT_EQ(info->endpoints[0].network, "bridge");
  EXPECT_FALSE(info->endpoints[0].ipv4.empty());
  ASSERT_EQ(info->ports.size(), 1U);
  EXPECT_NE(info->ports[0].host_port, 0);
  ExecConfig look;
  look.argv = {"grep", info->endpoints[0].ipv4, "/etc/hosts"};
  const auto exec_id = containers_->create_exec(id, look);
  ASSERT_TRUE(exec_id);
  ASSERT_TRUE(containers_->start_exec(*exec_id));
  EXPECT_EQ(containers_->wait_exec(*exec_id, CancelToken()).value_or(-1), 0);
  EXPECT_TRUE(containers_->stop(id, Millis(0)));
  info = containers_->inspect(id);
  EXPECT_TRUE(info->endpoints.empty());
  EXPECT_TRUE(info->ports.empty());
  EXPECT_TRUE(networks_->endpoints(id)->empty());
}

TEST_F(ContainersNetwork, ConnectsAndDisconnectsWhileItRunsAndForTheNextRun) {
  NetworkConfig second;
  second.name = "second";
  ASSERT_TRUE(networks_->create(second));
  ContainerConfig wanted = config({"sleep", "1000"});
  wanted.network_mode = "bridge";
  const std::string id = run(wanted);
  EndpointConfig endpoint;
  endpoint.network = "second";
  ASSERT_TRUE(containers_->connect(id, endpoint));
  EXPECT_EQ(containers_->inspect(id)->endpoints.size(), 2U);
  const Status twice = containers_->connect(id, endpoint);
  ASSERT_FALSE(twice);
  EXPECT_EQ(twice.error().code(), ErrorCode::kConflict);
  ASSERT_TRUE(containers_->disconnect(id, "bridge", false));
  ASSERT_TRUE(containers_->restart(id, Millis(0)));
  const auto info = containers_->inspect(id);
  ASSERT_EQ(info->endpoints.size(), 1U);
  EXPECT_EQ(info->endpoints[0].network, "second");
}

TEST_F(ContainersNetwork, JoiningOneThatDoesNotRunIsAConflict) {
  create(config({"sleep", "1000"}), "first");
  ContainerConfig sharing = config({"true"});
  sharing.network_mode = "container:first";
  const std::string second = create(sharing);
  EXPECT_FALSE(containers_->start(second));
  EXPECT_NE(state(second).error.find("not running"), std::string::npos);
}

TEST_F(ContainersNetwork, SharesTheNetworkOfAnother) {
  ContainerConfig wanted = config({"sleep", "1000"});
  wanted.network_mode = "bridge";
  const std::string first = create(wanted, "first");
  start(first);
  ContainerConfig sharing = shell("ls /sys/class/net");
  sharing.network_mode = "container:first";
  const std::string second = run(sharing);
  EXPECT_EQ(wait(second), 0);
  EXPECT_NE(logs(second).find("eth0"), std::string::npos);
}

TEST_F(ContainersNetwork, ATakenPortLeavesNothing) {
  ContainerConfig wanted = config({"sleep", "1000"});
  wanted.network_mode = "bridge";
  PublishedPort port;
  port.host_ip = "127.0.0.1";
  port.host_port = 18'080;
  port.container_port = 80;
  wanted.ports = {port};
  const std::string first = run(wanted);
  const std::string second = create(wanted);
  const Status refused = containers_->start(second);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), ErrorCode::kConflict);
  EXPECT_TRUE(networks_->endpoints(second)->empty());
  EXPECT_TRUE(containers_->remove(first, {true, false}));
  start(second);
}

}  // namespace
}  // namespace slipway::sandbox
