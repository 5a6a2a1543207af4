// Unpacking layers: what ordinary archives become, and that hostile ones change nothing outside the target.
#include <sys/sysmacros.h>

#include "cachestore/layer/overlay_format.h"
#include "tests/cachestore/fixtures.h"

namespace slipway::cachestore {
namespace {

using testing::content_of;
using testing::link_of;
using testing::lstat_of;
using testing::must;
using testing::Scratch;
using testing::TarWriter;
using testing::xattr_of;

class LayerApply : public ::testing::Test {
 protected:
  Result<UnpackStats> apply(const TarWriter& tar, const LayerLimits& limits = {}) {
    return testing::unpack_bytes(scratch_, tar.finish(), target_.get(), UnpackPolicy::kLayer,
                                 limits);
  }
  std::string in(const std::string& name) const { return scratch_.path("target/" + name); }
  void expect_refused(const TarWriter& tar, const std::string& cause) {
    const auto result = apply(tar);
    ASSERT_FALSE(result) << "not refused: " << cause;
    EXPECT_NE(result.error().text().find(cause), std::string::npos) << result.error().text();
  }
  void expect_outside_untouched() {
    EXPECT_EQ(content_of(scratch_.path("outside/secret")), "secret");
    EXPECT_EQ(must(list_dir(outside_.get(), "outside")), std::vector<std::string>{"secret"});
    EXPECT_EQ(lstat_of(scratch_.path("outside/secret")).st_nlink, 1U);
    EXPECT_EQ(lstat_of(scratch_.path("outside")).st_mode & 07777U, 0755U);
  }
  std::string opaque(const std::string& name) const {
    const bool trusted = overlay_xattrs_here() == OverlayXattrs::kTrusted;
    return xattr_of(in(name), trusted ? "trusted.overlay.opaque" : "user.overlay.opaque");
  }
  bool whiteout(const std::string& name) const {
    const auto info = lstat_of(in(name));
    return S_ISCHR(info.st_mode) && info.st_rdev == ::makedev(0, 0);
  }

