// Snapshots of work trees, with real git repositories and without git.
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "runner/source/copy_files.h"
#include "tests/runner/source/checkout.h"

namespace slipway::runner {
namespace {

class WorkTree : public CheckoutTest {
 protected:
  /// Two snapshots of a tree at rest are the same one; right after a write they are not, which is no error.
  Workspace settled_snapshot() const {
    for (int attempt = 0; attempt < 10'000; ++attempt) {
      Workspace first = snapshot();
      if (snapshot().snapshot.id == first.snapshot.id) return first;
    }
    ADD_FAILURE() << "never found again";
    return snapshot();
  }
};

TEST_F(WorkTree, HoldsWhatGitSees) {
  init();
  write(".gitignore", "*.o\nbuild/\n!keep.o\n");
  write("main.c", "int main;");
  write("gone.c", "x");
  write("sub/deep/file", "1");
  commit();
  write("main.c", "int main = 2;");
  std::filesystem::remove(root() + "/gone.c");
  write("untracked", "new");
  write("sub/new", "new");
  write("noise.o", "x");
  write("keep.o", "x");
  write("build/out", "x");
  write("staged", "x");
  git("add staged");
  const Workspace workspace = snapshot();
  EXPECT_EQ(files_of(workspace), (Names{".gitignore", "main.c", "sub/deep/file", "untracked",
                                        "sub/new", "keep.o", "staged"}));
  EXPECT_EQ(content(workspace, "main.c"), "int main = 2;");
  EXPECT_EQ(workspace.files, 7u);
  EXPECT_TRUE(workspace.state.dirty);
  EXPECT_TRUE(workspace.warnings.empty());
}

TEST_F(WorkTree, KeepsTrackedFilesThatAreIgnored) {
  init();
  write(".gitignore", "out/\n*.log\n");
  write("out/tracked", "1");
  write("a.log", "1");
  git("add -f out/tracked a.log .gitignore");
  write("out/untracked", "1");
  write("b.log", "1");
  EXPECT_EQ(files_of(snapshot()), (Names{".gitignore", "a.log", "out/tracked"}));
}

TEST_F(WorkTree, LeavesOutWhatWasRemovedFromTheIndexOnlyIfItIsGone) {
  init();
  write("a", "1");
  write("b", "1");
  commit();
  git("rm -q --cached a");
  git("rm -q b");
  EXPECT_EQ(files_of(snapshot()), (Names{"a"}));
}

TEST_F(WorkTree, KnowsWhetherItIsDirty) {
  init();
  write("a", "1");
  commit();
  EXPECT_FALSE(snapshot().state.dirty);
  shell("touch -d 2020-01-01 a");
  EXPECT_FALSE(snapshot().state.dirty) << "touched, same content";
  shell("chmod +x a");
  EXPECT_TRUE(snapshot().state.dirty) << "mode";
  shell("chmod -x a; echo 2 > b; git add b");
  EXPECT_TRUE(snapshot().state.dirty) << "staged";
  commit();
  EXPECT_FALSE(snapshot().state.dirty);
  shell("rm b");
  EXPECT_TRUE(snapshot().state.dirty) << "deleted";
}

TEST_F(WorkTree, NormalisesModesAndOwnersAndKeepsTimesAndLinks) {
  init();
  write("plain", "1", 0600);
  write("script", "1", 0775);
  link("link", "plain");
  link("dangling", "../../../etc/passwd");
  shell("touch -h -d 2001-02-03T04:05:06Z plain link");
  const Workspace workspace = snapshot();
  EXPECT_EQ(info(workspace, "plain").st_mode, S_IFREG | 0644u);
  EXPECT_EQ(info(workspace, "script").st_mode, S_IFREG | 0755u);
  EXPECT_EQ(info(workspace, "plain").st_mtim.tv_sec, 981173106);
  EXPECT_EQ(info(workspace, "link").st_mtim.tv_sec, 981173106);
  EXPECT_EQ(info(workspace, "plain").st_uid, ::geteuid());
  EXPECT_EQ(std::filesystem::read_symlink(workspace.snapshot.path + "/link"), "plain");
  EXPECT_EQ(std::filesystem::read_symlink(workspace.snapshot.path + "/dangling"),
            "../../../etc/passwd");
}

TEST_F(WorkTree, IsIndependentOfTheUmask) {
  init();
  write("dir/plain", "1");
  const mode_t before = ::umask(077);
  const Workspace workspace = snapshot();
  ::umask(before);
  EXPECT_EQ(info(workspace, "dir/plain").st_mode, S_IFREG | 0644u);
  EXPECT_EQ(info(workspace, "dir").st_mode, S_IFDIR | 0755u);
}

TEST_F(WorkTree, IsFoundAgainUntilSomethingChanges) {
  init();
  write("a", "1");
  write("b/c", "2");
  commit();
  const Workspace first = settled_snapshot();
  EXPECT_EQ(first.snapshot.kind, cachestore::SnapshotKind::kWorkspace);
  write("b/c", "3");
  const Workspace second = settled_snapshot();
  EXPECT_NE(second.snapshot.id, first.snapshot.id);
  EXPECT_EQ(content(first, "b/c"), "2");
  EXPECT_EQ(content(second, "b/c"), "3");
  shell("chmod +x a");
  const Workspace third = settled_snapshot();
  EXPECT_NE(third.snapshot.id, second.snapshot.id);
  commit();
  EXPECT_NE(settled_snapshot().snapshot.id, third.snapshot.id) << "another commit";
}

TEST_F(WorkTree, NeverServesAStaleFileAfterARapidWrite) {
  init();
  write("a", "000");
  commit();
  const SourceState state = examine();
  for (int i = 100; i < 200; ++i) {
    // Same size, within the same tick of the file system's clock, same inode.
    std::ofstream(root() + "/a", std::ios::in | std::ios::out | std::ios::binary) << i;
    auto workspace = snapshot_work_tree(state, *store_, CancelToken());
    ASSERT_TRUE(workspace);
    ASSERT_EQ(content(*workspace, "a"), std::to_string(i));
  }
}

TEST_F(WorkTree, SkipsSpecialFilesWithAWarningAndNeverBlocksOnThem) {
  init();
  write("a", "1");
  write("was-a-file", "1");
  commit();
  shell("rm was-a-file; mkfifo pipe was-a-file; mkdir sub; mkfifo sub/$(printf 'es\\033c')");
  const Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  struct sockaddr_un address {};
  address.sun_family = AF_UNIX;
  (root() + "/sock").copy(address.sun_path, sizeof(address.sun_path) - 1);
  ASSERT_EQ(::bind(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
  const Workspace workspace = snapshot();
  EXPECT_EQ(files_of(workspace), (Names{"a"}));
  EXPECT_EQ(workspace.warnings,
            (std::vector<std::string>{"skipped fifo pipe", "skipped fifo sub/es\\x1bc",
                                      "skipped fifo was-a-file", "skipped socket sock"}));
  EXPECT_EQ(snapshot().warnings, workspace.warnings) << "also when the snapshot is found again";
}

TEST_F(WorkTree, CopiesHostileNamesAsTheyAre) {
  init();
  const Names names{"-rf",        "new\nline", "esc\x1b[2J", "quote\"'",     "\xff\xfe",
                    "$(touch x)", ".GIT",      ".git ",      "sp ace/t\tab", "*"};
  for (const std::string& name : names) write(name, "1");
  EXPECT_EQ(files_of(snapshot()), names);
}

TEST_F(WorkTree, FollowsNoLinkAndSurvivesLoops) {
  init();
  link("loop", "loop");
  link("up", "..");
  link("etc", "/etc");
  write("real/file", "1");
  link("real/back", "../real");
  commit();
  EXPECT_EQ(files_of(snapshot()), (Names{"loop", "up", "etc", "real/file", "real/back"}));
}

TEST_F(WorkTree, LeavesOutFilesWhoseDirectoryBecameALink) {
  init();
  write("dir/file", "tracked");
  commit();
  shell("mkdir ../elsewhere; echo secret > ../elsewhere/file; rm -r dir; ln -s ../elsewhere dir");
  EXPECT_EQ(files_of(snapshot()), (Names{"dir"}));
}

TEST_F(WorkTree, WarnsOfSubmodulesAndNestedRepositories) {
  init();
  shell(
      "git init -q nested; echo 1 > nested/file; git -C nested add -A; git -C nested commit -qm x");
  shell(
      "git init -q sub; git -C sub commit -q --allow-empty -m x; git update-index --add "
      "--cacheinfo 160000,$(git -C sub rev-parse HEAD),sub");
  write("a", "1");
  const Workspace workspace = snapshot();
  EXPECT_EQ(files_of(workspace), (Names{"a"}));
  EXPECT_EQ(workspace.warnings, (std::vector<std::string>{"skipped nested git repository nested",
                                                          "skipped submodule sub"}));
}

TEST_F(WorkTree, RunsNothingThatTheRepositoryConfigures) {
  init();
  const std::string marker = outside() + "/marker";
  write(".gitattributes", "* filter=evil diff=evil text=auto\n");
  write("a", "1\r\n");
  commit();
  for (const std::string key : {"core.fsmonitor", "core.hooksPath", "filter.evil.clean",
                                "filter.evil.smudge", "filter.evil.process", "diff.external",
                                "core.sshCommand", "core.pager", "core.alternateRefsCommand"}) {
    git("config " + key + " " + shell_quote("touch " + marker + ";"));
  }
  write("a", "2\r\n");
  EXPECT_EQ(content(snapshot(), "a"), "2\r\n");
  EXPECT_EQ(content(at_commit("HEAD"), "a"), "1\n") << "text=auto was applied when it was added";
  EXPECT_FALSE(path_exists(marker));
}

TEST_F(WorkTree, ReadsASubdirectoryOfACheckoutAsTheWholeCheckout) {
  init();
  write("a", "1");
  write("sub/dir/b", "1");
  auto state = examine_source(root() + "/sub/dir");
  ASSERT_TRUE(state);
  EXPECT_EQ(state->root, root());
  EXPECT_TRUE(state->git);
}

TEST_F(WorkTree, HandlesALinkedWorkTree) {
  init();
  write("a", "1");
  commit();
  git("worktree add -q ../linked -b other");
  auto state = examine_source(outside() + "/linked");
  ASSERT_TRUE(state) << state.error().text();
  EXPECT_EQ(state->branch, "other");
  auto workspace = snapshot_work_tree(*state, *store_, CancelToken());
  ASSERT_TRUE(workspace) << workspace.error().text();
  EXPECT_EQ(files_of(*workspace), (Names{"a"}));
}

TEST_F(WorkTree, RefusesAWorkTreeThatIsConfiguredElsewhere) {
  init();
  git("config core.worktree /etc");
  EXPECT_EQ(
      snapshot_error(),
      "read git repository " + root() +
          ": its configuration says that the work tree is elsewhere (core.worktree or core.bare)");
}

TEST_F(WorkTree, NamesADamagedRepository) {
  init();
  write("a", "1");
  commit();
  shell("printf 'garbage' > .git/index");
  EXPECT_NE(snapshot_error().find("read git index of " + root()), std::string::npos)
      << snapshot_error();
  shell("rm .git/HEAD");
  EXPECT_NE(snapshot_error().find("read git repository " + root()), std::string::npos)
      << snapshot_error();
}

TEST_F(WorkTree, WorksBeforeTheFirstCommit) {
  init();
  write("a", "1");
  const Workspace workspace = snapshot();
  EXPECT_EQ(files_of(workspace), (Names{"a"}));
  EXPECT_EQ(workspace.state.commit, "");
  EXPECT_EQ(workspace.state.branch, "main");
}

TEST_F(WorkTree, WithoutGitTakesEverythingButDotGit) {
  write("a", "1");
  write("sub/.git", "gitdir: /nowhere");
  write("sub/b.o", "1");
  write(".gitignore", "*.o");
  std::filesystem::create_directories(root() + "/empty/dir");
  shell("mkfifo pipe");
  const Workspace workspace = snapshot();
  EXPECT_FALSE(workspace.state.git);
  EXPECT_EQ(files_of(workspace), (Names{"a", "sub/b.o", ".gitignore"}));
  EXPECT_TRUE(S_ISDIR(info(workspace, "empty/dir").st_mode));
  EXPECT_EQ(workspace.warnings, (std::vector<std::string>{"skipped fifo pipe"}));
  EXPECT_EQ(workspace.files, 3u);
  EXPECT_EQ(settled_snapshot().warnings, workspace.warnings);
}

TEST_F(WorkTree, HandlesAnEmptyDirectory) { EXPECT_TRUE(files_of(snapshot()).empty()); }

TEST_F(WorkTree, RefusesATreeThatIsTooDeep) {
  std::string path;
  for (int i = 0; i < 220; ++i) path += "d/";
  write(path + "file", "1");
  EXPECT_NE(snapshot_error().find("too deep at d/d/d"), std::string::npos) << snapshot_error();
}

TEST_F(WorkTree, StopsWhenCancelled) {
  init();
  write("a", "1");
  const CancelToken cancel;
  cancel.cancel(CancelLevel::kTerminate);
  const auto workspace = snapshot_work_tree(examine(), *store_, cancel);
  ASSERT_FALSE(workspace);
  EXPECT_EQ(workspace.error().code(), ErrorCode::kCancelled);
}

TEST_F(WorkTree, NamesAnUnreadableFile) {
  write("dir/secret", "1", 0);
  std::filesystem::create_directories(root() + "/copy");
  ::chmod((root() + "/copy").c_str(), 0777);
  const Fd from = *open_file(root(), O_RDONLY | O_DIRECTORY);
  const Fd to = *open_file(root() + "/copy", O_RDONLY | O_DIRECTORY);
  struct stat info_before {};
  ::lstat((root() + "/dir/secret").c_str(), &info_before);
  const bool root_user = ::geteuid() == 0;
  ASSERT_TRUE(!root_user || ::seteuid(65534) == 0);  // root reads everything
  const auto copied =
      copy_files(from.get(), {make_entry("dir/secret", info_before)}, to.get(), CancelToken());
  ASSERT_TRUE(!root_user || ::seteuid(0) == 0);
  ASSERT_FALSE(copied);
  EXPECT_EQ(copied.error().code(), ErrorCode::kPermission);
  EXPECT_EQ(copied.error().text(), "copy work tree: dir/secret: permission denied");
}

TEST_F(WorkTree, CopiesWhatIsThereWhenFilesChangeMeanwhile) {
  write("shrunk", std::string(100'000, 'x'));
  write("gone", "1");
  write("fifo", "1");
  write("dir/file", "1");
  std::vector<FileEntry> listed;
  for (const std::string name : {"dir/file", "fifo", "gone", "shrunk"}) {
    struct stat found {};
    ASSERT_EQ(::lstat((root() + "/" + name).c_str(), &found), 0);
    listed.push_back(make_entry(name, found));
  }
  shell("echo short > shrunk; rm gone fifo; mkfifo fifo; rm -r dir; ln -s / dir; mkdir ../copy");
  const Fd from = *open_file(root(), O_RDONLY | O_DIRECTORY);
  const Fd to = *open_file(outside() + "/copy", O_RDONLY | O_DIRECTORY);
  const auto copied = copy_files(from.get(), listed, to.get(), CancelToken());
  ASSERT_TRUE(copied) << copied.error().text();
  EXPECT_TRUE(copied->changed);
  EXPECT_EQ(copied->files, 1u);
  EXPECT_EQ(*list_dir(to.get(), "copy"), (std::vector<std::string>{"shrunk"}));
}

}  // namespace
}  // namespace slipway::runner
