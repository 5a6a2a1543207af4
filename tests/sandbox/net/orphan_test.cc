// Idle bridges stay for the next container; those of state directories that are gone do not.
#include <stdlib.h>

#include "sandbox/net/orphans.h"
#include "tests/sandbox/net/network_fixture.h"

namespace slipway::sandbox::net {
namespace {

LinkInfo link(std::uint32_t index, const std::string& name, const std::string& directory,
              std::uint32_t master = 0) {
  LinkInfo made;
  made.index = index;
  made.name = name;
  if (!directory.empty()) made.alias = link_mark(directory);
  made.master = master;
  return made;
}

TEST(OrphanedLinks, AreThoseWithoutARecordThatNobodyUses) {
  const std::vector<LinkInfo> links = {
      link(1, "lo", ""),
      link(2, "theirs", ""),
      link(3, "kept", "/state/networks/a"),
      link(4, "idle", "/gone/networks/b"),
      link(5, "busy", "/gone/networks/c"),
      link(6, "veth1", "", 5),
      link(7, "overlay", "/gone/networks/d"),
      link(8, "vxlan", "/gone/networks/d", 7),
      link(9, "busy-overlay", "/gone/networks/e"),
      link(10, "busy-vxlan", "/gone/networks/e", 9),
      link(11, "veth2", "", 9),
  };
  const auto exists = [](const std::string& directory) { return directory == "/state/networks/a"; };
  EXPECT_EQ(orphaned_links(links, exists), (std::vector<std::string>{"vxlan", "idle", "overlay"}));
}

TEST(IdleLinks, GoWhereTheKernelCannotKeepTheirPath) {
  EXPECT_EQ(idle_links("/" + std::string(200, 'x')), IdleLinks::kGo);
}

/// As users have it.
class NetOrphan : public NetworkTest {
 protected:
  void SetUp() override {
    ASSERT_EQ(::unsetenv("RUNNER_IDLE_NETWORKS"), 0);
    NetworkTest::SetUp();
  }
  void TearDown() override {
    NetworkTest::TearDown();
    ::setenv("RUNNER_IDLE_NETWORKS", "remove", 1);
  }
  void end_last_container() {
    { const Box box = start("bridge"); }
    networks_.reset();
  }
  std::shared_ptr<Networks> another(const TempDir& directory) {
    auto opened = Networks::open(directory.path());
    EXPECT_TRUE(opened);
    return opened.value_or(nullptr);
  }
};

TEST_F(NetOrphan, BridgeAndRulesWaitForTheNextContainer) {
  end_last_container();
  const std::string rules_between = rules(), links_between = links();
  EXPECT_NE(links_between.find("slip"), std::string::npos) << links_between;
  networks_ = *Networks::open(state());
  const Box box = start("bridge");
  const Fd world = serve(outside_, "0.0.0.0", 80);
  EXPECT_TRUE(reach(box.space, "192.0.2.1", 80));
  EXPECT_EQ(rules(), rules_between);
}

TEST_F(NetOrphan, PruneTakesIdleBridgesDown) {
  const std::string before_rules = rules(), before_links = links();
  end_last_container();
  networks_ = *Networks::open(state());
  ASSERT_TRUE(networks_->prune());
  EXPECT_EQ(links(), before_links);
  EXPECT_EQ(rules(), before_rules);
}

TEST_F(NetOrphan, BridgesOfARemovedStateDirectoryGoWithTheNextBridgeOfAnother) {
  const std::string before_rules = rules(), before_links = links();
  end_last_container();
  ASSERT_TRUE(remove_tree(state()));
  const auto other = TempDir::make("/var/tmp", "slipway-net");
  const auto networks = another(*other);
  const std::string gone = links();
  networks_ = networks;
  { const Box box = start("bridge"); }
  EXPECT_EQ(split(links(), '\n').size(), split(gone, '\n').size()) << gone << links();
  ASSERT_TRUE(networks_->prune());
  EXPECT_EQ(links(), before_links);
  EXPECT_EQ(rules(), before_rules);
  networks_.reset();
}

TEST_F(NetOrphan, BridgeInUseStaysWhenItsStateDirectoryIsGone) {
  const Box box = start("bridge");
  const std::string links_before = links(), rules_before = rules();
  const std::string aside = state() + ".aside";
  ASSERT_EQ(::rename(state().c_str(), aside.c_str()), 0);
  const auto other = TempDir::make("/var/tmp", "slipway-net");
  ASSERT_TRUE(another(*other)->prune());
  ASSERT_EQ(::rename(aside.c_str(), state().c_str()), 0);
  EXPECT_EQ(links(), links_before);
  EXPECT_EQ(rules(), rules_before);
}

}  // namespace
}  // namespace slipway::sandbox::net
