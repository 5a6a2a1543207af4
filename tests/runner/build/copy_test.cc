// COPY into an upper: what goes where, with which metadata, and what is refused.
#include "runner/build/copy.h"

#include <sys/socket.h>
#include <sys/un.h>

#include "tests/runner/build/tree_fixture.h"

namespace slipway::runner {
namespace {

class BuildCopy : public TreeTest {};

TEST_F(BuildCopy, FileToNameDirectoryAndSlash) {
  write(context("a"), "a");
  std::filesystem::create_directories(base("dir"));
  EXPECT_EQ(copy_words({"a", "/name"}), "");
  EXPECT_EQ(copy_words({"a", "/dir"}), "");
  EXPECT_EQ(copy_words({"a", "/new/"}), "");
  EXPECT_EQ(copy_words({"a", "/deep/er/name"}), "");
  EXPECT_EQ(listing(path("upper")),
            "deep/\ndeep/er/\ndeep/er/name\ndir/\ndir/a\nname\nnew/\nnew/a\n");
}

TEST_F(BuildCopy, DirectoryGivesItsContentOnly) {
  write(context("src/a"), "a");
  write(context("src/sub/b"), "b");
  link("a", context("src/l"));
  EXPECT_EQ(copy_words({"src", "/app"}), "");
  EXPECT_EQ(copy_words({"src", "/other/"}), "");
  EXPECT_EQ(listing(path("upper")),
            "app/\napp/a\napp/l -> a\napp/sub/\napp/sub/b\n"
            "other/\nother/a\nother/l -> a\nother/sub/\nother/sub/b\n");
}

TEST_F(BuildCopy, RelativeDestinationIsBelowTheWorkingDirectory) {
  write(context("a"), "a");
  const auto tree = open_context();
  CopyRequest request = copy(*tree, {"a", "x/"});
  request.workdir = "/srv";
  EXPECT_EQ(run(request), "");
  request.destination = ".";
  EXPECT_EQ(run(request), "");
  request.destination = "../up";
  EXPECT_EQ(run(request), "");
  EXPECT_EQ(listing(path("upper")), "srv/\nsrv/a\nsrv/x/\nsrv/x/a\nup\n");
}

TEST_F(BuildCopy, WildcardsMatchPartByPart) {
  for (const char* name : {"a1", "a2", "b1", "d1/x", "d2/x", "d2/deep/x"})
    write(context(name), name);
  EXPECT_EQ(copy_words({"a*", "/a/"}), "");
  EXPECT_EQ(copy_words({"d?/x", "/d/"}), "");
  EXPECT_EQ(copy_words({"nothing*", "/n/"}), "");
  EXPECT_EQ(copy_words({"[ab]1", "/c/"}), "");
  EXPECT_EQ(listing(path("upper")), "a/\na/a1\na/a2\nc/\nc/a1\nc/b1\nd/\nd/x\nn/\n");
  EXPECT_EQ(read(upper("d/x")), "d2/x");
}

TEST_F(BuildCopy, MatchedDirectoriesMergeTheirContents) {
  write(context("d1/x"), "1");
  write(context("d2/y"), "2");
  EXPECT_EQ(copy_words({"d*", "/m/"}), "");
  EXPECT_EQ(listing(path("upper")), "m/\nm/x\nm/y\n");
}

TEST_F(BuildCopy, SeveralFilesNeedADirectory) {
  write(context("a"), "a");
  write(context("b"), "b");
  EXPECT_EQ(
      copy_words({"a", "b", "/name"}),
      "copy files: copy several files to /name: it is no directory; end it with a slash to make "
      "it one");
  std::filesystem::create_directories(base("dir"));
  EXPECT_EQ(copy_words({"a", "b", "/dir"}), "");
  EXPECT_EQ(read(upper("dir/b")), "b");
}

TEST_F(BuildCopy, LaterSourceOfTheSameNameWins) {
  write(context("1/same"), "first");
  write(context("2/same"), "second");
  EXPECT_EQ(copy_words({"1/same", "2/same", "/x/"}), "");
  EXPECT_EQ(read(upper("x/same")), "second");
  EXPECT_EQ(copy_words({"*/same", "/y/"}), "");
  EXPECT_EQ(read(upper("y/same")), "second");
}

TEST_F(BuildCopy, MissingSourceOffersANearName) {
  write(context("package.json"), "{}");
  EXPECT_EQ(copy_words({"pakage.json", "/"}),
            "copy files: \"pakage.json\" not found in context; did you mean \"package.json\"?");
  EXPECT_EQ(copy_words({"package.json", "/"}, "*.json"),
            "copy files: \"package.json\" not found in context: the ignore file leaves it out");
}

TEST_F(BuildCopy, SourceLinksAreFollowedOnTopOnly) {
  write(context("real/f"), "f");
  link("real/f", context("to-file"));
  link("real", context("to-dir"));
  EXPECT_EQ(copy_words({"to-file", "/a/"}), "");
  EXPECT_EQ(copy_words({"to-dir", "/b"}), "");
  EXPECT_EQ(copy_words({".", "/c"}), "");
  EXPECT_TRUE(S_ISREG(info(upper("a/to-file")).st_mode));
  EXPECT_EQ(read(upper("b/f")), "f");
  EXPECT_TRUE(S_ISLNK(info(upper("c/to-dir")).st_mode));
}

TEST_F(BuildCopy, DestinationLinkToFileIsWrittenThrough) {
  write(context("a"), "new");
  write(base("etc/real"), "old");
  link("real", base("etc/name"));
  EXPECT_EQ(copy_words({"a", "/etc/name"}), "");
  EXPECT_EQ(listing(path("upper")), "etc/\netc/real\n");
  EXPECT_EQ(read(upper("etc/real")), "new");
}

TEST_F(BuildCopy, DestinationLinkInADirectoryIsReplaced) {
  write(context("src/name"), "new");
  write(base("etc/real"), "old");
  link("real", base("etc/name"));
  EXPECT_EQ(copy_words({"src", "/etc"}), "");
  EXPECT_EQ(listing(path("upper")), "etc/\netc/name\n");
}

TEST_F(BuildCopy, DestinationLinksStayInTheImage) {
  write(context("a"), "a");
  write(path("outside/secret"), "s");
  link(path("outside"), base("abs"));
  link("../../../../../../" + path("outside"), base("rel"));
  EXPECT_EQ(copy_words({"a", "/abs/x"}), "");
  EXPECT_EQ(copy_words({"a", "/rel/y"}), "");
  EXPECT_EQ(listing(path("outside")), "secret\n");
  EXPECT_EQ(read(upper(path("outside").substr(1) + "/x")), "a");
  EXPECT_EQ(read(upper(path("outside").substr(1) + "/y")), "a");
}

TEST_F(BuildCopy, DirectoryLinkOfTheImageIsFollowed) {
  write(context("tool"), "t");
  std::filesystem::create_directories(base("usr/bin"));
  link("usr/bin", base("bin"));
  EXPECT_EQ(copy_words({"tool", "/bin/"}), "");
  EXPECT_EQ(listing(path("upper")), "usr/\nusr/bin/\nusr/bin/tool\n");
}

TEST_F(BuildCopy, FileNeverReplacesADirectoryNorTheReverse) {
  write(context("src/x"), "file");
  write(context("dir/y/z"), "z");
  std::filesystem::create_directories(base("t/x"));
  write(base("u/y"), "file");
  EXPECT_EQ(
      copy_words({"src", "/t"}),
      "copy files: copy src/x: write /t/x: a directory of that name is there, which a file does "
      "not replace");
  EXPECT_EQ(copy_words({"dir", "/u"}),
            "copy files: make directory /u/y: a file of that name is there");
  EXPECT_EQ(copy_words({"dir", "/u/y"}),
            "copy files: copy directory /dir of context to /u/y: a file of that name is there");
  EXPECT_EQ(copy_words({"src/x", "/u/y/"}),
            "copy files: make directory /u/y: a file of that name is there");
}

TEST_F(BuildCopy, ExistingDirectoriesKeepTheirMetadata) {
  write(context("src/a"), "a");
  write(context("src/sub/b"), "b");
  ::chmod(context("src/sub").c_str(), 0711);
  std::filesystem::create_directories(base("app/sub"));
  ::chmod(base("app").c_str(), 01777);
  ::chmod(base("app/sub").c_str(), 0700);
  ASSERT_EQ(::chown(base("app").c_str(), 7, 8), 0);
  EXPECT_EQ(copy_words({"src", "/app"}), "");
  EXPECT_EQ(mode(upper("app")), 01777U);
  EXPECT_EQ(owner(upper("app")), "7:8");
  EXPECT_EQ(mode(upper("app/sub")), 0711U) << "below the top the source's directory wins";
}

TEST_F(BuildCopy, ContextFilesBelongToRootAndKeepModes) {
  write(context("setuid"), "x", 04755);
  write(context("private"), "x", 0600);
  ASSERT_EQ(::chown(context("private").c_str(), 1000, 1000), 0);
  const timespec times[2] = {{1'000'000'000, 0}, {1'000'000'000, 500}};
  ASSERT_EQ(::utimensat(AT_FDCWD, context("private").c_str(), times, 0), 0);
  EXPECT_EQ(copy_words({".", "/"}), "");
  EXPECT_EQ(mode(upper("setuid")), 04755U);
  EXPECT_EQ(mode(upper("private")), 0600U);
  EXPECT_EQ(owner(upper("private")), "0:0");
  EXPECT_EQ(info(upper("private")).st_mtim.tv_sec, 1'000'000'000);
}

TEST_F(BuildCopy, StageFilesKeepOwnersAndAttributes) {
  write(path("stage/f"), "f", 0640);
  ASSERT_EQ(::chown(path("stage/f").c_str(), 10, 20), 0);
  ASSERT_EQ(::setxattr(path("stage/f").c_str(), "user.note", "v", 1, 0), 0);
  write(context("g"), "g");
  ASSERT_EQ(::setxattr(context("g").c_str(), "user.note", "v", 1, 0), 0);
  const auto stage = open_stack_tree({path("stage")}, "stage build");
  ASSERT_TRUE(stage);
  EXPECT_EQ(run(copy(**stage, {"f", "/"})), "");
  EXPECT_EQ(copy_words({"g", "/"}), "");
  EXPECT_EQ(owner(upper("f")), "10:20");
  char value = 0;
  EXPECT_EQ(::getxattr(upper("f").c_str(), "user.note", &value, 1), 1);
  EXPECT_EQ(::getxattr(upper("g").c_str(), "user.note", &value, 1), -1) << "not from a context";
}

TEST_F(BuildCopy, CapabilitiesAreKept) {
  write(context("ping"), "x", 0755);
  const std::string capability("\x01\0\0\x02\0\x20\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 20);
  ASSERT_EQ(::setxattr(context("ping").c_str(), "security.capability", capability.data(),
                       capability.size(), 0),
            0);
  const auto tree = open_context();
  CopyRequest request = copy(*tree, {"ping", "/"});
  request.chown = "5:6";
  EXPECT_EQ(run(request), "");
  char value[64];
  EXPECT_EQ(::getxattr(upper("ping").c_str(), "security.capability", value, sizeof value), 20);
}

TEST_F(BuildCopy, ChownByNameNumberAndGroup) {
  write(base("etc/passwd"), "root:x:0:0::/:/bin/sh\nnode:x:1000:1001:Node:/home/node:/bin/sh\n");
  write(base("etc/group"), "root:x:0:\nstaff:x:50:node\n");
  write(context("a"), "a");
  const auto tree = open_context();
  CopyRequest request = copy(*tree, {"a", "/d/"});
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"node", "1000:1001"}, {"node:staff", "1000:50"}, {"12", "12:12"},
      {"12:34", "12:34"},    {":staff", "0:50"},        {"node:7", "1000:7"},
      {"0:node2", "fail"},   {"nobody", "fail"},        {"65536", "fail"}};
  for (const auto& [chown, expected] : cases) {
    request.chown = chown;
    const std::string error = run(request);
    if (expected == "fail") {
      EXPECT_NE(error, "") << chown;
    } else {
      EXPECT_EQ(error, "") << chown;
      EXPECT_EQ(owner(upper("d/a")), expected) << chown;
    }
    EXPECT_EQ(owner(upper("d")), "1000:1001") << "made by the first copy";
  }
  request.chown = "nobody";
  EXPECT_EQ(
      run(request),
      "copy files: resolve --chown: no user \"nobody\" in /etc/passwd of the image; use a number, "
      "or add it first");
}

TEST_F(BuildCopy, PasswdIsReadInTheImageOnly) {
  write(path("outside/passwd"), "evil:x:666:666::/:\n");
  link(path("outside/passwd"), base("etc/passwd"));
  write(context("a"), "a");
  const auto tree = open_context();
  CopyRequest request = copy(*tree, {"a", "/"});
  request.chown = "evil";
  EXPECT_NE(run(request), "");
}

TEST_F(BuildCopy, ChmodOctalAndSymbolic) {
  write(context("src/tool"), "x", 0754);
  write(context("src/sub/f"), "x", 0640);
  ::chmod(context("src/sub").c_str(), 0750);
  const auto tree = open_context();
  const auto with = [&](const std::string& chmod, const std::string& to) {
    CopyRequest request = copy(*tree, {"src", to});
    request.chmod = chmod;
    return run(request);
  };
  EXPECT_EQ(with("711", "/o"), "");
  EXPECT_EQ(mode(upper("o/tool")), 0711U);
  EXPECT_EQ(mode(upper("o/sub")), 0711U);
  EXPECT_EQ(mode(upper("o")), 0711U);
  EXPECT_EQ(with("u=rwX,go=rX", "/s"), "");
  EXPECT_EQ(mode(upper("s/tool")), 0755U);
  EXPECT_EQ(mode(upper("s/sub/f")), 0644U);
  EXPECT_EQ(mode(upper("s/sub")), 0755U);
  EXPECT_EQ(with("a-x,g+ws,o=u,+t", "/t"), "");
  EXPECT_EQ(mode(upper("t/tool")), 03666U);
  EXPECT_EQ(with("4755", "/u"), "");
  EXPECT_EQ(mode(upper("u/tool")), 04755U);
  for (const char* bad : {"999", "17777", "u", "u+q", "rw", "0o644"})
    EXPECT_NE(with(bad, "/b"), "") << bad;
}

TEST_F(BuildCopy, ParentsMadeForAFileDoNotGetItsMode) {
  write(context("f"), "x");
  const auto tree = open_context();
  CopyRequest request = copy(*tree, {"f", "/p/q/f"});
  request.chmod = "600";
  request.chown = "3:4";
  EXPECT_EQ(run(request), "");
  EXPECT_EQ(mode(upper("p/q")), 0755U);
  EXPECT_EQ(owner(upper("p/q")), "3:4");
  EXPECT_EQ(mode(upper("p/q/f")), 0600U);
}

TEST_F(BuildCopy, ParentsKeepTheirPathsFromThePivot) {
  for (const char* name : {"x/a.txt", "x/y/a.txt", "z/a.txt", "z/b.md"}) write(context(name), name);
  ::chmod(context("x/y").c_str(), 0711);
  const auto tree = open_context();
  const auto with = [&](const std::string& source, const std::string& to) {
    CopyRequest request = copy(*tree, {source, to});
    request.selection.parents = true;
    return run(request);
  };
  EXPECT_EQ(with("x/a.txt", "/1"), "");
  EXPECT_EQ(listing(upper("1")), "x/\nx/a.txt\n");
  EXPECT_EQ(with("./x/./y/a.txt", "/2/"), "");
  EXPECT_EQ(listing(upper("2")), "y/\ny/a.txt\n");
  EXPECT_EQ(mode(upper("2/y")), 0711U);
  EXPECT_EQ(with("**/*.txt", "/3"), "");
  EXPECT_EQ(listing(upper("3")), "x/\nx/a.txt\nx/y/\nx/y/a.txt\nz/\nz/a.txt\n");
  EXPECT_EQ(with("*/./*.md", "/4"), "");
  EXPECT_EQ(listing(upper("4")), "b.md\n");
  EXPECT_EQ(with("x", "/5"), "");
  EXPECT_EQ(listing(upper("5")), "x/\nx/a.txt\nx/y/\nx/y/a.txt\n");
  EXPECT_NE(with("x/none", "/6"), "");
  EXPECT_EQ(with("none*/x", "/7"), "");
}

TEST_F(BuildCopy, ExcludesBelowDirectoriesAndOfNamedFiles) {
  for (const char* name : {"d/a.md", "d/a.txt", "d/s/b.md", "c.md", "c.txt"})
    write(context(name), "x");
  const auto tree = open_context();
  CopyRequest request = copy(*tree, {"d", "/1"});
  request.selection.excludes = {"*.md"};
  EXPECT_EQ(run(request), "");
  EXPECT_EQ(listing(upper("1")), "a.txt\ns/\ns/b.md\n");
  request.selection.excludes = {"**/*.md"};
  request.destination = "/2";
  EXPECT_EQ(run(request), "");
  EXPECT_EQ(listing(upper("2")), "a.txt\ns/\n");
  request = copy(*tree, {"c.*", "/3/"});
  request.selection.excludes = {"*.md"};
  EXPECT_EQ(run(request), "");
  EXPECT_EQ(listing(upper("3")), "c.txt\n");
}

TEST_F(BuildCopy, IgnoredFilesAreNotThere) {
  for (const char* name : {"keep", "drop", "dir/in", "dir/back", "other/x"})
    write(context(name), "x");
  EXPECT_EQ(copy_words({".", "/"}, "drop\ndir\n!dir/back\nother\n"), "");
  EXPECT_EQ(listing(path("upper")), "dir/\ndir/back\nkeep\n");
}

TEST_F(BuildCopy, LinkLooksAtNothingBelow) {
  write(context("f"), "f");
  link("/elsewhere", base("app"));
  write(base("etc/passwd"), "node:x:1000:1001::/:\n");
  const auto tree = open_context();
  CopyRequest request = copy(*tree, {"f", "/app/f"});
  request.link = true;
  request.chown = "node";
  EXPECT_EQ(run(request), "");
  EXPECT_EQ(listing(path("upper")), "app/\napp/f\n");
  EXPECT_EQ(owner(upper("app/f")), "1000:1001");
}

TEST_F(BuildCopy, HardLinksStayTogether) {
  write(context("a"), "same");
  ASSERT_EQ(::link(context("a").c_str(), context("b").c_str()), 0);
  std::filesystem::create_directories(context("z"));
  ASSERT_EQ(::link(context("a").c_str(), context("z/c").c_str()), 0);
  EXPECT_EQ(copy_words({".", "/x"}), "");
  EXPECT_EQ(info(upper("x/a")).st_ino, info(upper("x/b")).st_ino);
  EXPECT_EQ(info(upper("x/a")).st_ino, info(upper("x/z/c")).st_ino);
  EXPECT_EQ(info(upper("x/a")).st_nlink, 3U);
}

TEST_F(BuildCopy, SparseFilesStaySparseAndLargeOnesWhole) {
  const Fd fd(::open(context("sparse").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
  ASSERT_TRUE(fd);
  ASSERT_EQ(::pwrite(fd.get(), "end", 3, (64 << 20) - 3), 3);
  std::string large(3'000'001, 'x');
  for (std::size_t i = 0; i < large.size(); i += 7) large[i] = static_cast<char>(i);
  write(context("large"), large);
  EXPECT_EQ(copy_words({".", "/"}), "");
  EXPECT_EQ(info(upper("sparse")).st_size, 64 << 20);
  EXPECT_LT(info(upper("sparse")).st_blocks, 1024);
  EXPECT_EQ(read(upper("sparse")), read(context("sparse")));
  EXPECT_EQ(read(upper("large")), large);
}

TEST_F(BuildCopy, SocketsAreSkippedAndFifosMade) {
  const Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  const std::string where = context("s");
  ASSERT_LT(where.size(), sizeof name.sun_path);
  where.copy(name.sun_path, where.size());
  ASSERT_EQ(::bind(socket.get(), reinterpret_cast<sockaddr*>(&name), sizeof name), 0);
  ASSERT_EQ(::mkfifo(context("p").c_str(), 0640), 0);
  EXPECT_EQ(copy_words({".", "/x/"}), "");
  EXPECT_EQ(listing(path("upper")), "x/\nx/p\n");
  EXPECT_TRUE(S_ISFIFO(info(upper("x/p")).st_mode));
  EXPECT_EQ(mode(upper("x/p")), 0640U);
}

TEST_F(BuildCopy, RemovedNamesComeBackWithoutWhatWasBelow) {
  write(path("bottom/d/old"), "old");
  ASSERT_EQ(::mknod(base("d").c_str(), S_IFCHR, 0), 0);
  write(context("new"), "new");
  const auto tree = open_context();
  const CopyRequest request = copy(*tree, {"new", "/d/"});
  const auto done =
      copy_files(request, {path("bottom"), path("base")}, path("upper"), CancelToken());
  ASSERT_TRUE(done) << done.error().text();
  EXPECT_EQ(listing(path("upper")), "d/\nd/new\n");
  // Seen through all layers the old file stays hidden: the removal lies between.
  const auto all = open_stack_tree({path("bottom"), path("base"), path("upper")}, "all");
  EXPECT_NE(digest(**all, {"/d/new"}).find("sha256:"), std::string::npos);
  EXPECT_EQ(digest(**all, {"/d/old"}).find("sha256:"), std::string::npos);
}

TEST_F(BuildCopy, WhiteoutInTheUpperGivesWay) {
  write(base("d/old"), "old");
  ASSERT_EQ(::mknod(upper("d").c_str(), S_IFCHR, 0), 0);
  write(context("new"), "new");
  EXPECT_EQ(copy_words({"new", "/d/"}), "");
  const auto all = open_stack_tree({path("base"), path("upper")}, "all");
  EXPECT_EQ(digest(**all, {"/d/old"}).find("sha256:"), std::string::npos);
}

TEST_F(BuildCopy, NamesThatMeanRemovalsAreRefused) {
  write(context(".wh.x"), "x");
  EXPECT_NE(copy_words({".", "/"}).find("means a removal"), std::string::npos);
}

TEST_F(BuildCopy, InlineFilesAndTimes) {
  CopyRequest request;
  request.files = {{"EOF", "text\n", "", 0644, std::nullopt}};
  request.destination = "/etc/motd";
  request.clamp = WallTime(std::chrono::seconds(1'000));
  EXPECT_EQ(run(request), "");
  EXPECT_EQ(read(upper("etc/motd")), "text\n");
  EXPECT_EQ(info(upper("etc/motd")).st_mtim.tv_sec, 1'000);
  EXPECT_EQ(info(upper("etc")).st_mtim.tv_sec, 1'000);
  request.destination = "/dir/";
  request.chmod = "755";
  EXPECT_EQ(run(request), "");
  EXPECT_EQ(mode(upper("dir/EOF")), 0755U);
}

TEST_F(BuildCopy, ManyFilesArriveWhole) {
  for (int i = 0; i < 3'000; ++i) {
    write(context("d" + std::to_string(i % 37) + "/f" + std::to_string(i)), std::to_string(i * 7));
  }
  EXPECT_EQ(copy_words({".", "/all"}), "");
  for (int i = 0; i < 3'000; ++i) {
    ASSERT_EQ(read(upper("all/d" + std::to_string(i % 37) + "/f" + std::to_string(i))),
              std::to_string(i * 7));
  }
}

TEST_F(BuildCopy, CancelStops) {
  write(context("a"), "a");
  const auto tree = open_context();
  CancelToken cancel;
  cancel.cancel(CancelLevel::kTerminate);
  const auto done = copy_files(copy(*tree, {".", "/"}), {path("base")}, path("upper"), cancel);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code(), ErrorCode::kCancelled);
}

TEST_F(BuildCopy, WorkdirMakesEveryMissingDirectory) {
  std::filesystem::create_directories(base("srv"));
  ::chmod(base("srv").c_str(), 0711);
  write(base("etc/passwd"), "node:x:1000:1001::/:\n");
  ASSERT_TRUE(make_workdir("/srv/a/b", "node", {path("base")}, path("upper")));
  EXPECT_EQ(owner(upper("srv/a")), "1000:1001");
  EXPECT_EQ(owner(upper("srv/a/b")), "1000:1001");
  EXPECT_EQ(mode(upper("srv")), 0711U);
  EXPECT_EQ(owner(upper("srv")), "0:0");
  ASSERT_TRUE(make_workdir("/nobody", "unknown", {path("base")}, path("upper")));
  EXPECT_EQ(owner(upper("nobody")), "0:0");
  write(base("file"), "x");
  EXPECT_FALSE(make_workdir("/file/x", "", {path("base")}, path("upper")));
  EXPECT_FALSE(make_workdir("/file", "", {path("base")}, path("upper")));
}

}  // namespace
}  // namespace slipway::runner
