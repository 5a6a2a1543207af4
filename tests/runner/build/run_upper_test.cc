// What a build step's command leaves in its upper is read and tidied without ever leaving it.
#include "runner/build/run_upper.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "base/files.h"

namespace slipway::runner {
namespace {

class RunUpper : public ::testing::Test {
 protected:
  void SetUp() override {
    auto made = TempDir::make("/var/tmp", "slipway-test");
    ASSERT_TRUE(made) << made.error().text();
    directory_ = std::make_unique<TempDir>(std::move(*made));
    for (const char* part : {"/lower/known", "/upper", "/host/b"})
      ASSERT_TRUE(make_dirs(directory_->path() + part, 0755));
    lowers_ = {directory_->path() + "/lower"};
    upper_ = directory_->path() + "/upper";
    host_ = directory_->path() + "/host";
  }
  void touch(const std::string& path) { ASSERT_TRUE(write_file_atomic(path, "", 0644)); }

  std::unique_ptr<TempDir> directory_;
  std::vector<std::string> lowers_;
  std::string upper_, host_;
};

TEST_F(RunUpper, PlacesOfMountsGoUnlessSomethingWasPutThere) {
  MountStubs stubs;
  for (const char* target : {"/a/b/c", "/known/deep/file", "/kept/dir"})
    ASSERT_TRUE(stubs.note(lowers_, target));
  ASSERT_TRUE(make_dirs(upper_ + "/a/b/c", 0755));
  ASSERT_TRUE(make_dirs(upper_ + "/known/deep", 0755));
  touch(upper_ + "/known/deep/file");
  ASSERT_TRUE(make_dirs(upper_ + "/kept/dir", 0755));
  touch(upper_ + "/kept/mine");
  const Status removed = stubs.remove(lowers_, upper_);
  ASSERT_TRUE(removed) << removed.error().text();
  EXPECT_FALSE(path_exists(upper_ + "/a"));
  EXPECT_FALSE(path_exists(upper_ + "/known"));
  EXPECT_TRUE(path_exists(upper_ + "/kept/mine"));
  EXPECT_FALSE(path_exists(upper_ + "/kept/dir"));
}

// R26: the command moves a mount's parent away and puts a link to the machine's files in its place.
TEST_F(RunUpper, Cve2024_23652_TidyingNeverFollowsALinkOutOfTheUpper) {
  MountStubs stubs;
  for (const char* target : {"/a/b/file", "/a/b/dir/deep", "/known/x/y", "/link"})
    ASSERT_TRUE(stubs.note(lowers_, target));
  touch(host_ + "/b/file");
  ASSERT_TRUE(make_dirs(host_ + "/b/dir/deep", 0755));
  ASSERT_TRUE(make_dirs(host_ + "/x/y", 0755));
  touch(host_ + "/empty");
  std::filesystem::create_symlink(host_, upper_ + "/a");
  std::filesystem::create_symlink("../host", upper_ + "/known");
  std::filesystem::create_symlink(host_ + "/empty", upper_ + "/link");
  const Status removed = stubs.remove(lowers_, upper_);
  ASSERT_TRUE(removed) << removed.error().text();
  for (const char* path : {"/b/file", "/b/dir/deep", "/x/y", "/empty"})
    EXPECT_TRUE(path_exists(host_ + path)) << path;
  EXPECT_TRUE(std::filesystem::is_symlink(upper_ + "/a"));
}

}  // namespace
}  // namespace slipway::runner
