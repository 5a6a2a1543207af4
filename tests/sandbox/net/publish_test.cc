// Published ports: from where they can be reached, and what happens when one is taken.
#include "tests/sandbox/net/network_fixture.h"

namespace slipway::sandbox::net {
namespace {

class NetPublish : public NetworkTest {
 protected:
  Box publish(const std::string& network, std::vector<PublishedPort> ports,
              const std::string& name = "box") {
    SessionRequest wanted = request(network, name);
    wanted.ports = std::move(ports);
    return start(wanted);
  }
};

TEST_F(NetPublish, PortIsReachableFromHostOutsideAndOtherContainers) {
  create("other");
  const Box box = publish("bridge", {{"", 8080, 80, Protocol::kTcp}});
  const Box sibling = start("bridge", "sibling"), stranger = start("other", "stranger");
  const Fd server = serve(box.space, "0.0.0.0", 80);
  EXPECT_TRUE(reach(host_, "127.0.0.1", 8080));
  EXPECT_EQ(accept_from(server), box.on().gateway);
  EXPECT_TRUE(reach(host_, "192.0.2.2", 8080));
  EXPECT_EQ(accept_from(server), "192.0.2.2");
  EXPECT_TRUE(reach(outside_, "192.0.2.2", 8080));
  EXPECT_EQ(accept_from(server), "192.0.2.1");
  EXPECT_TRUE(reach(sibling.space, "192.0.2.2", 8080));
  EXPECT_NE(accept_from(server), "");
  EXPECT_TRUE(reach(sibling.space, box.on().gateway, 8080));
  EXPECT_NE(accept_from(server), "");
  EXPECT_TRUE(reach(stranger.space, "192.0.2.2", 8080));
  EXPECT_NE(accept_from(server), "");
  EXPECT_TRUE(reach(box.space, "192.0.2.2", 8080)) << "the container itself";
  EXPECT_FALSE(reach(outside_, "192.0.2.2", 8081, kBlocked));
}

TEST_F(NetPublish, UdpPortAnswersFromWhereItWasAsked) {
  const Box box = publish("bridge", {{"", 5353, 53, Protocol::kUdp}});
  const Fd server = serve(box.space, "0.0.0.0", 53, SOCK_DGRAM);
  for (const auto& [from, address] :
       {std::pair(&host_, "127.0.0.1"), std::pair(&host_, "192.0.2.2"),
        std::pair(&outside_, "192.0.2.2")}) {
    const Fd client = reach(*from, address, 5353, Millis(5000), SOCK_DGRAM);
    ASSERT_EQ(::send(client.get(), "ask", 3, 0), 3);
    sockaddr_storage peer{};
    socklen_t size = sizeof peer;
    char word[8];
    pollfd wait{server.get(), POLLIN, 0};
    ASSERT_EQ(::poll(&wait, 1, 5000), 1) << address;
    ASSERT_EQ(
        ::recvfrom(server.get(), word, sizeof word, 0, reinterpret_cast<sockaddr*>(&peer), &size),
        3);
    ASSERT_EQ(::sendto(server.get(), "answer", 6, 0, reinterpret_cast<sockaddr*>(&peer), size), 6);
    pollfd back{client.get(), POLLIN, 0};
    ASSERT_EQ(::poll(&back, 1, 5000), 1) << address;
    EXPECT_EQ(::recv(client.get(), word, sizeof word, 0), 6);
  }
}

TEST_F(NetPublish, UdpClientThatGoesOnSendingReachesTheNextContainer) {
  Box box = publish("bridge", {{"", 5353, 53, Protocol::kUdp}});
  const Fd first = serve(box.space, "0.0.0.0", 53, SOCK_DGRAM);
  const Fd client = reach(outside_, "192.0.2.2", 5353, Millis(5000), SOCK_DGRAM);
  const auto arrives = [&](const Fd& server) {
    pollfd wait{server.get(), POLLIN, 0};
    return ::send(client.get(), "ask", 3, 0) == 3 && ::poll(&wait, 1, 5000) == 1;
  };
  EXPECT_TRUE(arrives(first));
  const std::string before = box.on().ipv4;
  box.session.reset();
  const Box next = publish("bridge", {{"", 5353, 53, Protocol::kUdp}}, "next");
  EXPECT_NE(next.on().ipv4, before);
  const Fd second = serve(next.space, "0.0.0.0", 53, SOCK_DGRAM);
  EXPECT_TRUE(arrives(second)) << "from the port that the kernel knew of the former container";
}

TEST_F(NetPublish, LoopbackPortIsReachableFromTheHostAlone) {
  const Box box = publish("bridge", {{"127.0.0.1", 8080, 80, Protocol::kTcp}});
  const Box sibling = start("bridge", "sibling");
  const Fd server = serve(box.space, "0.0.0.0", 80);
  EXPECT_TRUE(reach(host_, "127.0.0.1", 8080));
  EXPECT_FALSE(reach(host_, "192.0.2.2", 8080, kBlocked));
  EXPECT_FALSE(reach(outside_, "192.0.2.2", 8080, kBlocked));
  EXPECT_FALSE(reach(sibling.space, "192.0.2.2", 8080, kBlocked));
  // A neighbour that sends packets for 127.0.0.1 over the wire, to a machine that would even route them.
  run_in(host_, {"sysctl", "-qw", "net.ipv4.conf.all.route_localnet=1"});
  run_in(outside_, {"sysctl", "-qw", "net.ipv4.conf.all.route_localnet=1"});
  run_in(outside_, {"ip", "addr", "del", "127.0.0.1/8", "dev", "lo"});
  run_in(outside_, {"ip", "route", "flush", "table", "local"});
  run_in(outside_, {"ip", "route", "add", "local", "192.0.2.1", "dev", "up0", "table", "local"});
  run_in(outside_, {"ip", "route", "add", "127.0.0.0/8", "via", "192.0.2.2"});
  EXPECT_TRUE(reach(host_, "127.0.0.1", 8080));
  EXPECT_FALSE(reach(outside_, "127.0.0.1", 8080, kBlocked));
}

TEST_F(NetPublish, OneAddressOnly) {
  run_in(host_, {"ip", "addr", "add", "192.0.2.77/24", "dev", "eth0"});
  const Box a = publish("bridge", {{"192.0.2.77", 8080, 80, Protocol::kTcp}}, "a");
  const Box b = publish("bridge", {{"192.0.2.2", 8080, 80, Protocol::kTcp}}, "b");
  const Fd server = serve(a.space, "0.0.0.0", 80);
  EXPECT_TRUE(reach(outside_, "192.0.2.77", 8080));
  EXPECT_NE(accept_from(server), "");
  EXPECT_FALSE(reach(outside_, "192.0.2.2", 8080, kBlocked)) << "b has no server";
}

TEST_F(NetPublish, IPv6PortIsReachableInAnIPv6Network) {
  NetworkConfig config;
  config.name = "six";
  config.ipv6 = true;
  create(config);
  const Box box = publish("six", {{"", 8080, 80, Protocol::kTcp}});
  const Fd server = serve(box.space, "::", 80);
  EXPECT_TRUE(reach(outside_, "2001:db8::2", 8080));
  EXPECT_EQ(accept_from(server), "2001:db8::1");
  EXPECT_TRUE(reach(host_, "2001:db8::2", 8080));
}

TEST_F(NetPublish, TakenPortIsAConflictThatNamesItAndLeavesNothing) {
  create("one");
  const Fd holder = serve(host_, "0.0.0.0", 8080);
  const std::string before = rules();
  SessionRequest wanted = request("one");
  wanted.ports = {{"", 8081, 80, Protocol::kTcp}, {"", 8080, 80, Protocol::kTcp}};
  const auto session = networks_->open_session(wanted);
  ASSERT_FALSE(session);
  EXPECT_EQ(session.error().code(), ErrorCode::kConflict);
  EXPECT_NE(session.error().text().find("8080/tcp"), std::string::npos) << session.error().text();
  EXPECT_EQ(rules(), before);
  EXPECT_TRUE(networks_->inspect("one")->containers.empty());
  EXPECT_TRUE(networks_->remove("one"));
  const Fd free = serve(host_, "0.0.0.0", 8081);
}

TEST_F(NetPublish, PortOfAnotherContainerIsAConflict) {
  const Box a = publish("bridge", {{"", 8080, 80, Protocol::kUdp}}, "a");
  SessionRequest wanted = request("bridge", "b");
  wanted.ports = {{"", 8080, 80, Protocol::kUdp}};
  const auto session = networks_->open_session(wanted);
  ASSERT_FALSE(session);
  EXPECT_EQ(session.error().code(), ErrorCode::kConflict);
  // The same number of another protocol is another port.
  const Box c = publish("bridge", {{"", 8080, 80, Protocol::kTcp}}, "c");
  EXPECT_EQ(c.session->ports().size(), 1u);
}

TEST_F(NetPublish, RandomPortIsToldAndWorks) {
  const Box box = publish("bridge", {{"", 0, 80, Protocol::kTcp}, {"", 0, 80, Protocol::kTcp}});
  ASSERT_EQ(box.session->ports().size(), 2u);
  const Fd server = serve(box.space, "0.0.0.0", 80);
  for (const PublishedPort& port : box.session->ports()) {
    EXPECT_NE(port.host_port, 0);
    EXPECT_TRUE(reach(outside_, "192.0.2.2", port.host_port));
  }
}

TEST_F(NetPublish, PortIsFreeAgainAfterTheContainer) {
  { const Box box = publish("bridge", {{"", 8080, 80, Protocol::kTcp}}); }
  EXPECT_EQ(rules().find("8080"), std::string::npos);
  const Fd server = serve(host_, "0.0.0.0", 8080);
  EXPECT_TRUE(reach(outside_, "192.0.2.2", 8080));
}

TEST_F(NetPublish, AddressThatIsNotOursIsAnError) {
  SessionRequest wanted = request("bridge");
  wanted.ports = {{"198.51.100.7", 8080, 80, Protocol::kTcp}};
  const auto session = networks_->open_session(wanted);
  ASSERT_FALSE(session);
  EXPECT_EQ(session.error().code(), ErrorCode::kInvalid);
}

}  // namespace
}  // namespace slipway::sandbox::net
