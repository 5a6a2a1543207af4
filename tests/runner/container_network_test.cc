// Networks and published ports through the program itself. How they are made is tested in the sandbox room.
#include <arpa/inet.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/text.h"
#include "tests/runner/runner_fixture.h"

namespace slipway::runner {
namespace {

using testing::ProgramRun;

class ContainerNetwork : public RunnerTest {
 protected:
  void SetUp() override {
    if (::geteuid() != 0)
      GTEST_SKIP() << "bridges of an ordinary user are tested in the sandbox room";
  }
  void TearDown() override {
    const std::string ids = runner({"ps", "-aq"}).out;
    for (const std::string_view id : split(ids, '\n')) {
      if (!id.empty()) runner({"rm", "-f", "-v", std::string(id)});
    }
    runner({"network", "prune", "-f"});
  }
  /// What a server at 127.0.0.1 says to a connection, once it listens.
  static std::string hear(std::uint16_t port) {
    const MonoTime deadline = real_clock().mono() + std::chrono::seconds(20);
    std::string heard;
    while (heard.empty() && real_clock().mono() < deadline) {
      const Fd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
      sockaddr_in to{};
      to.sin_family = AF_INET;
      to.sin_port = htons(port);
      to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
      if (::connect(socket.get(), reinterpret_cast<sockaddr*>(&to), sizeof to) == 0)
        heard = read_fd_to_end(socket.get());
      else
        ::usleep(5'000);
    }
    return heard;
  }
  static std::string serving(const std::string& text) {
    return "while :; do echo " + text + " | /bin/busybox nc -l -p 80; done";
  }
  static std::string asking(const std::string& host) {
    return "until /bin/busybox nc " + host + " 80 2> /dev/null; do sleep 0.01; done";
  }
  static std::string read_fd_to_end(int fd) {
    std::string text;
    std::array<char, 256> buffer{};
    for (ssize_t got = 0; (got = ::read(fd, buffer.data(), buffer.size())) > 0;)
      text.append(buffer.data(), static_cast<std::size_t>(got));
    return text;
  }
};

TEST_F(ContainerNetwork, IsListedInspectedAndRemoved) {
  const ProgramRun made = runner({"network", "create", "--label", "a=1", "back"});
  ASSERT_EQ(made.exit_code, 0) << made.err;
  EXPECT_EQ(trim(made.out).size(), 64U);
  const std::string names =
      runner({"network", "ls", "--format", "{{.Name}} {{.Driver}} {{.Labels}}"}).out;
  EXPECT_NE(names.find("back bridge a=1\n"), std::string::npos) << names;
  EXPECT_NE(names.find("none null"), std::string::npos) << names;
  const std::string subnet =
      runner({"network", "inspect", "-f", "{{range .IPAM.Config}}{{.Subnet}}{{end}}", "back"}).out;
  EXPECT_NE(subnet.find(".0/"), std::string::npos) << subnet << "a free one was chosen";
  EXPECT_NE(runner({"network", "create", "back"}).exit_code, 0);
  EXPECT_EQ(runner({"network", "create", "--gateway", "10.0.0.1", "x1"}).err,
            "runner: error: option --gateway \"10.0.0.1\": there is no --subnet for it\n");
  EXPECT_EQ(runner({"network", "rm", "back"}).out, "back\n");
  EXPECT_EQ(runner({"network", "rm", "back"}).exit_code, 5);
}

TEST_F(ContainerNetwork, GivesAddressesNamesAndPublishedPorts) {
  ASSERT_EQ(runner({"network", "create", "front"}).exit_code, 0);
  // No subnet is free on every machine; the engine's choice is.
  std::string address(trim(
      runner({"network", "inspect", "-f", "{{range .IPAM.Config}}{{.Gateway}}{{end}}", "front"})
          .out));
  ASSERT_TRUE(address.ends_with(".1")) << address;
  address.back() = '9';
  const ProgramRun run = runner({"run", "-d", "--name", "web", "--network", "front", "--ip",
                                 address, "--network-alias", "site", "-p", "127.0.0.1::80",
                                 "busybox", "sh", "-c", serving("hello")});
  ASSERT_EQ(run.exit_code, 0) << run.err;
  EXPECT_EQ(runner({"inspect", "-f", "{{.NetworkSettings.Networks.front.IPAddress}}", "web"}).out,
            address + "\n");
  const std::string port = runner({"port", "web", "80"}).out;
  ASSERT_TRUE(port.starts_with("127.0.0.1:")) << port;
  EXPECT_EQ(runner({"port", "web"}).out, "80/tcp -> " + port);
  const auto number = parse_int(trim(port).substr(10));
  ASSERT_TRUE(number);
  EXPECT_EQ(hear(static_cast<std::uint16_t>(*number)), "hello\n");
  EXPECT_NE(runner({"ps"}).out.find("->80/tcp"), std::string::npos);
  EXPECT_EQ(runner({"ps", "-q", "--filter", "publish=80"}).out.size(), 13U);
  const ProgramRun other =
      runner({"run", "--rm", "--network", "front", "busybox", "sh", "-c", asking("site")});
  EXPECT_EQ(other.out, "hello\n") << other.err;
  const ProgramRun refused = runner({"network", "rm", "front"});
  EXPECT_NE(refused.exit_code, 0);
  EXPECT_NE(refused.err.find("web"), std::string::npos) << refused.err;
}

TEST_F(ContainerNetwork, IsJoinedAndLeftByARunningContainer) {
  ASSERT_EQ(runner({"network", "create", "extra"}).exit_code, 0);
  ASSERT_EQ(runner({"run", "-d", "--name", "web", "--network", "bridge", "busybox", "sleep", "60"})
                .exit_code,
            0);
  ASSERT_EQ(runner({"network", "connect", "extra", "web"}).exit_code, 0);
  const auto networks = [] { return runner({"ps", "--format", "{{.Networks}}"}).out; };
  EXPECT_EQ(networks(), "bridge,extra\n");
  ASSERT_EQ(runner({"network", "disconnect", "extra", "web"}).exit_code, 0);
  EXPECT_EQ(networks(), "bridge\n");
}

TEST_F(ContainerNetwork, IsSharedWithAnotherContainer) {
  ASSERT_EQ(runner({"run", "-d", "--name", "web", "--network", "none", "busybox", "sh", "-c",
                    serving("near")})
                .exit_code,
            0);
  const ProgramRun near = runner(
      {"run", "--rm", "--network", "container:web", "busybox", "sh", "-c", asking("127.0.0.1")});
  EXPECT_EQ(near.out, "near\n") << near.err;
}

}  // namespace
}  // namespace slipway::runner
