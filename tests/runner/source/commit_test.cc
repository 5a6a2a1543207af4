// `--commit`: trees of real and crafted repositories.
#include "tests/runner/source/checkout.h"

namespace slipway::runner {
namespace {

class Commit : public CheckoutTest {
 protected:
  /// A raw tree object of (mode, name, object) entries in the given order, however invalid; returns its id.
  std::string raw_tree(const std::vector<std::array<std::string, 3>>& entries) const {
    std::string script = "{ ";
    for (const auto& [mode, name, id] : entries) {
      script += "printf '%s %b\\000' " + mode + " " + shell_quote(name) + "; printf " + id +
                " | xxd -r -p; ";
    }
    return shell(script + "} > ../raw; git hash-object -w -t tree --literally ../raw");
  }
  std::string commit_of(const std::string& tree) const { return git("commit-tree -m x " + tree); }
  std::string blob(const std::string& text) const {
    return shell("printf %s " + shell_quote(text) + " | git hash-object -w --stdin");
  }
};

TEST_F(Commit, HoldsExactlyTheTreeOfTheCommit) {
  init();
  write("a", "old");
  write("sub/dir/run.sh", "#!/bin/sh", 0755);
  write("empty", "");
  link("link", "sub/dir/run.sh");
  commit("one");
  write("a", "uncommitted");
  write("untracked", "x");
  const Workspace workspace = at_commit("HEAD");
  EXPECT_EQ(files_of(workspace), (Names{"a", "sub/dir/run.sh", "empty", "link"}));
  EXPECT_EQ(content(workspace, "a"), "old");
  EXPECT_EQ(content(workspace, "empty"), "");
  EXPECT_EQ(info(workspace, "sub/dir/run.sh").st_mode, S_IFREG | 0755u);
  EXPECT_EQ(info(workspace, "a").st_mode, S_IFREG | 0644u);
  EXPECT_EQ(info(workspace, "a").st_mtim.tv_sec, 1714979289);
  EXPECT_EQ(info(workspace, "empty").st_mtim.tv_sec, 1714979289);
  EXPECT_EQ(std::filesystem::read_symlink(workspace.snapshot.path + "/link"), "sub/dir/run.sh");
  EXPECT_EQ(workspace.files, 4u);
  EXPECT_FALSE(workspace.state.dirty);
}

TEST_F(Commit, TakesBranchesTagsAndAncestors) {
  init();
  write("a", "1");
  commit("one");
  git("tag -a -m x v1 && git branch feature");
  write("a", "2");
  commit("two");
  const std::string first = git("rev-parse HEAD~1");
  for (const std::string& rev : {first, first.substr(0, 8), std::string("HEAD~1"),
                                 std::string("v1"), std::string("feature")}) {
    const Workspace workspace = at_commit(rev);
    EXPECT_EQ(content(workspace, "a"), "1") << rev;
    EXPECT_EQ(workspace.state.commit, first);
  }
  EXPECT_EQ(at_commit("main").state.branch, "main");
  EXPECT_EQ(at_commit("v1").state.branch, "");
}

TEST_F(Commit, IsMadeOnceForATree) {
  init();
  write("a", "1");
  commit("one");
  const Workspace first = at_commit("HEAD");
  commit("same tree");
  const Workspace second = at_commit("HEAD");
  EXPECT_EQ(first.snapshot.id, second.snapshot.id);
  EXPECT_NE(first.state.commit, second.state.commit);
  EXPECT_EQ(second.files, 1u);
}

TEST_F(Commit, CopiesLargeAndBinaryFilesExactly) {
  init();
  shell("head -c 5000000 /dev/urandom > big; printf 'a\\000b' > binary");
  commit();
  const Workspace workspace = at_commit("HEAD");
  EXPECT_EQ(content(workspace, "binary"), std::string("a\0b", 3));
  EXPECT_EQ(shell("sha256sum < big"), shell("sha256sum < " + workspace.snapshot.path + "/big"));
}

TEST_F(Commit, WarnsOfSubmodulesAndLfsPointers) {
  init();
  write("large", "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n");
  shell("git init -q sub; git -C sub commit -q --allow-empty -m x; git add large sub 2>/dev/null");
  git("commit -qm x");
  const std::vector<std::string> expected{
      "git-lfs files stay pointers in a --commit workspace: large", "skipped submodule sub"};
  EXPECT_EQ(at_commit("HEAD").warnings, expected);
  EXPECT_EQ(at_commit("HEAD").warnings, expected) << "also when it is found again";
}

TEST_F(Commit, NamesARevisionThatDoesNotExist) {
  init();
  commit();
  const std::string text = commit_error("no-such-branch");
  EXPECT_NE(text.find("snapshot commit no-such-branch: find commit no-such-branch: "),
            std::string::npos)
      << text;
  EXPECT_NE(commit_error("esc\x1b[2J").find("esc\\x1b[2J"), std::string::npos);
}

TEST_F(Commit, NeedsGit) {
  EXPECT_EQ(commit_error("HEAD"), "snapshot commit HEAD: " + root() + " is no git checkout");
}

TEST_F(Commit, RefusesNamesThatStandForDotGit) {
  init();
  const std::string id = blob("evil");
  for (const std::string name : {".git", ".GIT", ".Git", "git~1", "GIT~1", ".git.", ".git ",
                                 ".git::$INDEX_ALLOCATION", ".g\\342\\200\\214it", "..", "."}) {
    const std::string commit_id = commit_of(raw_tree({{"100644", name, id}}));
    EXPECT_NE(commit_error(commit_id).find("refused path"), std::string::npos)
        << name << ": " << commit_error(commit_id);
    const std::string below =
        commit_of(raw_tree({{"40000", name, raw_tree({{"100644", "config", id}})}}));
    EXPECT_NE(commit_error(below), "") << name;
  }
}

TEST_F(Commit, RefusesNamesWithSlashes) {
  init();
  const std::string id = blob("evil");
  for (const std::string name : {"../evil", "/etc/evil", "a/../../evil", "a//b"}) {
    EXPECT_NE(commit_error(commit_of(raw_tree({{"100644", name, id}}))), "") << name;
  }
  EXPECT_FALSE(path_exists(outside() + "/evil"));
}

TEST_F(Commit, NeverWritesThroughALinkOfTheSameTree) {
  init();
  const std::string target = blob(outside() + "/victim");
  std::filesystem::create_directories(outside() + "/victim");
  const std::string inner = raw_tree({{"100644", "evil", blob("evil")}});
  for (const bool link_first : {true, false}) {
    std::vector<std::array<std::string, 3>> entries{{"120000", "a", target}, {"40000", "a", inner}};
    if (!link_first) std::swap(entries[0], entries[1]);
    EXPECT_NE(commit_error(commit_of(raw_tree(entries))), "");
  }
  const std::string twice =
      commit_of(raw_tree({{"120000", "a", target}, {"100644", "a", blob("evil")}}));
  EXPECT_NE(commit_error(twice), "");
  EXPECT_TRUE(std::filesystem::is_empty(outside() + "/victim"));
}

TEST_F(Commit, NamesAMissingOrDamagedObject) {
  init();
  write("a", "content");
  commit();
  const std::string id = git("rev-parse HEAD:a");
  shell("chmod u+w .git/objects/" + id.substr(0, 2) + "/*; printf garbage > .git/objects/" +
        id.substr(0, 2) + "/" + id.substr(2));
  EXPECT_NE(commit_error("HEAD").find("read a of commit"), std::string::npos)
      << commit_error("HEAD");
  shell("rm -f .git/objects/" + id.substr(0, 2) + "/" + id.substr(2));
  EXPECT_NE(commit_error("HEAD").find("read a of commit"), std::string::npos)
      << commit_error("HEAD");
}

TEST_F(Commit, BoundsTheDepthOfATree) {
  init();
  const std::string top = raw_tree({{"100644", "file", blob("x")}});
  const std::string tree = shell("t=" + top +
                                 "; i=0; while [ $i -lt 210 ]; do t=$(printf '040000 tree "
                                 "%s\\td\\n' $t | git mktree); i=$((i+1)); done; echo $t");
  EXPECT_NE(commit_error(commit_of(tree)).find("too deep"), std::string::npos);
}

}  // namespace
}  // namespace slipway::runner
