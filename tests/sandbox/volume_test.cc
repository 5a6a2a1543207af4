// Volumes on a real directory: names, options, use, removal, first content; what a killed process leaves.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include <filesystem>
#include <fstream>

#include "base/files.h"
#include "sandbox/volumes.h"

namespace slipway::sandbox {
namespace {

namespace fs = std::filesystem;

class VolumesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto made = TempDir::make("/var/tmp", "volumes-test-");
    ASSERT_TRUE(made) << made.error().text();
    dir_ = std::make_unique<TempDir>(std::move(*made));
    volumes_ = *Volumes::open(dir_->path());
  }
  std::string path(const std::string& name) const { return dir_->path() + "/" + name; }
  std::string volume_path(const std::string& name) const { return path("volumes/" + name); }
  static void write(const std::string& file, const std::string& text) {
    fs::create_directories(fs::path(file).parent_path());
    std::ofstream(file) << text;
  }
  Fd open_dir(const std::string& name) const {
    return *open_file(path(name), O_RDONLY | O_DIRECTORY);
  }
  static std::string text_of(const std::string& file) {
    return read_file(file, 1_KiB).value_or("(none)");
  }

  std::unique_ptr<TempDir> dir_;
  std::shared_ptr<Volumes> volumes_;
};

TEST_F(VolumesTest, AreCreatedOnceAndKeepTheirLabels) {
  const auto made = volumes_->create({"db", {{"a", "1"}}, {}});
  ASSERT_TRUE(made) << made.error().text();
  EXPECT_EQ(made->path, volume_path("db/data"));
  EXPECT_TRUE(fs::is_directory(made->path));
  const auto again = volumes_->create({"db", {{"other", "2"}}, {}});
  ASSERT_TRUE(again);
  EXPECT_EQ(again->labels, made->labels) << "the existing one is returned as it is";
  EXPECT_EQ(again->created, made->created);
  EXPECT_EQ((*Volumes::open(dir_->path()))->inspect("db")->labels, made->labels);
  EXPECT_EQ(volumes_->list()->size(), 1U);
}

TEST_F(VolumesTest, WithoutANameAreAnonymous) {
  const auto made = volumes_->create({});
  ASSERT_TRUE(made);
  EXPECT_EQ(made->name.size(), 64U);
  EXPECT_TRUE(volumes_->inspect(made->name)->anonymous);
}

TEST_F(VolumesTest, RefuseNamesThatAreNone) {
  for (const char* name : {"a", "..", ".x", "a/b", "-a", "a b", "a\n", "/etc", "ab\x01"}) {
    const auto made = volumes_->create({name, {}, {}});
    ASSERT_FALSE(made) << name;
    EXPECT_EQ(made.error().code(), ErrorCode::kInvalid);
    EXPECT_EQ(volumes_->inspect(name).error().code(), ErrorCode::kNotFound) << name;
    EXPECT_EQ(volumes_->remove(name, false).error().code(), ErrorCode::kNotFound) << name;
  }
  EXPECT_FALSE(volumes_->create({std::string(256, 'a'), {}, {}}));
  EXPECT_TRUE(volumes_->create({std::string(255, 'a'), {}, {}}));
}

TEST_F(VolumesTest, InUseAreKeptUntilReleased) {
  ASSERT_TRUE(volumes_->create({"db", {}, {}}));
  ASSERT_TRUE(volumes_->acquire("db", "c1"));
  EXPECT_EQ(volumes_->acquire("db", "c2")->users, (std::vector<std::string>{"c1", "c2"}));
  const Status refused = volumes_->remove("db", true);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), ErrorCode::kConflict);
  EXPECT_EQ(refused.error().text(), "remove volume db: in use by c1, c2");
  EXPECT_TRUE(volumes_->prune([](const VolumeInfo&) { return true; })->names.empty());
  ASSERT_TRUE(volumes_->release("c1"));
  EXPECT_FALSE((*Volumes::open(dir_->path()))->remove("db", false)) << "use is recorded on disk";
  ASSERT_TRUE(volumes_->release("c2"));
  ASSERT_TRUE(volumes_->release("c2")) << "again is fine";
  EXPECT_TRUE(volumes_->remove("db", false));
  EXPECT_FALSE(fs::exists(volume_path("db")));
}