  Scratch scratch_;
  Fd target_ = scratch_.make_dir("target");
  Fd outside_ = scratch_.make_dir("outside");
  Fd secret_ = scratch_.file("outside/secret", "secret");
};

TEST_F(LayerApply, KeepsContentModesLinksAndTimes) {
  TarWriter tar;
  tar.dir("d/", 0750).file("d/f", "hello", 04755).hardlink("d/h", "d/f").symlink("d/s", "f");
  const auto stats = must(apply(tar));
  EXPECT_EQ(stats.entries, 4U);
  EXPECT_EQ(content_of(in("d/f")), "hello");
  EXPECT_EQ(lstat_of(in("d/f")).st_mode & 07777U, 04755U);
  EXPECT_EQ(lstat_of(in("d/f")).st_ino, lstat_of(in("d/h")).st_ino);
  EXPECT_EQ(link_of(in("d/s")), "f");
  EXPECT_EQ(lstat_of(in("d")).st_mode & 07777U, 0750U);
  for (const char* name : {"d", "d/f", "d/s"}) {
    EXPECT_EQ(lstat_of(in(name)).st_mtim.tv_sec, 1'700'000'000) << name;
  }
}

TEST_F(LayerApply, KeepsOwnersWhereItMayAndCountsThemWhereNot) {
  TarWriter::Entry entry;
  entry.name = "f";
  entry.uid = 1000;
  entry.gid = 65535;
  const auto stats = must(apply(TarWriter().add(entry)));
  if (::geteuid() == 0) {
    EXPECT_EQ(lstat_of(in("f")).st_uid, 1000U);
    EXPECT_EQ(lstat_of(in("f")).st_gid, 65535U);
  } else {
    EXPECT_EQ(stats.squashed_owners, 1U);
  }
}

TEST_F(LayerApply, RefusesOwnersThatWouldWrapToRoot) {
  TarWriter::Entry entry;
  entry.name = "f";
  entry.uid = 65536;
  expect_refused(TarWriter().add(entry), "owner id 65536 is beyond 65535");
  expect_refused(TarWriter().pax({{"uid", "4294967296"}}).file("f", ""), "beyond 65535");
}

TEST_F(LayerApply, SetgidParentDoesNotGiveItsGroupToFiles) {
  TarWriter::Entry dir;
  dir.name = "mail/";
  dir.type = '5';
  dir.mode = 02775;
  dir.gid = ::geteuid() == 0 ? 8 : 0;
  must(apply(TarWriter().add(dir).file("mail/box", "x")));
  EXPECT_EQ(lstat_of(in("mail/box")).st_gid, ::getegid());
}

TEST_F(LayerApply, AbsoluteNamesLandBelowTheTarget) {
  must(apply(TarWriter().file(scratch_.path("outside/secret"), "evil")));
  EXPECT_EQ(content_of(in(scratch_.path("outside/secret"))), "evil");
  expect_outside_untouched();
}

TEST_F(LayerApply, RefusesDotDotAnywhereInAName) {
  for (const char* name : {"../outside/secret", "a/../../outside/secret", "..", "a/.."}) {
    expect_refused(TarWriter().file(name, "evil"), "\"..\"");
  }
  expect_outside_untouched();
}

TEST_F(LayerApply, NamesThroughLinksStayInside) {
  const std::string outside = scratch_.path("outside");
  // Absolute and climbing links are resolved with the target as root: nothing is there, so the entry fails.
  for (const std::string& link :
       {outside, std::string("../outside"), std::string("../../../../..") + outside}) {
    const auto result = apply(TarWriter().symlink("l", link).file("l/secret", "evil"));
    EXPECT_FALSE(result) << link;
    expect_outside_untouched();
  }
  must(apply(TarWriter().dir("usr/lib/").symlink("lib", "/usr/lib").file("lib/x", "in")));
  EXPECT_EQ(content_of(in("usr/lib/x")), "in");
}

TEST_F(LayerApply, LinkLoopsAreAnError) {
  const auto result = apply(TarWriter().symlink("a", "b").symlink("b", "a").file("a/x", ""));
  ASSERT_FALSE(result);
}

TEST_F(LayerApply, AFileNeverWritesThroughALinkOfItsName) {
  const std::string secret = scratch_.path("outside/secret");
  must(apply(TarWriter().symlink("f", secret).file("f", "mine")));
  EXPECT_EQ(content_of(in("f")), "mine");
  EXPECT_TRUE(S_ISREG(lstat_of(in("f")).st_mode));
  expect_outside_untouched();
}

TEST_F(LayerApply, AFileNeverWritesIntoAnOlderHardLink) {
  must(apply(TarWriter().file("a", "first").hardlink("b", "a").file("b", "second")));
  EXPECT_EQ(content_of(in("a")), "first");
  EXPECT_EQ(content_of(in("b")), "second");
}

TEST_F(LayerApply, HardLinksReachOnlyFilesOfTheTarget) {
  const std::string secret = scratch_.path("outside/secret");
  expect_refused(TarWriter().hardlink("h", "../outside/secret"), "\"..\"");
  EXPECT_FALSE(apply(TarWriter().hardlink("h", secret)));
  EXPECT_FALSE(apply(TarWriter().symlink("l", scratch_.path("outside")).hardlink("h", "l/secret")));
  expect_refused(TarWriter().dir("d").hardlink("h", "d"), "no regular file");
  expect_refused(TarWriter().hardlink("h", "missing"), "missing");
  expect_outside_untouched();
}

TEST_F(LayerApply, AHardLinkToALinkIsALinkAndDoesNotFollow) {
  must(apply(TarWriter().symlink("l", scratch_.path("outside/secret")).hardlink("h", "l")));
  EXPECT_TRUE(S_ISLNK(lstat_of(in("h")).st_mode));
  expect_outside_untouched();
}

TEST_F(LayerApply, AHardLinkToItselfKeepsTheFile) {
  must(apply(TarWriter().file("a", "x").hardlink("./a", "a")));
  EXPECT_EQ(content_of(in("a")), "x");
}

TEST_F(LayerApply, ADirectoryOverALinkReplacesTheLink) {
  must(apply(TarWriter().symlink("d", scratch_.path("outside")).dir("d", 0700).file("d/x", "1")));
  EXPECT_TRUE(S_ISDIR(lstat_of(in("d")).st_mode));
  expect_outside_untouched();
}

TEST_F(LayerApply, TheLastOfTwoEntriesWins) {
  TarWriter tar;
  tar.file("x", "file").dir("x").file("x/in", "1").file("x", "again");
  tar.dir("keep").file("keep/a", "1").dir("keep/", 0700);
  must(apply(tar));
  EXPECT_EQ(content_of(in("x")), "again");
  EXPECT_EQ(content_of(in("keep/a")), "1");
  EXPECT_EQ(lstat_of(in("keep")).st_mode & 07777U, 0700U);
}

TEST_F(LayerApply, DevicesBecomeEmptyFilesAndFifosAreNotOpened) {
  TarWriter tar;
  tar.device("c", '3').device("b", '4').device("p", '6');
  const auto stats = must(apply(tar));
  EXPECT_EQ(stats.inert_devices, 2U);
  EXPECT_TRUE(S_ISREG(lstat_of(in("c")).st_mode));
  EXPECT_TRUE(S_ISREG(lstat_of(in("b")).st_mode));
  EXPECT_TRUE(S_ISFIFO(lstat_of(in("p")).st_mode));
}

TEST_F(LayerApply, WhiteoutsHideLowerFilesOnly) {
  TarWriter tar;
  tar.dir("d").file("d/.wh.gone", "").file("d/kept", "1").file("d/.wh.kept", "");
  tar.file("d/.wh.merged", "").dir("d/merged").dir("e").file("e/.wh..wh..opq", "");
  tar.file("f/.wh.deep", "").file("f/deep/x", "1").dir("g").file(".wh.g", "");
  must(apply(tar));
  EXPECT_TRUE(whiteout("d/gone"));
  EXPECT_EQ(content_of(in("d/kept")), "1");
  EXPECT_EQ(opaque("d/merged"), "y");
  EXPECT_EQ(opaque("e"), "y");
  EXPECT_EQ(opaque("f/deep"), "y");
  EXPECT_EQ(content_of(in("f/deep/x")), "1");
  EXPECT_EQ(opaque("g"), "y");
  EXPECT_EQ(opaque("d"), "(none)");
}

TEST_F(LayerApply, RefusesWhiteoutsOfNothingAndOfTheDirectoryItself) {
  for (const char* name : {".wh.", "a/.wh..", "a/.wh..."}) {
    expect_refused(TarWriter().file(name, ""), "whiteout of nothing");
  }
  expect_outside_untouched();
}

TEST_F(LayerApply, LeavesOutTheFilesOfAufs) {
  must(apply(
      TarWriter().dir(".wh..wh.plnk").file(".wh..wh.plnk/1.2", "x").file(".wh..wh.aufs", "")));
  EXPECT_EQ(must(list_dir(target_.get(), "target")), std::vector<std::string>{});
}

TEST_F(LayerApply, KeepsKnownXattrsAndDropsTheRest) {
  TarWriter tar;
  tar.pax({{"SCHILY.xattr.user.note", "kept"},
           {"SCHILY.xattr.user.overlay.opaque", "y"},
           {"SCHILY.xattr.trusted.overlay.redirect", "/x"},
           {"SCHILY.xattr.security.selinux", "system_u"}});
  tar.file("f", "");
  const auto stats = must(apply(tar));
  EXPECT_EQ(xattr_of(in("f"), "user.note"), "kept");
  EXPECT_EQ(xattr_of(in("f"), "user.overlay.opaque"), "(none)");
  EXPECT_EQ(xattr_of(in("f"), "trusted.overlay.redirect"), "(none)");
  EXPECT_EQ(stats.dropped_xattrs, 3U);
}

TEST_F(LayerApply, TheTopEntryDescribesTheTarget) {
  must(apply(TarWriter().dir("./", 0711).file("./a", "")));
  EXPECT_EQ(lstat_of(in(".")).st_mode & 07777U, 0711U);
  EXPECT_EQ(lstat_of(in(".")).st_mtim.tv_sec, 1'700'000'000);
  expect_refused(TarWriter().file("./", "x"), "the top must be a directory");
}

TEST_F(LayerApply, NamesTheEntryThatDoesNotFit) {
  expect_refused(TarWriter().file("a", "").file("a/b", ""),
                 "entry \"a/b\": \"a\" is not a directory");
  expect_refused(TarWriter().pax({{"path", std::string(300, 'n')}}).file("x", ""),
                 "longer than 255");
  std::string deep;
  for (int i = 0; i < 300; ++i) deep += "d/";
  expect_refused(TarWriter().pax({{"path", deep}}).file("x", ""), "deeper than 256");
  expect_refused(TarWriter().gnu_long('L', std::string(5000, 'n')).file("x", ""),
                 "name longer than 4096");
  expect_refused(TarWriter().symlink("l", ""), "a link to nothing");
}

TEST_F(LayerApply, NamesThatAreNotUtf8AreKept) {
  must(apply(TarWriter().file("\xff\xfe", "bytes")));
  EXPECT_EQ(content_of(in("\xff\xfe")), "bytes");
}

TEST_F(LayerApply, LimitsBytesAndEntries) {
  LayerLimits limits;
  limits.max_bytes = 1_KiB;
  auto big =
      apply(TarWriter().file("a", std::string(1000, 'x')).file("b", std::string(100, 'x')), limits);
  ASSERT_FALSE(big);
  EXPECT_EQ(big.error().code(), ErrorCode::kExhausted);
  EXPECT_NE(big.error().text().find("entry \"b\""), std::string::npos) << big.error().text();
  limits = {};
  limits.max_entries = 2;
  auto many = apply(TarWriter().file("a", "").file("b", "").file("c", ""), limits);
  ASSERT_FALSE(many);
  EXPECT_EQ(many.error().code(), ErrorCode::kExhausted);
}

TEST_F(LayerApply, CancelEndsAWaitOnAPipe) {
  auto pipe = must(sys::make_pipe());
  CancelToken cancel;
  cancel.cancel(CancelLevel::kTerminate);
  const auto result =
      unpack(pipe.read.get(), "pipe", target_.get(), UnpackPolicy::kLayer, {}, cancel);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code(), ErrorCode::kCancelled);
}

TEST_F(LayerApply, AStalledPipeEndsByItself) {
  auto pipe = must(sys::make_pipe());
  LayerLimits limits;
  limits.stall = Millis(1);
  const auto result =
      unpack(pipe.read.get(), "pipe", target_.get(), UnpackPolicy::kLayer, limits, CancelToken());
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code(), ErrorCode::kTimeout);
}

}  // namespace
}  // namespace slipway::cachestore
