// Volumes, binds and memory as containers see them, and whose they are after.
#include "tests/sandbox/containers/containers_fixture.h"

namespace slipway::sandbox {
namespace {

class ContainersVolumes : public ContainersTest {
 protected:
  void SetUp() override {
    ContainersTest::SetUp();
    auto opened = Volumes::open(state_);
    ASSERT_TRUE(opened) << opened.error().text();
    volumes_ = *opened;
    ContainersOptions options;
    options.state_dir = state_;
    options.store = store_;
    options.volumes = volumes_;
    containers_ = *Containers::open(std::move(options));
  }
  static MountConfig mount(MountConfig::Type type, const std::string& source,
                           const std::string& target) {
    MountConfig made;
    made.type = type;
    made.source = source;
    made.target = target;
    return made;
  }
  std::string output_of(ContainerConfig wanted) {
    const std::string id = run(std::move(wanted));
    EXPECT_EQ(wait(id), 0);
    return logs(id);
  }
  std::shared_ptr<Volumes> volumes_;
};

TEST_F(ContainersVolumes, KeepWhatOneContainerWroteForTheNext) {
  ContainerConfig writer = shell("echo kept > /data/file");
  writer.mounts = {mount(MountConfig::Type::kVolume, "store", "/data")};
  EXPECT_EQ(output_of(writer), "");
  ContainerConfig reader = shell("cat /data/file; touch /data/no 2> /dev/null || echo frozen");
  reader.mounts = {mount(MountConfig::Type::kVolume, "store", "/data/")};
  reader.mounts[0].access = Access::kReadOnly;
  EXPECT_EQ(output_of(reader), "kept\nfrozen\n");
  EXPECT_EQ(volumes_->inspect("store")->users.size(), 2U);
}

TEST_F(ContainersVolumes, TheFirstUseTakesOverWhatTheImageHasThere) {
  ContainerConfig wanted = shell("cat /etc/passwd | head -n 1");
  wanted.mounts = {mount(MountConfig::Type::kVolume, "etc", "/etc")};
  EXPECT_EQ(output_of(wanted), "root:x:0:0::/root:/bin/sh\n");
}

TEST_F(ContainersVolumes, ASubpathIsAllThatShowsAndCannotLeaveTheVolume) {
  ContainerConfig writer = shell(
      "mkdir /data/in; echo inner > /data/in/file; echo outer > /data/file; ln -s /etc /data/out");
  writer.mounts = {mount(MountConfig::Type::kVolume, "store", "/data")};
  const std::string id = run(writer);
  wait(id);
  ContainerConfig reader = shell("cat /data/file");
  reader.mounts = {mount(MountConfig::Type::kVolume, "store", "/data")};
  reader.mounts[0].subpath = "in";
  EXPECT_EQ(output_of(reader), "inner\n");
  reader.mounts[0].subpath = "out";
  EXPECT_FALSE(containers_->create(reader, {}));
}

TEST_F(ContainersVolumes, AnonymousOnesGoWithAContainerThatGoes) {
  ContainerConfig wanted = config({"true"});
  wanted.mounts = {mount(MountConfig::Type::kVolume, "", "/data")};
  wanted.auto_remove = true;
  const std::string id = create(wanted);
  ASSERT_EQ(volumes_->list()->size(), 1U);
  EXPECT_TRUE(containers_->wait(id, WaitCondition::kRemoved, CancelToken(), [&] { start(id); }));
  EXPECT_TRUE(volumes_->list()->empty());
  wanted.auto_remove = false;
  const std::string kept = create(wanted);
  EXPECT_TRUE(containers_->remove(kept, {false, false}));
  ASSERT_EQ(volumes_->list()->size(), 1U);
  EXPECT_TRUE(volumes_->list()->front().users.empty());
}

TEST_F(ContainersVolumes, ComeFromAnotherContainer) {
  ContainerConfig wanted = shell("echo theirs > /data/file");
  wanted.mounts = {mount(MountConfig::Type::kVolume, "store", "/data")};
  const std::string first = create(wanted, "first");
  start(first);
  wait(first);
  ContainerConfig second = shell("cat /data/file");
  second.volumes_from = {"first:ro"};
  EXPECT_EQ(output_of(second), "theirs\n");
}

TEST_F(ContainersVolumes, AMissingBindIsAnErrorOrIsMade) {
  ContainerConfig wanted = shell("echo x > /mine/file");
  wanted.mounts = {mount(MountConfig::Type::kBind, directory_->path() + "/made", "/mine")};
  const auto refused = containers_->create(wanted, {"taken"});
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().text().find("does not exist"), std::string::npos);
  wanted.mounts[0].create_source = true;
  const auto id = containers_->create(wanted, {"taken"});  // The failure kept no name.
  ASSERT_TRUE(id) << id.error().text();
  start(*id);
  EXPECT_EQ(wait(*id), 0);
  EXPECT_EQ(read_file(directory_->path() + "/made/file", 1_KiB).value_or(""), "x\n");
}

TEST_F(ContainersVolumes, TargetsThatAreNoneAreRefused) {
  for (const char* target : {"", "data", "/", "/a/../../b", "/.."}) {
    ContainerConfig wanted = config({"true"});
    wanted.mounts = {mount(MountConfig::Type::kTmpfs, "", target)};
    EXPECT_FALSE(containers_->create(wanted, {})) << target;
  }
}

}  // namespace
}  // namespace slipway::sandbox
