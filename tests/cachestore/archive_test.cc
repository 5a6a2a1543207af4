// Artifacts: packing, unpacking and copying trees under the strict rules; and GNU tar as the oracle.
#include "cachestore/archive.h"

#include <sys/socket.h>
#include <sys/un.h>

#include "tests/cachestore/fixtures.h"

namespace slipway::cachestore {
namespace {

using testing::content_of;
using testing::link_of;
using testing::lstat_of;
using testing::must;
using testing::Scratch;
using testing::TarWriter;

class Artifacts : public ::testing::Test {
 protected:
  Result<UnpackStats> unpack_artifact(const TarWriter& tar) {
    return testing::unpack_bytes(scratch_, tar.finish(), to_.get(), UnpackPolicy::kArtifact);
  }
  Result<UnpackStats> copy(const std::vector<std::string>& paths,
                           UnpackPolicy policy = UnpackPolicy::kArtifact) {
    return copy_tree(from_.get(), paths, to_.get(), policy, {}, CancelToken());
  }
  std::string pack_all(int dir_fd, const std::vector<std::string>& paths) {
    const Fd out = scratch_.open("packed.tar", O_RDWR | O_CREAT | O_TRUNC);
    must(pack(dir_fd, paths, out.get(), CancelToken()));
    return content_of(scratch_.path("packed.tar"));
  }
  void put(const std::string& name, const std::string& content, mode_t mode = 0644) {
    must(make_dirs(scratch_.path("from/" + name.substr(0, name.rfind('/') + 1)), 0755));
    must(write_file_atomic(scratch_.path("from/" + name), content, mode));
  }
  std::string out(const std::string& name) const { return scratch_.path("to/" + name); }
  void expect_refused(const TarWriter& tar, const std::string& cause) {
    const auto result = unpack_artifact(tar);
    ASSERT_FALSE(result) << "not refused: " << cause;
    EXPECT_NE(result.error().text().find(cause), std::string::npos) << result.error().text();
  }

