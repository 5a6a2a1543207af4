// What a directory is, and single files of it.
#include "tests/runner/source/checkout.h"

namespace slipway::runner {
namespace {

using Examine = CheckoutTest;

TEST_F(Examine, TellsCommitBranchTagRemoteAndAuthor) {
  init();
  commit("one");
  git("tag v1.0 && git tag -a -m annotated v1.1");
  git("remote add origin https://user:token@example.com:8443/team/app.git?x=1");
  const SourceState state = examine();
  EXPECT_TRUE(state.git);
  EXPECT_EQ(state.root, root());
  EXPECT_EQ(state.commit, git("rev-parse HEAD"));
  EXPECT_EQ(state.branch, "main");
  EXPECT_EQ(state.tag, "v1.1");
  EXPECT_EQ(state.remote, "https://example.com:8443/team/app.git?x=1");
  EXPECT_EQ(state.author, "Ann <ann@example.com>");
}

TEST_F(Examine, FindsTagsInPackedRefs) {
  init();
  commit("one");
  git("tag -a -m annotated v2 && git pack-refs --all && git gc -q");
  EXPECT_EQ(examine().tag, "v2");
  commit("two");
  EXPECT_EQ(examine().tag, "");
}

TEST_F(Examine, KeepsTheUserOfAnSshAddress) {
  init();
  git("remote add origin git@example.com:team/app.git");
  EXPECT_EQ(examine().remote, "git@example.com:team/app.git");
}

TEST_F(Examine, HasNoBranchOnADetachedHead) {
  init();
  commit("one");
  git("checkout -q --detach");
  EXPECT_EQ(examine().branch, "");
  EXPECT_EQ(examine().commit, git("rev-parse HEAD"));
}

TEST_F(Examine, TakesADirectoryWithoutGitAsItIs) {
  const SourceState state = examine();
  EXPECT_FALSE(state.git);
  EXPECT_EQ(state.root, root());
  EXPECT_EQ(state.commit, "");
}

TEST_F(Examine, NamesADirectoryThatDoesNotExist) {
  const auto state = examine_source("/nonexistent/dir");
  ASSERT_FALSE(state);
  EXPECT_EQ(state.error().code(), ErrorCode::kNotFound);
  EXPECT_EQ(state.error().text(), "examine directory /nonexistent/dir: no such file or directory");
}

TEST_F(Examine, RefusesARepositoryOfSomebodyElse) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can give a directory away";
  init();
  commit("one");
  shell("chown -R 12345:12345 .");
  const auto state = examine_source(root());
  ASSERT_FALSE(state);
  EXPECT_EQ(state.error().code(), ErrorCode::kPermission) << state.error().text();
  EXPECT_NE(state.error().text().find("safe.directory"), std::string::npos) << state.error().text();
}

TEST_F(Examine, TakesTheRepositoryOfWhoeverCalledSudo) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can give a directory away";
  init();
  commit("one");
  shell("chown -R 12345:12345 .");
  ::setenv("SUDO_UID", "12345", 1);
  const auto state = examine_source(root());
  ::unsetenv("SUDO_UID");
  EXPECT_TRUE(state) << state.error().text();
}

TEST_F(Examine, NamesARepositoryThatIsNone) {
  std::filesystem::create_directories(root() + "/.git");
  const auto state = examine_source(root());
  ASSERT_FALSE(state);
  EXPECT_NE(state.error().text().find("read git repository " + root()), std::string::npos)
      << state.error().text();
}

TEST_F(Examine, DoesNotFollowAGitFileIntoNowhere) {
  write(".git", "gitdir: /nonexistent/../../etc\n");
  EXPECT_FALSE(examine_source(root()));
}

using SourceFile = CheckoutTest;

TEST_F(SourceFile, ReadsFromTheWorkTreeAndFromACommit) {
  init();
  write("ci/a.yml", "old");
  commit();
  write("ci/a.yml", "new");
  EXPECT_EQ(*read_source_file(examine(), "", "ci/a.yml", 1_KiB), "new");
  EXPECT_EQ(*read_source_file(examine(), "HEAD", "ci/a.yml", 1_KiB), "old");
}

struct BadRead {
  const char* rev;
  const char* path;
  ErrorCode code;
};

TEST_F(SourceFile, RefusesWhatIsNoFileOfTheRepository) {
  init();
  write("big", std::string(5'000, 'x'));
  write("dir/file", "1");
  link("out", "../secret");
  link("absolute", "/etc/passwd");
  shell("echo secret > ../secret; mkfifo pipe");
  commit();
  const std::vector<BadRead> cases{
      {"", "../secret", ErrorCode::kInvalid},      {"", "/etc/passwd", ErrorCode::kInvalid},
      {"", "dir/../big", ErrorCode::kInvalid},     {"", ".git/config", ErrorCode::kInvalid},
      {"", "out", ErrorCode::kNotFound},           {"", "absolute", ErrorCode::kNotFound},
      {"", "pipe", ErrorCode::kInvalid},           {"", "dir", ErrorCode::kInvalid},
      {"", "missing", ErrorCode::kNotFound},       {"", "big", ErrorCode::kExhausted},
      {"HEAD", "big", ErrorCode::kExhausted},      {"HEAD", "dir", ErrorCode::kInvalid},
      {"HEAD", "out", ErrorCode::kInvalid},        {"HEAD", "missing", ErrorCode::kNotFound},
      {"nonsense", "big", ErrorCode::kNotFound},   {"--upload-pack=x", "big", ErrorCode::kInvalid},
      {"HEAD^{tree}", "big", ErrorCode::kInvalid}, {"@{nonsense", "big", ErrorCode::kInvalid},
  };
  for (const BadRead& one : cases) {
    const auto text = read_source_file(examine(), one.rev, one.path, 4_KiB);
    ASSERT_FALSE(text) << one.rev << " " << one.path << ": " << *text;
    EXPECT_EQ(text.error().code(), one.code)
        << one.rev << " " << one.path << ": " << text.error().text();
  }
}

TEST_F(SourceFile, FollowsLinksInsideTheRepository) {
  write("real.yml", "1");
  link("link.yml", "real.yml");
  EXPECT_EQ(*read_source_file(examine(), "", "link.yml", 1_KiB), "1");
}

}  // namespace
}  // namespace slipway::runner