TEST_F(VolumesTest, MissingOnesAreSaidSo) {
  EXPECT_EQ(volumes_->remove("nope", false).error().text(), "no such volume: nope");
  EXPECT_TRUE(volumes_->remove("nope", true));
  EXPECT_EQ(volumes_->acquire("nope", "c").error().code(), ErrorCode::kNotFound);
}

TEST_F(VolumesTest, PruneOnlyWhatIsWantedAndCountBytes) {
  for (const char* name : {"keep", "drop"}) ASSERT_TRUE(volumes_->create({name, {}, {}}));
  write(volume_path("drop/data/file"), std::string(100'000, 'x'));
  const auto pruned = volumes_->prune([](const VolumeInfo& v) { return v.name == "drop"; });
  ASSERT_TRUE(pruned);
  EXPECT_EQ(pruned->names, std::vector<std::string>{"drop"});
  EXPECT_GE(pruned->freed.value, 100'000U);
  EXPECT_EQ(volumes_->list()->size(), 1U);
}

TEST_F(VolumesTest, TakeTheLocalDriversOptions) {
  const auto memory = volumes_->create(
      {"mem", {}, {{"type", "tmpfs"}, {"device", "tmpfs"}, {"o", "size=1m,mode=700"}}});
  ASSERT_TRUE(memory) << memory.error().text();
  EXPECT_EQ(memory->kind, VolumeKind::kTmpfs);
  EXPECT_EQ(memory->tmpfs_size, 1_MiB);
  EXPECT_EQ(memory->tmpfs_mode, 0700U);
  fs::create_directory(path("real"));
  const auto bind = volumes_->create(
      {"bound", {}, {{"type", "none"}, {"o", "bind,ro"}, {"device", path("real")}}});
  ASSERT_TRUE(bind) << bind.error().text();
  EXPECT_EQ(bind->kind, VolumeKind::kBind);
  EXPECT_EQ(bind->path, path("real"));
  EXPECT_EQ(bind->access, Access::kReadOnly);
  fs::remove(path("real"));
  EXPECT_TRUE(volumes_->list()) << "its directory is gone, the volume is still listed";
  EXPECT_TRUE(volumes_->remove("bound", false));
}

TEST_F(VolumesTest, RefuseOptionsThatTheyCannotHonour) {
  using Options = std::vector<std::pair<std::string, std::string>>;
  for (const Options& options :
       std::vector<Options>{{{"type", "nfs"}, {"o", "addr=1.2.3.4"}, {"device", ":/x"}},
                            {{"size", "1m"}},
                            {{"type", "tmpfs"}, {"o", "exec"}},
                            {{"type", "tmpfs"}, {"o", "mode=9"}},
                            {{"type", "none"}, {"o", "bind"}, {"device", "relative"}},
                            {{"type", "none"}, {"o", "bind"}, {"device", "/does/not/exist"}},
                            {{"device", "/etc"}}}) {
    const auto made = volumes_->create({"odd", {}, options});
    ASSERT_FALSE(made) << options[0].second;
    EXPECT_NE(made.error().text().find("volume option"), std::string::npos) << made.error().text();
  }
  EXPECT_TRUE(volumes_->list()->empty());
}

TEST_F(VolumesTest, ArePopulatedOnceWithContentModesAndLinks) {
  write(path("image/a/file"), "from image");
  fs::create_symlink("/etc/passwd", path("image/link"));
  fs::permissions(path("image/a/file"), fs::perms(0640));
  fs::permissions(path("image"), fs::perms(0750));
  ASSERT_TRUE(volumes_->create({"db", {}, {}}));
  const Status filled = volumes_->populate("db", open_dir("image").get());
  ASSERT_TRUE(filled) << filled.error().text();
  const std::string data = volume_path("db/data");
  EXPECT_EQ(text_of(data + "/a/file"), "from image");
  EXPECT_EQ(fs::read_symlink(data + "/link"), "/etc/passwd") << "copied as a link, never followed";
  EXPECT_EQ(fs::status(data).permissions(), fs::perms(0750));
  EXPECT_EQ(fs::status(data + "/a/file").permissions(), fs::perms(0640));
  write(data + "/a/file", "changed");
  ASSERT_TRUE(volumes_->populate("db", open_dir("image").get()));
  EXPECT_EQ(text_of(data + "/a/file"), "changed") << "what has content is left alone";
  EXPECT_FALSE(fs::exists(volume_path("db/staging")));
}

TEST_F(VolumesTest, KeepHardLinksAndAttributesOfTheImage) {
  write(path("image/first"), "text");
  write(path("image/alone"), "text");
  fs::create_directory(path("image/sub"));
  fs::create_hard_link(path("image/first"), path("image/sub/second"));
  // cap_net_bind_service, effective. Linux: vfs_cap_data, revision 2.
  const std::string capability("\x01\0\0\x02\0\x04\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 20);
  ASSERT_EQ(::setxattr(path("image/first").c_str(), "security.capability", capability.data(),
                       capability.size(), 0),
            0);
  ASSERT_EQ(::setxattr(path("image/sub").c_str(), "user.note", "kept", 4, 0), 0);
  ASSERT_TRUE(volumes_->create({"db", {}, {}}));
  const Status filled = volumes_->populate("db", open_dir("image").get());
  ASSERT_TRUE(filled) << filled.error().text();
  const std::string data = volume_path("db/data/");
  EXPECT_EQ(fs::hard_link_count(data + "first"), 2U);
  EXPECT_TRUE(fs::equivalent(data + "first", data + "sub/second"));
  EXPECT_EQ(fs::hard_link_count(data + "alone"), 1U);
  char value[64];
  ASSERT_EQ(::getxattr((data + "first").c_str(), "security.capability", value, sizeof value), 20);
  EXPECT_EQ(std::string(value, 20), capability);
  ASSERT_EQ(::getxattr((data + "sub").c_str(), "user.note", value, sizeof value), 4);
  EXPECT_EQ(std::string(value, 4), "kept");
}

TEST_F(VolumesTest, FinishOrForgetWhatAKilledProcessCopied) {
  write(path("image/file"), "new");
  ASSERT_TRUE(volumes_->create({"part", {}, {}}));
  write(volume_path("part/staging.part/half"), "half");
  ASSERT_TRUE(volumes_->populate("part", open_dir("image").get()));
  EXPECT_EQ(text_of(volume_path("part/data/file")), "new");
  EXPECT_FALSE(fs::exists(volume_path("part/data/half")));

  ASSERT_TRUE(volumes_->create({"whole", {}, {}}));
  write(volume_path("whole/staging/first"), "1");
  write(volume_path("whole/data/second"), "moved before the kill");
  ASSERT_TRUE(volumes_->populate("whole", open_dir("image").get()));
  EXPECT_EQ(text_of(volume_path("whole/data/first")), "1");
  EXPECT_FALSE(fs::exists(volume_path("whole/data/file"))) << "it was populated by the former one";
}

TEST_F(VolumesTest, SweepHalfMadeAndHalfRemovedOnes) {
  write(volume_path(".new-1/data/x"), "");
  write(volume_path(".gone-1/data/x"), "");
  EXPECT_TRUE(volumes_->list()->empty());
  ASSERT_TRUE(volumes_->create({"db", {}, {}}));
  EXPECT_FALSE(fs::exists(volume_path(".new-1")));
  EXPECT_FALSE(fs::exists(volume_path(".gone-1")));
}

TEST_F(VolumesTest, ARecordThatIsDamagedNamesTheVolume) {
  ASSERT_TRUE(volumes_->create({"db", {}, {}}));
  write(volume_path("db/volume.json"), R"({"labels":[1]})");
  const auto read = volumes_->inspect("db");
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code(), ErrorCode::kCorrupt);
  EXPECT_EQ(read.error().text(), "volume db: read volume.json: wrong value of labels[0]");
}

}  // namespace
}  // namespace slipway::sandbox
