// Monitors that are killed at any moment: the next start finds and removes what they left.
#include <dirent.h>
#include <sys/wait.h>

#include <fstream>

#include "sandbox/net/store.h"
#include "tests/sandbox/net/network_fixture.h"

namespace slipway::sandbox::net {
namespace {

class NetLeftover : public NetworkTest {
 protected:
  /// A monitor in a process of its own: one container with a published port, told when it is attached, until killed.
  pid_t spawn_monitor(const std::string& network, std::uint16_t port, int ready) {
    const pid_t pid = ::fork();
    if (pid != 0) return pid;
    auto networks = Networks::open(state());
    if (!networks) ::_exit(2);
    const Fd space = make_namespace();
    SessionRequest wanted = request(network, "killed");
    wanted.ports = {{"", port, 80, Protocol::kTcp}};
    auto session = (*networks)->open_session(wanted);
    if (!session || !(*session)->attach(space.get())) ::_exit(3);
    [[maybe_unused]] const ssize_t told = ::write(ready, "x", 1);
    for (;;) ::pause();
  }
  static void kill_and_reap(pid_t pid) {
    ::kill(pid, SIGKILL);
    int status;
    ::waitpid(pid, &status, 0);
  }

  std::size_t count_files(const std::string& directory) {
    return (*list_dir(open_file(directory, O_RDONLY | O_DIRECTORY)->get(), directory)).size();
  }
  /// Links go a moment after the last process of their namespace, by the kernel's own worker.
  void expect_no_veth() {
    for (int i = 0; i < 5000 && links().find("veth") != std::string::npos; ++i)
      std::this_thread::yield();
    EXPECT_EQ(links().find("veth"), std::string::npos) << links();
  }
};

TEST_F(NetLeftover, KilledMonitorsPortsRulesLinksAndAddressesAreTakenBack) {
  const NetworkInfo network = create("front");
  auto pipe = sys::make_pipe();
  const pid_t pid = spawn_monitor("front", 8080, pipe->write.get());
  char byte;
  ASSERT_EQ(::read(pipe->read.get(), &byte, 1), 1);
  EXPECT_EQ(networks_->inspect("front")->containers.size(), 1u);
  kill_and_reap(pid);
  EXPECT_TRUE(networks_->inspect("front")->containers.empty());
  const auto again = Networks::open(state());
  ASSERT_TRUE(again);
  EXPECT_EQ(rules().find("8080"), std::string::npos);
  EXPECT_EQ(count_files(state() + "/networks/sessions"), 0u);
  EXPECT_EQ(count_files(state() + "/networks/" + network.id + "/addresses"), 0u);
  EXPECT_EQ(count_files(state() + "/networks/" + network.id + "/endpoints"), 0u);
  expect_no_veth();
  const Fd server = serve(host_, "0.0.0.0", 8080);
}

TEST_F(NetLeftover, KillsAtManyMomentsLeaveNothing) {
  const NetworkInfo network = create("front");
  const std::string before_rules = rules(), before_links = links();
  for (int round = 0; round < 60; ++round) {
    auto pipe = sys::make_pipe();
    const pid_t pid = spawn_monitor("front", 8080, pipe->write.get());
    // From the first instruction on in growing distances; the last rounds find a container that is up.
    ::usleep(static_cast<useconds_t>(round * 150));
    kill_and_reap(pid);
    if (round % 10 == 9) {
      ASSERT_TRUE(Networks::open(state()));
    }
  }
  ASSERT_TRUE(Networks::open(state()));
  EXPECT_EQ(rules(), before_rules);
  EXPECT_EQ(count_files(state() + "/networks/sessions"), 0u);
  EXPECT_EQ(count_files(state() + "/networks/" + network.id + "/addresses"), 0u);
  expect_no_veth();
  const Box box = start("front");
  const Fd world = serve(outside_, "0.0.0.0", 80);
  EXPECT_TRUE(reach(box.space, "192.0.2.1", 80));
  box.session->disconnect("front");
  EXPECT_EQ(links(), before_links);
}

TEST_F(NetLeftover, HundredContainersAtOnceLeaveNothing) {
  const std::string before_rules = rules(), before_links = links();
  const NetworkInfo network = create("front");
  {
    std::vector<Box> boxes(100);
    std::vector<std::thread> threads;
    for (int worker = 0; worker < 4; ++worker) {
      threads.emplace_back([&, worker] {
        ASSERT_EQ(::setns(host_.get(), CLONE_NEWNET), 0);
        for (std::size_t i = static_cast<std::size_t>(worker); i < boxes.size(); i += 4)
          boxes[i] = start("front", "box" + std::to_string(i));
      });
    }
    for (std::thread& thread : threads) thread.join();
    std::set<std::string> addresses;
    for (const Box& box : boxes) addresses.insert(box.on().ipv4);
    EXPECT_EQ(addresses.size(), boxes.size());
    const Fd server = serve(boxes[99].space, "0.0.0.0", 80);
    EXPECT_TRUE(reach(boxes[0].space, boxes[99].on().ipv4, 80));
  }
  networks_.reset();  // Waits for the links; the bridge rests when nobody is left.
  EXPECT_EQ(links(), before_links);
  EXPECT_EQ(rules(), before_rules);
  EXPECT_EQ(count_files(state() + "/networks/" + network.id + "/addresses"), 0u);
}

TEST_F(NetLeftover, ContainerStartsAgainAtOnceWithItsFixedAddress) {
  create("front");
  SessionRequest wanted = request("front");
  wanted.endpoints[0].ipv4 = "172.18.0.9";
  wanted.ports = {{"", 8080, 80, Protocol::kTcp}};
  for (int life = 0; life < 5; ++life) {
    const Box box = start(wanted);
    ASSERT_TRUE(box.session);
    EXPECT_EQ(box.on().ipv4, "172.18.0.9");
    EXPECT_EQ(networks_->inspect("front")->containers.size(), 1u);
  }
  wanted.client.container_id = random_hex(32);  // Another container with the same address.
  const Box other = start(wanted);
  EXPECT_TRUE(other.session);
}

TEST_F(NetLeftover, StoreOpenedAfterARebootMakesBridgesAnew) {
  const NetworkInfo network = create("front");
  run_in(host_, {"ip", "link", "del", network.bridge});
  run_in(host_, {"nft", "flush", "ruleset"});
  const Box a = start("front", "a"), b = start("front", "b");
  const Fd server = serve(b.space, "0.0.0.0", 80);
  EXPECT_TRUE(reach(a.space, b.on().ipv4, 80));
}

}  // namespace
}  // namespace slipway::sandbox::net
