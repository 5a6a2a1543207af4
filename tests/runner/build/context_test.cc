// Contexts of every kind, and which Dockerfile and ignore file count.
#include "runner/build/context.h"

#include "base/text.h"
#include "tests/runner/build/tree_fixture.h"
#include "tests/support/fake_http_server.h"
#include "tests/support/program.h"

namespace slipway::runner {
namespace {

class BuildContextTest : public TreeTest {
 protected:
  void SetUp() override {
    TreeTest::SetUp();
    auto opened = cachestore::Store::open({path("store"), {}, true});
    ASSERT_TRUE(opened) << opened.error().text();
    store_ = *std::move(opened);
  }
  Result<BuildContext> open(const std::string& context, const std::string& dockerfile = "",
                            int stdin_fd = -1) const {
    ContextRequest request;
    request.context = context;
    request.dockerfile = dockerfile;
    request.stdin_fd = stdin_fd;
    request.state_dir = path("state");
    return runner::open_context(*store_, request, CancelToken());
  }
  static std::string text_of(const Result<BuildContext>& context) {
    return context ? context->dockerfile.text : "error: " + context.error().text();
  }
  Fd file_with(const std::string& text) const {
    write(path("stdin"), text);
    return *open_file(path("stdin"), O_RDONLY);
  }
  std::string tar(const std::string& form) const {
    const std::string archive = path("context.tar" + form);
    const auto done = testing::run_program(
        {"tar", "-C", path("context"), "--auto-compress", "-cf", archive, "."});
    EXPECT_EQ(done.exit_code, 0) << done.err;
    return archive;
  }
  std::shared_ptr<cachestore::Store> store_;
};

TEST_F(BuildContextTest, NamesAreTriedInOrder) {
  EXPECT_NE(text_of(open(path("context"))).find("none of Dockerfile"), std::string::npos);
  write(context("Containerfile"), "c");
  EXPECT_EQ(text_of(open(path("context"))), "c");
  write(context("dockerfile"), "b");
  EXPECT_EQ(text_of(open(path("context"))), "b");
  write(context("Dockerfile"), "a");
  EXPECT_EQ(text_of(open(path("context"))), "a");
}

TEST_F(BuildContextTest, NamedFilesInsideAndOutside) {
  write(context("sub/My.Dockerfile"), "inside");
  write(path("outside/D"), "outside");
  EXPECT_EQ(text_of(open(path("context"), context("sub/My.Dockerfile"))), "inside");
  EXPECT_EQ(text_of(open(path("context"), "sub/My.Dockerfile")), "inside");
  EXPECT_EQ(text_of(open(path("context"), path("outside/D"))), "outside");
  EXPECT_NE(text_of(open(path("context"), "none")).find("no such file"), std::string::npos);
}

TEST_F(BuildContextTest, OwnIgnoreFileWins) {
  write(context("Dockerfile"), "FROM scratch");
  write(context("x"), "x");
  write(context("y"), "y");
  auto plain = open(path("context"));
  ASSERT_TRUE(plain);
  EXPECT_FALSE(plain->tree->ignores("x"));
  write(context(".dockerignore"), "x\n");
  auto general = open(path("context"));
  ASSERT_TRUE(general);
  EXPECT_EQ(general->ignore_path, ".dockerignore");
  EXPECT_TRUE(general->tree->ignores("x"));
  write(context("Dockerfile.dockerignore"), "y\n");
  auto own = open(path("context"));
  ASSERT_TRUE(own);
  EXPECT_EQ(own->ignore_path, "Dockerfile.dockerignore");
  EXPECT_FALSE(own->tree->ignores("x"));
  EXPECT_TRUE(own->tree->ignores("y"));
  write(path("outside/D"), "FROM scratch");
  write(path("outside/D.dockerignore"), "x\ny\n");
  auto outside = open(path("context"), path("outside/D"));
  ASSERT_TRUE(outside);
  EXPECT_TRUE(outside->tree->ignores("x") && outside->tree->ignores("y"));
}

TEST_F(BuildContextTest, IgnoredDockerfileIsStillRead) {
  write(context("Dockerfile"), "FROM scratch");
  write(context(".dockerignore"), "*\n");
  EXPECT_EQ(text_of(open(path("context"))), "FROM scratch");
}

TEST_F(BuildContextTest, LinksOfTheContextDoNotLeadOut) {
  write(path("outside/secret"), "SECRET");
  link(path("outside/secret"), context("Dockerfile"));
  EXPECT_EQ(text_of(open(path("context"))).find("SECRET"), std::string::npos);
  EXPECT_EQ(text_of(open(path("context"), context("Dockerfile"))).find("SECRET"),
            std::string::npos);
  std::filesystem::remove(context("Dockerfile"));
  write(context("Dockerfile"), "FROM scratch");
  link(path("outside/secret"), context(".dockerignore"));
  const auto opened = open(path("context"));
  ASSERT_TRUE(opened);
  EXPECT_EQ(opened->ignore_path, "");
}

TEST_F(BuildContextTest, DockerfileAloneFromStdin) {
  const Fd in = file_with("FROM busybox\nRUN true\n");
  auto alone = open("-", "", in.get());
  ASSERT_TRUE(alone) << alone.error().text();
  EXPECT_EQ(alone->dockerfile.text, "FROM busybox\nRUN true\n");
  EXPECT_EQ(listing(alone->tree->lowers().front()), "");
  write(context("a"), "a");
  const Fd again = file_with("FROM scratch\nCOPY a /\n");
  auto beside = open(path("context"), "-", again.get());
  ASSERT_TRUE(beside) << beside.error().text();
  EXPECT_EQ(beside->dockerfile.text, "FROM scratch\nCOPY a /\n");
  EXPECT_EQ(listing(beside->tree->lowers().front()), "a\n");
  EXPECT_NE(text_of(open("-", "-", again.get())).find("both"), std::string::npos);
}

TEST_F(BuildContextTest, ArchivesOfEveryCompression) {
  write(context("Dockerfile"), "FROM scratch");
  write(context("sub/tool"), "t", 04755);
  for (const char* form : {"", ".gz", ".bz2", ".xz", ".zst"}) {
    const std::string archive = tar(form);
    auto by_path = open(archive);
    ASSERT_TRUE(by_path) << form << ": " << by_path.error().text();
    EXPECT_EQ(by_path->dockerfile.text, "FROM scratch") << form;
    const Fd in = *open_file(archive, O_RDONLY);
    auto by_stdin = open("-", "", in.get());
    ASSERT_TRUE(by_stdin) << form << ": " << by_stdin.error().text();
    const std::string top = by_stdin->tree->lowers().front();
    EXPECT_EQ(listing(top), "Dockerfile\nsub/\nsub/tool\n") << form;
    EXPECT_EQ(mode(top + "/sub/tool"), 04755U) << form;
  }
  EXPECT_NE(text_of(open(context("Dockerfile"))).find("neither a directory nor a tar"),
            std::string::npos);
}

TEST_F(BuildContextTest, OwnersBeyondContainersDoNotMatterInContexts) {
  write(context("Dockerfile"), "FROM scratch");
  const auto done = testing::run_program({"tar", "-C", path("context"), "--owner=1000000",
                                          "--group=1000000", "-cf", path("big.tar"), "."});
  ASSERT_EQ(done.exit_code, 0) << done.err;
  EXPECT_EQ(text_of(open(path("big.tar"))), "FROM scratch");
}

TEST_F(BuildContextTest, GitUrlsAreTold) {
  struct Case {
    const char* text;
    const char* url;
    const char* ref;
    const char* subdir;
  };
  for (const Case& c : std::initializer_list<Case>{
           {"https://x.test/a/b.git", "https://x.test/a/b.git", "", ""},
           {"https://x.test/a/b.git#v1:sub/dir", "https://x.test/a/b.git", "v1", "sub/dir"},
           {"https://x.test/a/b.git#:sub", "https://x.test/a/b.git", "", "sub"},
           {"https://x.test/b.git?branch=main&subdir=x", "https://x.test/b.git", "refs/heads/main",
            "x"},
           {"https://x.test/b.git?tag=v%2F1", "https://x.test/b.git", "refs/tags/v/1", ""},
           {"git@github.com:a/b.git#dev", "git@github.com:a/b.git", "dev", ""},
           {"git@github.com:a/b", "git@github.com:a/b", "", ""},
           {"ssh://git@x.test/b", "ssh://git@x.test/b", "", ""},
           {"git://x.test/b#1:/", "git://x.test/b", "1", ""},
           {"github.com/a/b", "https://github.com/a/b", "", ""},
           {"https://x.test/b.git#r:../../up", "https://x.test/b.git", "r", "up"}}) {
    const auto parsed = parse_git_url(c.text);
    ASSERT_TRUE(parsed) << c.text;
    EXPECT_EQ(parsed->url, c.url) << c.text;
    EXPECT_EQ(parsed->ref, c.ref) << c.text;
    EXPECT_EQ(parsed->subdir, c.subdir) << c.text;
  }
  const auto query = parse_git_url(
      "https://x.test/b.git?ref=r&checksum=abcdef1&keep-git-dir=true&submodules=false");
  ASSERT_TRUE(query);
  EXPECT_TRUE(query->keep_git_dir);
  EXPECT_FALSE(query->submodules);
  EXPECT_EQ(query->checksum, "abcdef1");
  for (const char* none : {"https://x.test/a.tar.gz", "./dir", "/abs", "dir",
                           "https://x.test/b.git?what=x", "a:b", "context"}) {
    EXPECT_FALSE(parse_git_url(none)) << none;
  }
}

TEST_F(BuildContextTest, GitRepositoriesAreFetchedAndCheckedOut) {
  const std::string repository = path("repo.git");
  std::filesystem::create_directories(repository);
  const auto git = [&](std::vector<std::string> words) {
    words.insert(words.begin(), {"git", "-C", repository, "-c", "user.name=a", "-c",
                                 "user.email=a@b", "-c", "init.defaultBranch=main"});
    const auto done = testing::run_program(words, {{"HOME", path("outside")}});
    EXPECT_EQ(done.exit_code, 0) << done.err;
    return done.out;
  };
  git({"init", "-q"});
  write(repository + "/Dockerfile", "FROM one");
  write(repository + "/sub/Dockerfile", "FROM sub");
  git({"add", "."});
  git({"commit", "-qm", "one"});
  git({"tag", "v1"});
  write(repository + "/Dockerfile", "FROM two");
  git({"commit", "-qam", "two"});
  const std::string two(trim(git({"rev-parse", "HEAD"})));
  const std::string url = "file://" + repository;
  EXPECT_EQ(text_of(open(url)), "FROM two");
  EXPECT_EQ(text_of(open(url + "#v1")), "FROM one");
  EXPECT_EQ(text_of(open(url + "#main:sub")), "FROM sub");
  EXPECT_EQ(text_of(open(url + "?checksum=" + two)), "FROM two");
  EXPECT_NE(text_of(open(url + "?checksum=1234567")).find("its commit is"), std::string::npos);
  EXPECT_NE(text_of(open(url + "#none")).find("no branch, tag or commit"), std::string::npos);
  EXPECT_NE(text_of(open(url + "#:none")).find("no directory"), std::string::npos);
  auto kept = open(url + "?keep-git-dir=1");
  ASSERT_TRUE(kept) << kept.error().text();
  EXPECT_NE(digest(*kept->tree, {".git/HEAD"}).find("sha256:"), std::string::npos);
  auto bare = open(url);
  ASSERT_TRUE(bare);
  EXPECT_EQ(digest(*bare->tree, {".git/HEAD"}).find("sha256:"), std::string::npos);
}

TEST_F(BuildContextTest, AddedArchivesMergeWithTheImage) {
  std::filesystem::create_directories(path("a/bin"));
  write(path("a/bin/tool"), "t", 0755);
  write(path("a/etc/conf"), "new");
  ::chmod(path("a/etc").c_str(), 0700);
  ASSERT_EQ(::chown(path("a/bin/tool").c_str(), 7, 8), 0);
  // bin is not told about, etc is.
  for (const char* form : {".tar", ".tar.gz", ".tar.xz", ".tar.bz2", ".tar.zst"}) {
    const auto packed =
        testing::run_program({"tar", "-C", path("a"), "--auto-compress", "--no-recursion", "-cf",
                              context(std::string("x") + form), "bin/tool", "etc", "etc/conf"});
    ASSERT_EQ(packed.exit_code, 0) << packed.err;
    std::filesystem::remove_all(path("upper"));
    std::filesystem::remove_all(path("base"));
    std::filesystem::create_directories(base("usr/bin"));
    std::filesystem::create_directories(path("upper"));
    link("usr/bin", base("bin"));
    write(base("etc/conf"), "old");
    write(base("etc/other"), "old");
    const auto tree = open_context();
    CopyRequest request = copy(*tree, {std::string("x") + form, "/"});
    request.unpack = Unpack::kIfArchive;
    EXPECT_EQ(run(request), "") << form;
    EXPECT_EQ(listing(path("upper")), "etc/\netc/conf\nusr/\nusr/bin/\nusr/bin/tool\n") << form;
    EXPECT_EQ(mode(upper("etc")), 0700U);
    EXPECT_EQ(owner(upper("usr/bin/tool")), "7:8");
    EXPECT_EQ(read(upper("etc/conf")), "new");
    request.chown = "1:2";
    EXPECT_EQ(run(request), "");
    EXPECT_EQ(owner(upper("usr/bin/tool")), "1:2");
    EXPECT_EQ(mode(upper("usr/bin/tool")), 0755U);
  }
}

TEST_F(BuildContextTest, WhatOnlyLooksLikeAnArchiveIsCopied) {
  write(context("a.tar"), "no tar at all");
  write(context("b.gz"), std::string("\x1f\x8b\x08\0\0\0\0\0", 8));
  write(context("empty.tar"), "");
  const auto tree = open_context();
  CopyRequest request = copy(*tree, {"a.tar", "b.gz", "empty.tar", "/x/"});
  request.unpack = Unpack::kIfArchive;
  EXPECT_EQ(run(request), "");
  EXPECT_EQ(listing(path("upper")), "x/\nx/a.tar\nx/b.gz\nx/empty.tar\n");
}

TEST_F(BuildContextTest, HostileArchivesStayInTheTarget) {
  write(path("outside/secret"), "s");
  const std::string archive = context("evil.tar");
  const auto packed = testing::run_program(
      {"python3", "-c",
       "import tarfile,io\n"
       "t=tarfile.open('" +
           archive +
           "','w')\n"
           "l=tarfile.TarInfo('l'); l.type=tarfile.SYMTYPE; l.linkname='" +
           path("outside") +
           "'; t.addfile(l)\n"
           "f=tarfile.TarInfo('l2/x'); f.size=1; t.addfile(f,io.BytesIO(b'x'))\n"
           "t.close()\n"});
  ASSERT_EQ(packed.exit_code, 0) << packed.err;
  link(path("outside"), base("l2"));
  const auto tree = open_context();
  CopyRequest request = copy(*tree, {"evil.tar", "/"});
  request.unpack = Unpack::kIfArchive;
  EXPECT_EQ(run(request), "");
  EXPECT_EQ(listing(path("outside")), "secret\n");
  EXPECT_EQ(read(upper(path("outside").substr(1) + "/x")), "x");
}

}  // namespace
}  // namespace slipway::runner
