// The drivers beside bridge: macvlan, ipvlan, overlay, host and none.
#include "sandbox/net/plan_network.h"
#include "tests/sandbox/net/network_fixture.h"

namespace slipway::sandbox::net {
namespace {

class NetDrivers : public NetworkTest {};

TEST_F(NetDrivers, MacvlanContainersLiveInTheParentsNetwork) {
  NetworkConfig config;
  config.name = "lan";
  config.driver = NetworkDriver::kMacvlan;
  config.subnets = {{"192.0.2.0/24", "192.0.2.1", "192.0.2.128/25"}};
  config.options = {{"parent", "eth0"}};
  create(config);
  const Box a = start("lan", "a"), b = start("lan", "b");
  const Fd world = serve(outside_, "0.0.0.0", 80), server = serve(b.space, "0.0.0.0", 81);
  EXPECT_TRUE(reach(a.space, "192.0.2.1", 80));
  EXPECT_EQ(accept_from(world), a.on().ipv4) << "under its own address";
  EXPECT_TRUE(reach(a.space, b.on().ipv4, 81));
  EXPECT_TRUE(reach(outside_, b.on().ipv4, 81));
}

TEST_F(NetDrivers, MacvlanMakesAVlanOfTheParentAndSaysWhenThereIsNoParent) {
  NetworkConfig config;
  config.name = "nowhere";
  config.driver = NetworkDriver::kMacvlan;
  config.options = {{"parent", "eth9"}};
  create(config);
  auto session = networks_->open_session(request("nowhere"));
  ASSERT_TRUE(session);
  const Fd space = make_namespace();
  const auto attached = (*session)->attach(space.get());
  ASSERT_FALSE(attached);
  EXPECT_EQ(attached.error().code(), ErrorCode::kNotFound);
  EXPECT_NE(attached.error().text().find("eth9"), std::string::npos);
}

TEST_F(NetDrivers, IpvlanWorksOrTheKernelIsNamed) {
  NetworkConfig config;
  config.name = "lan";
  config.driver = NetworkDriver::kIpvlan;
  config.subnets = {{"192.0.2.0/24", "192.0.2.1", "192.0.2.128/25"}};
  config.options = {{"parent", "eth0"}};
  create(config);
  auto session = networks_->open_session(request("lan"));
  ASSERT_TRUE(session);
  const Fd space = make_namespace();
  const auto attached = (*session)->attach(space.get());
  if (!attached) {
    EXPECT_EQ(attached.error().code(), ErrorCode::kUnsupported);
    EXPECT_NE(attached.error().text().find("ipvlan"), std::string::npos) << attached.error().text();
    return;
  }
  const Fd world = serve(outside_, "0.0.0.0", 80);
  EXPECT_TRUE(reach(space, "192.0.2.1", 80));
}

TEST_F(NetDrivers, OverlayJoinsContainersOfTwoHosts) {
  // The other host is "outside", with a state directory of its own.
  const auto config_for = [](const std::string& peer, const std::string& range) {
    NetworkConfig config;
    config.name = "wide";
    config.driver = NetworkDriver::kOverlay;
    config.subnets = {{"10.99.0.0/24", "", range}};
    config.peers = {{peer}};
    return config;
  };
  create(config_for("192.0.2.1", "10.99.0.0/25"));
  const Box here = start("wide", "here"), sibling = start("wide", "sibling");
  auto directory = TempDir::make("/var/tmp", "slipway-net");
  Box there;
  std::shared_ptr<Networks> networks;
  there.space = make_namespace();
  const auto made = in_namespace(outside_.get(), [&]() -> Status {
    networks = SLIP_TRY(Networks::open(directory->path()));
    SLIP_TRY(networks->create(config_for("192.0.2.2", "10.99.0.128/25")));
    there.session = SLIP_TRY(networks->open_session(request("wide", "there")));
    return there.session->attach(there.space.get());
  });
  ASSERT_TRUE(made) << made.error().text();
  const Fd server = serve(there.space, "0.0.0.0", 80), near = serve(sibling.space, "0.0.0.0", 80);
  EXPECT_TRUE(reach(here.space, there.on().ipv4, 80));
  EXPECT_EQ(accept_from(server), here.on().ipv4);
  EXPECT_TRUE(reach(there.space, sibling.on().ipv4, 80));
  EXPECT_EQ(accept_from(near), there.on().ipv4);
  // Each host is the gateway of its own containers.
  const Fd host_service = serve(host_, "0.0.0.0", 90);
  EXPECT_TRUE(reach(here.space, here.on().gateway, 90));
  EXPECT_FALSE(reach(there.space, there.on().gateway, 90, kBlocked));
  // What uses the other host's namespace goes away in it.
  ASSERT_TRUE(in_namespace(outside_.get(), [&]() -> Status {
    there.session.reset();
    return networks->remove("wide");
  }));
}

TEST_F(NetDrivers, OverlayWithoutPeersOrSubnetSaysWhatIsMissing) {
  NetworkConfig config;
  config.name = "wide";
  config.driver = NetworkDriver::kOverlay;
  const auto made = networks_->create(config);
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code(), ErrorCode::kUnsupported);
  EXPECT_NE(made.error().text().find("--peer"), std::string::npos);
}

TEST_F(NetDrivers, HostAndNoneNeedNoLink) {
  for (const char* name : {"host", "none"}) {
    const std::string before = links();
    const Box box = start(name);
    EXPECT_EQ(box.on().network, name);
    EXPECT_EQ(box.on().ipv4, "");
    EXPECT_EQ(links(), before);
    EXPECT_EQ(networks_->endpoints(box.id)->size(), 1u);
  }
  EXPECT_FALSE(networks_->remove("host"));
}

struct Refused {
  const char* what;
  NetworkConfig config;
  ErrorCode code;
  const char* text;
};

TEST_F(NetDrivers, ImpossibleNetworksAreRefusedWithAReason) {
  NetworkConfig base;
  base.name = "net";
  std::vector<Refused> rows;
  const auto row = [&](const char* what, ErrorCode code, const char* text) -> NetworkConfig& {
    rows.push_back({what, base, code, text});
    return rows.back().config;
  };
  rows.reserve(16);
  row("name", ErrorCode::kInvalid, "a-zA-Z0-9").name = "-x";
  row("twice", ErrorCode::kExists, "exists").name = "bridge";
  row("subnet", ErrorCode::kInvalid, "ADDRESS/PREFIX").subnets = {{"10.1.1/24", "", ""}};
  row("prefix", ErrorCode::kInvalid, "prefix").subnets = {{"10.1.1.0/31", "", ""}};
  row("gateway", ErrorCode::kInvalid, "gateway").subnets = {{"10.1.1.0/24", "10.2.1.1", ""}};
  row("range", ErrorCode::kInvalid, "ip range").subnets = {{"10.1.1.0/24", "", "10.1.0.0/16"}};
  row("host's", ErrorCode::kInvalid, "this machine uses").subnets = {{"192.0.0.0/16", "", ""}};
  row("mtu", ErrorCode::kInvalid, "MTU").options = {{"com.docker.network.driver.mtu", "lots"}};
  row("bridge", ErrorCode::kInvalid, "bridge name").options = {
      {"com.docker.network.bridge.name", "a/../b"}};
  row("driver", ErrorCode::kInvalid, "only one").driver = NetworkDriver::kHost;
  row("parent", ErrorCode::kInvalid, "parent").driver = NetworkDriver::kMacvlan;
  for (const Refused& refused : rows) {
    const auto made = networks_->create(refused.config);
    ASSERT_FALSE(made) << refused.what;
    EXPECT_EQ(made.error().code(), refused.code) << refused.what << ": " << made.error().text();
    EXPECT_NE(made.error().text().find(refused.text), std::string::npos) << made.error().text();
  }
}

TEST(NetPlan, RangesAreGivenOutInTurnAndRunOut) {
  const Subnet subnet = *Subnet::parse("10.0.0.0/30");
  EXPECT_EQ(subnet.last().str(), "10.0.0.3");
  EXPECT_TRUE(subnet.contains(*Address::parse("10.0.0.2")));
  EXPECT_FALSE(subnet.contains(*Address::parse("10.0.0.4")));
  EXPECT_FALSE(subnet.contains(*Address::parse("::a00:2")));
  EXPECT_EQ(Address::parse("10.0.0.255")->plus(1)->str(), "10.0.1.0");
  EXPECT_FALSE(Address::parse("255.255.255.255")->plus(1));
}

}  // namespace
}  // namespace slipway::sandbox::net
