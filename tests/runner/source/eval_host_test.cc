// hash(), changed() and exists() over real snapshots.
#include "tests/runner/source/checkout.h"

namespace slipway::runner {
namespace {

class EvalHost : public CheckoutTest {
 protected:
  std::unique_ptr<pipeline::EvalHost> host() const { return make_eval_host(snapshot(), {}, false); }
  std::string hash(const std::vector<std::string>& globs) const {
    auto digest = host()->hash_files(globs);
    EXPECT_TRUE(digest) << digest.error().text();
    return digest ? *digest : "";
  }
};

TEST_F(EvalHost, HashesNamesAndBytesOfMatchingFilesOnly) {
  write("package-lock.json", "1");
  write("web/package-lock.json", "2");
  write("other", "3");
  const std::string first = hash({"**/package-lock.json"});
  EXPECT_EQ(first.size(), 64u);
  write("other", "changed");
  shell("touch -d 2001-01-01 package-lock.json");
  EXPECT_EQ(hash({"**/package-lock.json"}), first) << "times and other files do not count";
  write("web/package-lock.json", "changed");
  const std::string second = hash({"**/package-lock.json"});
  EXPECT_NE(second, first);
  shell(
      "mv web/package-lock.json package-lock.json.tmp; mkdir api; mv package-lock.json.tmp "
      "api/package-lock.json");
  EXPECT_NE(hash({"**/package-lock.json"}), second) << "names count";
}

TEST_F(EvalHost, HashIsEmptyWhenNothingMatches) {
  write("a", "1");
  EXPECT_EQ(hash({"*.lock"}), "");
}

TEST_F(EvalHost, HashCannotBeMovedBetweenNameAndContent) {
  write("a", "b1");
  const std::string first = hash({"**"});
  shell("rm a");
  write("ab", "1");
  EXPECT_NE(hash({"**"}), first);
}

TEST_F(EvalHost, HashesLinksByTheirTargetWithoutFollowing) {
  link("link", "/etc/hostname");
  const std::string first = hash({"link"});
  EXPECT_EQ(first.size(), 64u);
  shell("rm link");
  link("link", "/etc/passwd");
  EXPECT_NE(hash({"link"}), first);
}

TEST_F(EvalHost, ExistsLooksAtTheSnapshot) {
  write("src/main.c", "1");
  const auto at_first = host();
  write("later", "1");
  EXPECT_TRUE(*at_first->exists({"src/**"}));
  EXPECT_TRUE(*at_first->exists({"src"}));
  EXPECT_FALSE(*at_first->exists({"*.c"}));
  EXPECT_FALSE(*at_first->exists({"later"}));
  EXPECT_FALSE(*at_first->exists({"src/**", "!**/*.c"}));
}

TEST_F(EvalHost, ChangedIsTrueUnlessTheChangesAreKnown) {
  write("a", "1");
  const Workspace workspace = snapshot();
  EXPECT_TRUE(*make_eval_host(workspace, {}, false)->changed({"src/**"}));
  EXPECT_FALSE(*make_eval_host(workspace, {}, true)->changed({"src/**"}));
  const auto known = make_eval_host(workspace, {"src/main.c", "README.md"}, true);
  EXPECT_TRUE(*known->changed({"src/**"}));
  EXPECT_FALSE(*known->changed({"docs/**"}));
}

TEST_F(EvalHost, NamesABadPattern) {
  write("a", "1");
  EXPECT_FALSE(host()->hash_files({"[unclosed"}));
  EXPECT_FALSE(host()->exists({"[unclosed"}));
}

}  // namespace
}  // namespace slipway::runner