  Scratch scratch_;
  Fd from_ = scratch_.make_dir("from");
  Fd to_ = scratch_.make_dir("to");
  Fd outside_ = scratch_.make_dir("outside");
};

TEST_F(Artifacts, PackAndUnpackGiveTheSameTree) {
  put("bin/tool", "#!", 0755);
  put("empty", "");
  put(std::string(120, 'n') + "/" + std::string(130, 'm'), std::string(70'000, 'x'));
  ASSERT_EQ(::symlinkat("bin/tool", from_.get(), "link"), 0);
  ASSERT_EQ(::symlinkat(std::string(300, 'l').c_str(), from_.get(), "long"), 0);
  const std::string archive = pack_all(from_.get(), {"."});
  const Fd fd = scratch_.file("a.tar", archive);
  must(unpack(fd.get(), "a.tar", to_.get(), UnpackPolicy::kArtifact, {}, CancelToken()));
  EXPECT_EQ(content_of(out("bin/tool")), "#!");
  EXPECT_EQ(lstat_of(out("bin/tool")).st_mode & 07777U, 0755U);
  EXPECT_EQ(link_of(out("link")), "bin/tool");
  EXPECT_EQ(link_of(out("long")), std::string(300, 'l'));
  EXPECT_EQ(pack_all(to_.get(), {"."}), archive) << "packing is reproducible";
}

TEST_F(Artifacts, PacksOnlyTheNamedPathsOnce) {
  put("a/x", "1");
  put("a/y", "2");
  put("b", "3");
  const std::string archive = pack_all(from_.get(), {"a/x", "a", "./a/"});
  const Fd fd = scratch_.file("a.tar", archive);
  EXPECT_EQ(must(unpack(fd.get(), "a.tar", to_.get(), UnpackPolicy::kArtifact, {}, CancelToken()))
                .entries,
            3U);
  EXPECT_FALSE(path_exists(out("b")));
}

TEST_F(Artifacts, DropsOwnersSetIdBitsAndXattrs) {
  TarWriter tar;
  TarWriter::Entry entry;
  entry.name = "su";
  entry.mode = 06755;
  entry.uid = 123456;
  tar.pax({{"SCHILY.xattr.user.x", "1"}}).add(entry).dir("locked", 0);
  must(unpack_artifact(tar));
  EXPECT_EQ(lstat_of(out("su")).st_mode & 07777U, 0755U);
  EXPECT_EQ(lstat_of(out("su")).st_uid, ::geteuid());
  EXPECT_EQ(testing::xattr_of(out("su"), "user.x"), "(none)");
  EXPECT_EQ(lstat_of(out("locked")).st_mode & 0700U, 0700U);
}

TEST_F(Artifacts, RefusesWhatCouldLeaveTheTarget) {
  expect_refused(TarWriter().file("/etc/passwd", ""), "absolute");
  expect_refused(TarWriter().file("../x", ""), "\"..\"");
  expect_refused(TarWriter().symlink("l", "/etc"), "absolute path");
  expect_refused(TarWriter().symlink("a/l", "../../x"), "leads out");
  expect_refused(TarWriter().symlink("a/l", "b/../../../x"), "leads out");
  expect_refused(TarWriter().symlink("p/q/s", "../../d").symlink("t", "p/q/s/../../x"),
                 "leads out");
  expect_refused(TarWriter().dir("d").symlink("l", "d").file("l/x", ""), "leads through a link");
  expect_refused(TarWriter().symlink("s", "x").hardlink("h", "s"), "no regular file");
  expect_refused(TarWriter().device("c", '3'), "device");
  expect_refused(TarWriter().device("p", '6'), "fifo");
  ASSERT_EQ(::symlinkat(scratch_.path("outside").c_str(), to_.get(), "old"), 0);
  expect_refused(TarWriter().file("old/x", "evil"), "leads through a link");
  EXPECT_TRUE(must(list_dir(outside_.get(), "outside")).empty());
}

TEST_F(Artifacts, LeavesGitDirectoriesOut) {
  TarWriter tar;
  tar.file(".git/config", "x")
      .file("sub/.GIT/hooks/pre-commit", "x")
      .file("a/git~1", "x")
      .file("ok", "1");
  tar.file(".wh.plain", "kept");
  EXPECT_EQ(must(unpack_artifact(tar)).skipped, 3U);
  EXPECT_EQ(must(list_dir(to_.get(), "to")), (std::vector<std::string>{".wh.plain", "ok"}));
}

TEST_F(Artifacts, CopyTakesFilesLinksAndDirectoriesWithTheirTimes) {
  put("d/f", "content", 0640);
  ASSERT_EQ(::symlinkat("f", scratch_.open("from/d").get(), "l"), 0);
  const timespec then[2] = {{1'600'000'000, 5}, {1'600'000'000, 5}};
  ASSERT_EQ(::utimensat(from_.get(), "d/f", then, 0), 0);
  ASSERT_EQ(::utimensat(from_.get(), "d", then, 0), 0);
  const auto stats = must(copy({"d"}));
  EXPECT_EQ(stats.bytes, 7U);
  EXPECT_EQ(content_of(out("d/f")), "content");
  EXPECT_EQ(lstat_of(out("d/f")).st_mode & 07777U, 0640U);
  EXPECT_EQ(lstat_of(out("d/f")).st_mtim.tv_nsec, 5);
  EXPECT_EQ(lstat_of(out("d")).st_mtim.tv_sec, 1'600'000'000);
  EXPECT_EQ(link_of(out("d/l")), "f");
}

TEST_F(Artifacts, CopySkipsWhatIsNoFileAndNeverHangs) {
  ASSERT_EQ(::mkfifoat(from_.get(), "fifo", 0666), 0);
  const Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  scratch_.path("from/sock").copy(address.sun_path, sizeof address.sun_path - 1);
  ASSERT_EQ(::bind(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  put("file", "1");
  put(".git/config", "x");
  const auto stats = must(copy({"."}));
  EXPECT_EQ(stats.entries - stats.skipped + stats.skipped, stats.entries);
  EXPECT_EQ(must(list_dir(to_.get(), "to")), std::vector<std::string>{"file"});
}

TEST_F(Artifacts, CopyDoesNotFollowLinksOutOfTheTree) {
  must(write_file_atomic(scratch_.path("outside/secret"), "secret", 0644));
  ASSERT_EQ(::symlinkat(scratch_.path("outside").c_str(), from_.get(), "l"), 0);
  EXPECT_FALSE(copy({"l"}));
  EXPECT_FALSE(copy({"l/secret"}));
  EXPECT_FALSE(copy({"../outside/secret"}));
  EXPECT_FALSE(copy({scratch_.path("outside/secret")}));
  EXPECT_TRUE(must(list_dir(to_.get(), "to")).empty());
}

TEST_F(Artifacts, CopyReplacesWithoutWritingThrough) {
  put("f", "new");
  must(write_file_atomic(scratch_.path("outside/kept"), "old", 0644));
  ASSERT_EQ(::symlinkat(scratch_.path("outside/kept").c_str(), to_.get(), "f"), 0);
  must(copy({"f"}));
  EXPECT_EQ(content_of(out("f")), "new");
  EXPECT_EQ(content_of(scratch_.path("outside/kept")), "old");
}

TEST_F(Artifacts, AMissingPathIsNamed) {
  const auto result = copy({"no/such"});
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code(), ErrorCode::kNotFound);
  EXPECT_NE(result.error().text().find("no/such"), std::string::npos);
}

// What `find -printf` says about a tree: type, mode, links, size, time, name, link target.
std::string describe(const std::string& dir) {
  const auto run =
      sys::run_command({"sh", "-c",
                        "cd \"$1\" && find . -printf '%y %m %n %s %T@ %U:%G %p -> %l\\n' | sed "
                        "'s/^d \\([0-9]*\\) [0-9]* [0-9]*/d \\1/' | LC_ALL=C sort; "
                        "find . -type f -exec sha256sum {} + | LC_ALL=C sort",
                        "sh", dir},
                       CancelToken(), Millis(60'000));
  EXPECT_TRUE(run) << run.error().text();
  return run ? run->out + run->err : "";
}

class Oracle : public Artifacts, public ::testing::WithParamInterface<const char*> {};

TEST_P(Oracle, GnuTarUnpacksTheSame) {
  must(make_dirs(scratch_.path("from/deep/" + std::string(100, 'd') + "/" + std::string(100, 'e')),
                 0755));
  put("deep/" + std::string(100, 'd') + "/" + std::string(100, 'e') + "/file", "long path");
  put("suid", "x", 04711);
  put("big", std::string(300'000, 'b'));
  ASSERT_EQ(::linkat(from_.get(), "big", from_.get(), "hard", 0), 0);
  ASSERT_EQ(::symlinkat(std::string(150, 't').c_str(), from_.get(), "sym"), 0);
  ASSERT_EQ(::mkfifoat(from_.get(), "fifo", 0640), 0);
  {
    const Fd sparse = scratch_.open("from/sparse", O_RDWR | O_CREAT);
    ASSERT_EQ(::ftruncate(sparse.get(), 50 << 20), 0);
    for (const off_t at : {0, 5 << 20, 20 << 20})
      ASSERT_EQ(::pwrite(sparse.get(), "data", 4, at), 4);
  }
  const std::string command =
      "cd \"$1/from\" && tar -c -f ../oracle.tar " + std::string(GetParam()) +
      " --sort=name . && mkdir ../want && tar -x -p -f ../oracle.tar -C ../want";
  const auto made = must(sys::run_command({"sh", "-c", command, "sh", scratch_.path()},
                                          CancelToken(), Millis(60'000)));
  ASSERT_EQ(made.exit.code, 0) << made.err;
  const Fd archive = scratch_.open("oracle.tar");
  must(unpack(archive.get(), "oracle.tar", to_.get(), UnpackPolicy::kLayer, {}, CancelToken()));
  EXPECT_EQ(describe(scratch_.path("to")), describe(scratch_.path("want")));
}

INSTANTIATE_TEST_SUITE_P(
    Formats, Oracle,
    ::testing::Values("--format=gnu", "--format=gnu --sparse",
                      "--format=ustar --exclude=deep --exclude=sym", "--format=posix",
                      "--format=posix --sparse", "--format=posix --sparse --sparse-version=0.0",
                      "--format=posix --sparse --sparse-version=0.1", "--format=oldgnu --sparse",
                      "--format=v7 --exclude=deep --exclude=sym --exclude=fifo"));

}  // namespace
}  // namespace slipway::cachestore
