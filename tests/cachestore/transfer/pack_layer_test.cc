// Layers made here: what an upper directory becomes in a tar, and that applying it gives the same upper again.
#include <sys/socket.h>
#include <sys/sysmacros.h>
#include <sys/un.h>

#include "cachestore/layer/overlay_format.h"
#include "tests/cachestore/fixtures.h"

namespace slipway::cachestore {
namespace {

using testing::content_of;
using testing::link_of;
using testing::lstat_of;
using testing::must;
using testing::Scratch;
using testing::xattr_of;

class PackLayer : public ::testing::Test {
 protected:
  void put(const std::string& name, const std::string& content, mode_t mode = 0644) {
    must(make_dirs(scratch_.path("upper/" + name.substr(0, name.rfind('/') + 1)), 0755));
    const Fd fd = scratch_.file("upper/" + name, content);
    ASSERT_EQ(::fchmod(fd.get(), mode), 0);
    age(name);
  }
  // Whole seconds are what a layer keeps.
  void age(const std::string& name) {
    const timespec times[2] = {{1'700'000'000, 0}, {1'700'000'000, 0}};
    ASSERT_EQ(::utimensat(upper_.get(), name.c_str(), times, AT_SYMLINK_NOFOLLOW), 0);
  }
  std::string pack(int dir_fd) {
    const Fd out = scratch_.open("layer.tar", O_RDWR | O_CREAT | O_TRUNC);
    must(pack_layer(dir_fd, out.get(), CancelToken()));
    return content_of(scratch_.path("layer.tar"));
  }
  // Packs, applies to an empty directory, and packs that.
  void expect_round_trip() {
    const std::string layer = pack(upper_.get());
    must(testing::unpack_bytes(scratch_, layer, again_.get()));
    EXPECT_EQ(pack(again_.get()), layer);
    EXPECT_EQ(must(layer_diff_id(upper_.get(), CancelToken())), Digest::of(layer));
  }
  std::string again(const std::string& name) const { return scratch_.path("again/" + name); }
  static const char* opaque_name() {
    return overlay_xattrs_here() == OverlayXattrs::kTrusted ? "trusted.overlay.opaque"
                                                            : "user.overlay.opaque";
  }

  Scratch scratch_;
  Fd upper_ = scratch_.make_dir("upper");
  Fd again_ = scratch_.make_dir("again");
};

TEST_F(PackLayer, KeepsModesLinksTimesAndAttributes) {
  put("bin/tool", "#!", 04755);
  const std::string long_name(150, 'n');
  put(long_name + "/x", std::string(700'000, 'x'));
  put("empty", "");
  ASSERT_EQ(::symlinkat("bin/tool", upper_.get(), "link"), 0);
  ASSERT_EQ(::linkat(upper_.get(), "bin/tool", upper_.get(), "bin/same", 0), 0);
  ASSERT_EQ(::mknodat(upper_.get(), "fifo", S_IFIFO | 0600, 0), 0);
  const bool kept =
      ::setxattr(scratch_.path("upper/empty").c_str(), "user.note", "a\0b", 3, 0) == 0;
  expect_round_trip();
  EXPECT_EQ(lstat_of(again("bin/tool")).st_mode & 07777U, 04755U);
  EXPECT_EQ(lstat_of(again("bin/tool")).st_ino, lstat_of(again("bin/same")).st_ino);
  EXPECT_EQ(lstat_of(again("bin/tool")).st_mtim.tv_sec, 1'700'000'000);
  EXPECT_EQ(link_of(again("link")), "bin/tool");
  EXPECT_TRUE(S_ISFIFO(lstat_of(again("fifo")).st_mode));
  if (kept) {
    EXPECT_EQ(xattr_of(again("empty"), "user.note"), std::string("a\0b", 3));
  }
}

TEST_F(PackLayer, WritesRemovalsAsOciDoes) {
  put("dir/kept", "1");
  ASSERT_EQ(::setxattr(scratch_.path("upper/dir").c_str(), opaque_name(), "y", 1, 0), 0);
  if (::mknodat(upper_.get(), "gone", S_IFCHR, ::makedev(0, 0)) != 0) {
    GTEST_SKIP() << "this user cannot make whiteouts";
  }
  const std::string layer = pack(upper_.get());
  EXPECT_NE(layer.find("dir/.wh..wh..opq"), std::string::npos);
  EXPECT_NE(layer.find(".wh.gone"), std::string::npos);
  expect_round_trip();
  EXPECT_EQ(xattr_of(again("dir"), opaque_name()), "y");
  EXPECT_TRUE(S_ISCHR(lstat_of(again("gone")).st_mode));
}

TEST_F(PackLayer, DoesNotDependOnTheOrderFilesWereMade) {
  for (int i = 0; i < 50; ++i) put("f" + std::to_string(i), std::to_string(i));
  const std::string layer = pack(upper_.get());
  for (int i = 49; i >= 0; --i) {
    const Fd fd = scratch_.file("again/f" + std::to_string(i), std::to_string(i));
    const timespec times[2] = {{1'700'000'000, 123}, {1'700'000'000, 456}};
    ASSERT_EQ(::utimensat(again_.get(), ("f" + std::to_string(i)).c_str(), times, 0), 0);
  }
  EXPECT_EQ(pack(again_.get()), layer);
}

TEST_F(PackLayer, LeavesTheTopOutUnlessItDiffersFromADraft) {
  EXPECT_EQ(pack(upper_.get()), std::string(1024, '\0'));
  ASSERT_EQ(::fchmod(upper_.get(), 01777), 0);
  age(".");
  expect_round_trip();
  EXPECT_EQ(lstat_of(scratch_.path("again")).st_mode & 07777U, 01777U);
}

TEST_F(PackLayer, LeavesSocketsOut) {
  const Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  scratch_.path("upper/s").copy(address.sun_path, sizeof address.sun_path - 1);
  ASSERT_EQ(::bind(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  EXPECT_EQ(pack(upper_.get()), std::string(1024, '\0'));
}

TEST_F(PackLayer, RefusesNamesThatWouldReadAsRemovals) {
  put(".wh.etc", "");
  const Fd out = scratch_.open("layer.tar", O_RDWR | O_CREAT | O_TRUNC);
  const auto packed = pack_layer(upper_.get(), out.get(), CancelToken());
  ASSERT_FALSE(packed);
  EXPECT_NE(packed.error().text().find(".wh.etc"), std::string::npos) << packed.error().text();
}

TEST_F(PackLayer, RefusesAnUpperThatNeedsItsLowerLayers) {
  if (overlay_xattrs_here() != OverlayXattrs::kTrusted) GTEST_SKIP() << "needs root";
  put("moved/file", "");
  const std::string path = scratch_.path("upper/moved");
  ASSERT_EQ(::setxattr(path.c_str(), "trusted.overlay.redirect", "/old", 4, 0), 0);
  const auto id = layer_diff_id(upper_.get(), CancelToken());
  ASSERT_FALSE(id);
  EXPECT_EQ(id.error().code(), ErrorCode::kUnsupported) << id.error().text();
}

}  // namespace
}  // namespace slipway::cachestore
