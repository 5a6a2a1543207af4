// Caches of jobs by the real program: what is restored, what is kept, and for how long.
#include "tests/runner/execute/image_fixture.h"

namespace slipway::runner {
namespace {

class JobCachesTest : public ImageExecTest {
 protected:
  /// A store of its own each: caches of one test are none of another's.
  void SetUp() override {
    ImageExecTest::SetUp();
    ASSERT_EQ(shell("cp -a " + shared_->path() + "/state " + state()).code, 0);
  }
  std::string state() const override { return dir_->path() + "/state"; }
  Ran job(const std::string& cache, const std::string& step,
          const std::string& arguments = "") const {
    return exec(
        "defaults: { image: busybox, shell: sh }\njobs:\n  a:\n    network: none\n    cache: " +
            cache + "\n    steps:\n      - |\n        " + step + "\n",
        arguments);
  }
  std::string keys() const {
    return runner("cache ls --format '{{.Key}} {{.Files}} {{.Layers}}'").out;
  }
};

constexpr const char* kSimple = "{ key: k, paths: [deps] }";

TEST_F(JobCachesTest, WhatOneRunKeepsTheNextOneHas) {
  const Ran first = job(
      kSimple, "test ! -e deps && mkdir -p deps/sub && echo one > deps/sub/a && echo no > other");
  EXPECT_EQ(first.code, 0) << first.all();
  EXPECT_TRUE(has(first.all(), "cache k: nothing is kept yet")) << first.all();
  EXPECT_TRUE(has(first.all(), "cache k kept: 1 file")) << first.all();
  const Ran second =
      job(kSimple, "test $(cat deps/sub/a) = one && test ! -e other && echo two > deps/b");
  EXPECT_EQ(second.code, 0) << second.all();
  EXPECT_TRUE(has(second.all(), "cache k restored: 1 file")) << second.all();
  EXPECT_EQ(keys(), "k 2 2\n") << "only what is new was kept";
  const Ran third = job(kSimple, "cat deps/sub/a deps/b");
  EXPECT_TRUE(has(third.all(), "one\ntwo\n")) << third.all();
  EXPECT_TRUE(has(third.all(), "cache k: nothing new to keep")) << third.all();
}

TEST_F(JobCachesTest, WhatWasRemovedStaysAwayAndHidesNothingOfTheCheckout) {
  write("deps/mine", "of the checkout\n");
  EXPECT_EQ(job(kSimple, "echo x > deps/x && echo y > deps/y && rm deps/mine").code, 0);
  const Ran second =
      job(kSimple,
          "cat deps/mine deps/y && rm deps/x && rm -r deps/y && mkdir deps/y && echo z > deps/y/z");
  EXPECT_EQ(second.code, 0) << second.all();
  EXPECT_EQ(keys(), "k 1 1\n");
  const Ran third = job(kSimple, "test ! -e deps/x && cat deps/mine deps/y/z");
  EXPECT_EQ(third.code, 0) << third.all();
}

TEST_F(JobCachesTest, FallbacksAreKeysAndThenBeginningsOfKeysTheNewestFirst) {
  EXPECT_EQ(job("{ key: npm-1, paths: [deps] }", "mkdir deps && echo 1 > deps/v").code, 0);
  EXPECT_EQ(job("{ key: npm-2, paths: [deps] }", "mkdir deps && echo 2 > deps/v").code, 0);
  const Ran ran = job("{ key: npm-3, fallback: [npm-], paths: [deps] }",
                      "test $(cat deps/v) = 2 && echo 3 > deps/w");
  EXPECT_EQ(ran.code, 0) << ran.all();
  EXPECT_TRUE(has(ran.all(), "cache npm-2 restored")) << ran.all();
  EXPECT_TRUE(has(keys(), "npm-3 2 2")) << keys();
  const Ran exact =
      job("{ key: other, fallback: [npm-1], paths: [deps] }", "test $(cat deps/v) = 1");
  EXPECT_EQ(exact.code, 0) << exact.all();
}

TEST_F(JobCachesTest, AKeyMayHashFiles) {
  write("lock", "a\n");
  const std::string cache = "{ key: \"n-${{ hash('lock') }}\", paths: [deps] }";
  EXPECT_EQ(job(cache, "mkdir deps && echo 1 > deps/v").code, 0);
  EXPECT_EQ(job(cache, "test $(cat deps/v) = 1").code, 0);
  write("lock", "b\n");
  EXPECT_EQ(job(cache, "test ! -e deps").code, 0);
}

TEST_F(JobCachesTest, PoliciesSayWhoReadsAndWhoWrites) {
  EXPECT_EQ(job("{ key: k, paths: [deps], policy: pull }", "mkdir deps && echo 1 > deps/v").code,
            0);
  EXPECT_EQ(keys(), "");
  EXPECT_EQ(job("{ key: k, paths: [deps], policy: push }", "mkdir deps && echo 1 > deps/v").code,
            0);
  EXPECT_EQ(job("{ key: k, paths: [deps], policy: push }", "test ! -e deps").code, 0);
  EXPECT_EQ(
      job("{ key: k, paths: [deps], policy: pull }", "test $(cat deps/v) = 1 && echo 2 > deps/v")
          .code,
      0);
  EXPECT_EQ(job(kSimple, "test $(cat deps/v) = 1").code, 0);
}

TEST_F(JobCachesTest, AFailedJobKeepsNothing) {
  EXPECT_EQ(job(kSimple, "mkdir deps && echo 1 > deps/v && false").code, 1);
  EXPECT_EQ(keys(), "");
}

TEST_F(JobCachesTest, SeveralCachesOfOneJobHoldTheirOwnPaths) {
  EXPECT_EQ(job("[{ key: a, paths: [one] }, { key: b, paths: ['**/*.o', '!skip/**'] }]",
                "mkdir one sub skip; echo > one/f; echo > sub/x.o; echo > skip/y.o; echo > sub/z.c")
                .code,
            0);
  EXPECT_TRUE(has(keys(), "a 1 1\n")) << keys();
  EXPECT_TRUE(has(keys(), "b 1 1\n")) << keys();
  EXPECT_EQ(
      job("[{ key: b, paths: ['**/*.o'] }]", "test -e sub/x.o && test ! -e skip && test ! -e one")
          .code,
      0);
}

TEST_F(JobCachesTest, TheLeastRecentlyUsedGoWhenTheBudgetIsSpent) {
  const auto keep = [&](const std::string& key) {
    return job("{ key: " + key + ", paths: [deps] }",
               "mkdir -p deps && dd if=/dev/zero of=deps/" + key + " bs=1024 count=100 2>/dev/null",
               "--cache-size 250k");
  };
  EXPECT_EQ(keep("a").code, 0);
  EXPECT_EQ(keep("b").code, 0);
  EXPECT_EQ(job("{ key: a, paths: [deps], policy: pull }", "true").code, 0);
  const Ran third = keep("c");
  EXPECT_TRUE(has(third.all(), "1 older ones made room")) << third.all();
  EXPECT_FALSE(has(keys(), "b ")) << keys();
  EXPECT_TRUE(has(keys(), "a ")) << keys();
}

TEST_F(JobCachesTest, ASpoiltOrPrunedStoreIsAMissAndNoFailure) {
  EXPECT_EQ(job(kSimple, "mkdir deps && echo 1 > deps/v").code, 0);
  ASSERT_EQ(runner("cache prune -f").code, 0);
  const Ran pruned = job(kSimple, "test ! -e deps && mkdir deps && echo 2 > deps/v");
  EXPECT_EQ(pruned.code, 0) << pruned.all();
  ASSERT_EQ(shell("for f in " + state() + "/caches/*.json; do echo '{ torn' > $f; done").code, 0);
  EXPECT_EQ(job(kSimple, "test ! -e deps && mkdir deps && echo 3 > deps/v").code, 0);
  EXPECT_EQ(job(kSimple, "test $(cat deps/v) = 3").code, 0);
}

TEST_F(JobCachesTest, AreListedCountedAndRemoved) {
  EXPECT_EQ(job("{ key: first, paths: [deps] }", "mkdir deps && echo 1 > deps/v").code, 0);
  EXPECT_EQ(job("{ key: second, fallback: [first], paths: [deps] }", "echo 2 > deps/w").code, 0);
  const Result<Json> list = parse_json(runner("cache ls --json").out);
  ASSERT_TRUE(list);
  ASSERT_EQ(list->items().size(), 2U);
  EXPECT_EQ(list->items()[0]["Key"].string_or(""), "second");
  EXPECT_EQ(runner("cache stats --format '{{.Caches}} {{.Bytes}}'").out, "2 4\n")
      << "a shared layer counts once";
  EXPECT_EQ(runner("cache rm first").code, 0);
  EXPECT_EQ(runner("cache rm first").code, 5);
  EXPECT_EQ(job("{ key: second, paths: [deps] }", "cat deps/v deps/w").code, 0)
      << "what it shares stays";
}

}  // namespace
}  // namespace slipway::runner
