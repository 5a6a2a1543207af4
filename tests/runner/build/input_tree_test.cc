// Digests of what would be copied: what they depend on and what not; and trees of strangers.
#include "runner/build/input_tree.h"

#include <atomic>
#include <thread>

#include "tests/runner/build/tree_fixture.h"

namespace slipway::runner {
namespace {

class BuildTree : public TreeTest {
 protected:
  // Long ago: what was changed just now is not remembered.
  static void age(const std::string& where) {
    const timespec times[2] = {{1'600'000'000, 0}, {1'600'000'000, 0}};
    ASSERT_EQ(::utimensat(AT_FDCWD, where.c_str(), times, AT_SYMLINK_NOFOLLOW), 0);
  }
};

TEST_F(BuildTree, DigestDependsOnBytesModesAndNamesNotOnTimesAndOwners) {
  write(context("d/a"), "one");
  const std::string first = digest({"d"});
  ASSERT_TRUE(first.starts_with("sha256:")) << first;
  age(context("d/a"));
  ASSERT_EQ(::chown(context("d/a").c_str(), 1000, 1000), 0);
  EXPECT_EQ(digest({"d"}), first);
  ::chmod(context("d").c_str(), 0700);
  EXPECT_EQ(digest({"d"}), first) << "a directory gives its content only";
  ::chmod(context("d/a").c_str(), 0600);
  EXPECT_NE(digest({"d"}), first);
  ::chmod(context("d/a").c_str(), 0644);
  EXPECT_EQ(digest({"d"}), first);
  write(context("d/a"), "two");
  EXPECT_NE(digest({"d"}), first);
  write(context("d/a"), "one");
  EXPECT_EQ(digest({"d"}), first);
  std::filesystem::rename(context("d/a"), context("d/b"));
  EXPECT_NE(digest({"d"}), first);
}

TEST_F(BuildTree, SameSizeAndTimeWithOtherBytesIsAnotherDigest) {
  write(context("f"), "aaaa");
  age(context("f"));
  const std::string first = digest({"f"});
  write(context("f"), "bbbb");
  age(context("f"));
  EXPECT_NE(digest({"f"}), first);
}

TEST_F(BuildTree, LinkUnderAnotherNameIsAnotherDigest) {
  write(context("f"), "x");
  link("f", context("l1"));
  link("f", context("l2"));
  EXPECT_NE(digest({"l1"}), digest({"l2"}));
  EXPECT_NE(digest({"l1"}), digest({"f"}));
}

TEST_F(BuildTree, IgnoredFilesDoNotCount) {
  write(context("f"), "x");
  const auto before = open_context("*.log\n");
  const std::string first = digest(*before, {"."});
  write(context("build.log"), "noise");
  const auto after = open_context("*.log\n");
  EXPECT_EQ(digest(*after, {"."}), first);
}

TEST_F(BuildTree, StackDigestIsOfWhatShowsThroughAllLayers) {
  write(path("l1/d/a"), "a");
  write(path("l1/d/gone"), "x");
  write(path("l2/d/b"), "b");
  ASSERT_EQ(::mknod(path("l2/d/gone").c_str(), S_IFCHR, 0), 0);
  write(path("flat/d/a"), "a");
  write(path("flat/d/b"), "b");
  const auto stack = open_stack_tree({path("l1"), path("l2")}, "stage");
  const auto flat = open_stack_tree({path("flat")}, "stage");
  EXPECT_EQ(digest(**stack, {"/d"}), digest(**flat, {"/d"}));
  const Fd dir(::open(path("l2/d").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  ASSERT_TRUE(cachestore::hide_lower(dir.get()));
  write(path("only-b/d/b"), "b");
  const auto opaque = open_stack_tree({path("l1"), path("l2")}, "stage");
  const auto only = open_stack_tree({path("only-b")}, "stage");
  EXPECT_EQ(digest(**opaque, {"/d"}), digest(**only, {"/d"}));
}

TEST_F(BuildTree, LinksOutOfTheContextLeadNowhere) {
  write(path("outside/secret"), "s");
  link(path("outside/secret"), context("absolute"));
  link("../outside/secret", context("relative"));
  link("..", context("up"));
  link("/proc/self/root", context("magic"));
  for (const char* source : {"absolute", "relative", "up/outside/secret", "magic/etc/passwd"}) {
    EXPECT_EQ(digest({source}).find("sha256:"), std::string::npos) << source;
    EXPECT_NE(copy_words({source, "/stolen"}), "") << source;
  }
  EXPECT_FALSE(path_exists(upper("stolen")));
}

TEST_F(BuildTree, ClimbingSourcesAreClippedAtTheRoot) {
  write(context("f"), "inside");
  write(path("f"), "outside");
  EXPECT_EQ(copy_words({"../../f", "/f"}), "");
  EXPECT_EQ(read(upper("f")), "inside");
}

TEST_F(BuildTree, LoopsOfLinksEnd) {
  link("b", context("a"));
  link("a", context("b"));
  EXPECT_NE(digest({"a"}).find("too many links"), std::string::npos);
}

// A directory that becomes a link to somewhere else, again and again, while it is read.
TEST_F(BuildTree, RacingLinksNeverLeadOut) {
  write(path("outside/d/secret"), "SECRET");
  write(context("d/secret"), "public");
  std::atomic<bool> stop = false;
  std::thread racer([&] {
    while (!stop) {
      ::rename(context("d").c_str(), context("real").c_str());
      (void)!::symlink(path("outside/d").c_str(), context("d").c_str());
      ::unlink(context("d").c_str());
      ::rename(context("real").c_str(), context("d").c_str());
    }
  });
  for (int i = 0; i < 200; ++i) {
    std::filesystem::remove_all(path("upper"));
    std::filesystem::create_directories(path("upper"));
    (void)copy_words({"d", "/x/"});
    if (path_exists(upper("x/secret"))) {
      EXPECT_EQ(read(upper("x/secret")), "public");
    }
  }
  stop = true;
  racer.join();
}

TEST_F(BuildTree, MountableTreeHoldsOnlyWhatIsNotIgnored) {
  write(context("keep"), "k");
  write(context("drop"), "d");
  const auto tree = open_context("drop");
  const auto mountable = tree->mountable(CancelToken());
  ASSERT_TRUE(mountable) << mountable.error().text();
  ASSERT_EQ(mountable->size(), 1U);
  EXPECT_EQ(listing(mountable->front()), "keep\n");
  const auto whole = open_context();
  EXPECT_EQ(*whole->mountable(CancelToken()), std::vector<std::string>{path("context")});
}

TEST_F(BuildTree, RememberedDigestsAreReadAgainFromDamagedFiles) {
  for (int i = 0; i < 300; ++i) write(context("f" + std::to_string(i)), std::to_string(i));
  const std::string first = digest({"."});
  EXPECT_EQ(digest({"."}), first);
  if (path_exists(path("state/build/stat"))) {
    for (const auto& file : std::filesystem::directory_iterator(path("state/build/stat"))) {
      std::filesystem::resize_file(file.path(), 100);
    }
  }
  EXPECT_EQ(digest({"."}), first);
}

}  // namespace
}  // namespace slipway::runner
