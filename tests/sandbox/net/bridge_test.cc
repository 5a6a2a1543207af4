// Bridge networks as packets see them: what reaches whom, and what does not.
#include "tests/sandbox/net/network_fixture.h"

namespace slipway::sandbox::net {
namespace {

class NetBridge : public NetworkTest {};

TEST_F(NetBridge, ContainersOfOneNetworkReachEachOther) {
  create("front");
  const Box a = start("front", "a"), b = start("front", "b");
  const Fd server = serve(b.space, "0.0.0.0", 80);
  EXPECT_TRUE(reach(a.space, b.on().ipv4, 80));
  EXPECT_EQ(accept_from(server), a.on().ipv4);
}

TEST_F(NetBridge, ContainersReachTheWorldUnderTheHostsAddress) {
  const Box box = start("bridge");
  const Fd server = serve(outside_, "0.0.0.0", 80);
  EXPECT_TRUE(reach(box.space, "192.0.2.1", 80));
  EXPECT_EQ(accept_from(server), "192.0.2.2");
}

TEST_F(NetBridge, DifferentNetworksDoNotReachEachOther) {
  create("one");
  create("two");
  const Box a = start("one", "a"), b = start("two", "b");
  const Fd server = serve(b.space, "0.0.0.0", 80);
  EXPECT_FALSE(reach(a.space, b.on().ipv4, 80, kBlocked));
}

TEST_F(NetBridge, NeighboursOfTheHostDoNotReachContainersWithoutPublishedPort) {
  const Box box = start("bridge");
  const Fd server = serve(box.space, "0.0.0.0", 80);
  run_in(outside_, {"ip", "route", "add", "172.16.0.0/12", "via", "192.0.2.2"});
  EXPECT_FALSE(reach(outside_, box.on().ipv4, 80, kBlocked));
}

TEST_F(NetBridge, InternalNetworkHasNoWayOutAndNoWayIn) {
  NetworkConfig config;
  config.name = "inner";
  config.internal = true;
  const NetworkInfo network = create(config);
  const Box a = start("inner", "a"), b = start("inner", "b");
  const Fd world = serve(outside_, "0.0.0.0", 80), server = serve(b.space, "0.0.0.0", 80);
  EXPECT_TRUE(reach(a.space, b.on().ipv4, 80));
  EXPECT_EQ(a.on().gateway, "");
  EXPECT_FALSE(reach(a.space, "192.0.2.1", 80, kBlocked));
  // Even with a route of its own making.
  run_in(a.space, {"ip", "route", "add", "default", "via", network.config.subnets[0].gateway});
  EXPECT_FALSE(reach(a.space, "192.0.2.1", 80, kBlocked));
}

TEST_F(NetBridge, HostsLoopbackServicesAreOutOfReach) {
  SessionRequest wanted = request("bridge");
  wanted.ports = {{"", 8080, 80, Protocol::kTcp}};  // Makes the bridge route 127.0.0.0/8.
  const Box box = start(wanted);
  const Fd server = serve(host_, "127.0.0.1", 631), udp = serve(host_, "0.0.0.0", 69, SOCK_DGRAM);
  run_in(box.space, {"ip", "addr", "del", "127.0.0.1/8", "dev", "lo"});
  run_in(box.space, {"ip", "route", "flush", "table", "local"});
  run_in(box.space,
         {"ip", "route", "add", "local", box.on().ipv4, "dev", "eth0", "table", "local"});
  run_in(box.space, {"ip", "route", "add", "127.0.0.0/8", "via", box.on().gateway});
  EXPECT_TRUE(passes_udp(box.space, box.on().gateway, 69, udp));
  EXPECT_FALSE(passes_udp(box.space, "127.0.0.1", 69, udp, kBlocked));
  EXPECT_FALSE(reach(box.space, "127.0.0.1", 631, kBlocked));
}

TEST_F(NetBridge, IPv6NetworkGivesAddressesAndAWayOut) {
  NetworkConfig config;
  config.name = "six";
  config.ipv6 = true;
  create(config);
  const Box a = start("six", "a"), b = start("six", "b");
  ASSERT_TRUE(a.on().ipv6.starts_with("fd")) << a.on().ipv6;
  const Fd world = serve(outside_, "::", 80), server = serve(b.space, "::", 81);
  EXPECT_TRUE(reach(a.space, b.on().ipv6, 81));
  EXPECT_TRUE(reach(a.space, "2001:db8::1", 80));
  EXPECT_EQ(accept_from(world), "2001:db8::2");
}

TEST_F(NetBridge, FixedAddressesMacAndRangeAreKept) {
  NetworkConfig config;
  config.name = "fixed";
  config.subnets = {{"10.77.0.0/16", "10.77.0.254", "10.77.5.0/24"}};
  config.options = {{"com.docker.network.driver.mtu", "1400"}};
  create(config);
  SessionRequest wanted = request("fixed");
  wanted.endpoints[0].ipv4 = "10.77.9.9";
  wanted.endpoints[0].mac = "02:00:00:00:00:07";
  const Box a = start(wanted), b = start("fixed", "b");
  EXPECT_TRUE(b.on().ipv4.starts_with("10.77.5.")) << b.on().ipv4;
  const std::string inside = run_in(a.space, {"ip", "addr", "show", "eth0"});
  EXPECT_NE(inside.find("10.77.9.9/16"), std::string::npos) << inside;
  EXPECT_NE(inside.find("02:00:00:00:00:07"), std::string::npos) << inside;
  EXPECT_NE(inside.find("mtu 1400"), std::string::npos) << inside;
  const auto again = networks_->open_session(wanted);
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code(), ErrorCode::kConflict);
}

TEST_F(NetBridge, IsolatedPortsOnlySeeTheWorld) {
  NetworkConfig config;
  config.name = "apart";
  config.options = {{"com.docker.network.bridge.enable_icc", "false"}};
  create(config);
  const Box a = start("apart", "a"), b = start("apart", "b");
  const Fd world = serve(outside_, "0.0.0.0", 80), server = serve(b.space, "0.0.0.0", 80);
  EXPECT_TRUE(reach(a.space, "192.0.2.1", 80));
  EXPECT_FALSE(reach(a.space, b.on().ipv4, 80, kBlocked));
  // Nor around the bridge's ports, by way of its router.
  for (const auto& [from, to] : {std::pair(&a, &b), std::pair(&b, &a)})
    run_in(from->space, {"ip", "route", "add", to->on().ipv4 + "/32", "via", from->on().gateway});
  EXPECT_FALSE(reach(a.space, b.on().ipv4, 80, kBlocked));
}

TEST_F(NetBridge, RunningContainerIsConnectedAndDisconnected) {
  create("one");
  create("two");
  const Box a = start("one", "a"), b = start("two", "b");
  const Fd server = serve(b.space, "0.0.0.0", 80);
  ASSERT_TRUE(a.session->connect({"two", {}, "", "", ""}));
  EXPECT_EQ(a.on(1).interface, "eth1");
  EXPECT_TRUE(reach(a.space, b.on().ipv4, 80));
  ASSERT_FALSE(a.session->connect({"two", {}, "", "", ""}));
  // The default route moves over when its network is left.
  ASSERT_TRUE(a.session->disconnect("one"));
  const Fd world = serve(outside_, "0.0.0.0", 80);
  EXPECT_TRUE(reach(a.space, "192.0.2.1", 80));
  ASSERT_TRUE(a.session->disconnect("two"));
  EXPECT_TRUE(a.session->endpoints().empty());
  EXPECT_FALSE(reach(a.space, b.on().ipv4, 80, kBlocked));
}

TEST_F(NetBridge, SubnetsAvoidWhatTheMachineUses) {
  run_in(host_, {"ip", "route", "add", "172.18.0.0/16", "via", "192.0.2.1"});
  run_in(host_, {"ip", "addr", "add", "172.19.5.5/24", "dev", "eth0"});
  const NetworkInfo made = create("somewhere");
  EXPECT_EQ(made.config.subnets[0].subnet, "172.20.0.0/16");
  NetworkConfig config;
  config.name = "clash";
  config.subnets = {{"172.18.4.0/24", "", ""}};
  const auto clash = networks_->create(config);
  ASSERT_FALSE(clash);
  EXPECT_EQ(clash.error().code(), ErrorCode::kInvalid);
  EXPECT_NE(clash.error().text().find("172.18.0.0/16"), std::string::npos);
}

TEST_F(NetBridge, RemovedNetworksLeaveNothingAndForeignTablesStay) {
  run_in(host_, {"nft",
                 "add table ip foreign; add chain ip foreign c { type filter hook forward "
                 "priority 5; }; add rule ip foreign c counter accept"});
  const std::string before_links = links(), before_rules = rules();
  create("one");
  {
    SessionRequest wanted = request("one");
    wanted.ports = {{"", 8080, 80, Protocol::kTcp}};
    const Box box = start(wanted);
    EXPECT_NE(rules().find("slipway"), std::string::npos);
    const auto busy = networks_->remove("one");
    ASSERT_FALSE(busy);
    EXPECT_EQ(busy.error().code(), ErrorCode::kConflict);
    EXPECT_NE(busy.error().text().find("box"), std::string::npos);
  }
  ASSERT_TRUE(networks_->remove("one"));
  EXPECT_EQ(links(), before_links);
  EXPECT_EQ(rules(), before_rules);
}

TEST_F(NetBridge, ChainsOfOthersThatDropForwardedPacketsAreFound) {
  create("one");
  EXPECT_TRUE(Firewall::dropping_chains()->empty());
  run_in(host_, {"nft",
                 "add table ip filter; add chain ip filter FORWARD { type filter hook forward "
                 "priority 0; policy drop; }; add chain ip filter INPUT { type filter hook "
                 "input priority 0; policy drop; }"});
  EXPECT_EQ(*Firewall::dropping_chains(), std::vector<std::string>{"ip filter FORWARD"});
}

TEST_F(NetBridge, FlushedRulesComeBackWithTheNextContainer) {
  create("one");
  const Box a = start("one", "a");
  const std::string before = rules();
  run_in(host_, {"nft", "flush", "ruleset"});
  const Box b = start("one", "b");
  EXPECT_EQ(rules(), before);
}

}  // namespace
}  // namespace slipway::sandbox::net
