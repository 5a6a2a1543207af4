// What is found again and what is not.
#include "tests/runner/build/build_fixture.h"

namespace slipway::runner {
namespace {

using Strings = std::vector<std::string>;
class BuildCache : public BuildTest {
 protected:
  Strings made() const { return seen.in_state(VertexState::kDone); }
};

TEST_F(BuildCache, OnlyWhatDependsOnAChangedFileIsMadeAgain) {
  write("a", "1");
  write("b", "1");
  const std::string dockerfile =
      "FROM busybox\nCOPY a /a\nRUN cat /a > /a2\nCOPY b /b\nRUN cat /b > /b2\n";
  image(dockerfile);
  write("b", "2");
  const auto second = image(dockerfile);
  EXPECT_EQ(made(), (Strings{"[4/5] COPY b /b", "[5/5] RUN cat /b > /b2"}));
  EXPECT_EQ(file(second, "/b2"), "2");
}

TEST_F(BuildCache, TimesOfFilesDoNotCount) {
  write("a", "1");
  image("FROM busybox\nCOPY a /a\n");
  std::filesystem::last_write_time(
      context() + "/a", std::filesystem::file_time_type::clock::now() - std::chrono::hours(5));
  image("FROM busybox\nCOPY a /a\n");
  EXPECT_EQ(made(), Strings{});
}

TEST_F(BuildCache, AModeCounts) {
  write("a", "1");
  image("FROM busybox\nCOPY a /a\n");
  write("a", "1", 0755);
  image("FROM busybox\nCOPY a /a\n");
  EXPECT_EQ(made(), (Strings{"[2/2] COPY a /a"}));
}

TEST_F(BuildCache, OnlyDeclaredArgumentsCount) {
  const std::string dockerfile = "FROM busybox\nRUN echo 1 > /1\nARG A\nRUN echo 2 > /2\n";
  image(dockerfile, [](BuildRequest& request) { request.args = {{"A", "1"}, {"Z", "1"}}; });
  image(dockerfile, [](BuildRequest& request) { request.args = {{"A", "2"}, {"Z", "2"}}; });
  EXPECT_EQ(made(), (Strings{"[3/3] RUN echo 2 > /2"}));
}

TEST_F(BuildCache, AStageMadeAgainWithEqualOutputDoesNotSpread) {
  const auto dockerfile = [](const std::string& word) {
    return "FROM busybox AS s\nRUN echo " + word +
           " > /dev/null; echo same > /out\n"
           "FROM busybox\nCOPY --from=s /out /out\nRUN cat /out\n";
  };
  image(dockerfile("one"));
  image(dockerfile("two"));
  EXPECT_EQ(made(), (Strings{"[s 2/2] RUN echo two > /dev/null; echo same > /out"}));
}

TEST_F(BuildCache, ARunThatWritesNothingDoesNotSpread) {
  image("FROM busybox\nRUN echo one\nRUN echo x > /x\n");
  image("FROM busybox\nRUN echo two\nRUN echo x > /x\n");
  EXPECT_EQ(made(), (Strings{"[2/3] RUN echo two"}));
}

TEST_F(BuildCache, NoCacheMakesEverythingAgainAndTheNextBuildStandsOnThat) {
  const std::string dockerfile = "FROM busybox\nRUN head -c 8 /dev/urandom > /r\nRUN cat /r > /s\n";
  const auto first = image(dockerfile);
  const auto second = image(dockerfile, [](BuildRequest& request) { request.no_cache = true; });
  EXPECT_NE(file(first, "/s"), file(second, "/s"));
  const auto third = image(dockerfile);
  EXPECT_EQ(made(), Strings{});
  EXPECT_EQ(third.id, second.id);
  EXPECT_EQ(file(third, "/r"), file(third, "/s"));
}

TEST_F(BuildCache, NoCacheOfOneStageReachesWhatUsesItsOutput) {
  const std::string dockerfile =
      "FROM busybox AS s\nRUN head -c 8 /dev/urandom > /r\nFROM busybox AS t\nRUN echo t > /t\n"
      "FROM busybox\nCOPY --from=s /r /r\nCOPY --from=t /t /t\n";
  image(dockerfile);
  image(dockerfile, [](BuildRequest& request) { request.no_cache_stages = {"s"}; });
  EXPECT_EQ(made(),
            (Strings{"[s 2/2] RUN head -c 8 /dev/urandom > /r", "[stage-2 2/3] COPY --from=s /r /r",
                     "[stage-2 3/3] COPY --from=t /t /t"}));
}

TEST_F(BuildCache, ALinkedCopyStandsAlone) {
  write("a", "1");
  image("FROM busybox\nRUN echo 1 > /1\nCOPY --link a /a\n");
  image("FROM busybox\nRUN echo 2 > /1\nCOPY --link a /a\n");
  EXPECT_EQ(made(), (Strings{"[2/3] RUN echo 2 > /1"}));
}

TEST_F(BuildCache, TheSameStepOfTwoStagesIsMadeOnce) {
  const auto both = image(
      "FROM busybox AS a\nRUN head -c 8 /dev/urandom > /r\nFROM busybox AS b\nRUN head -c 8 "
      "/dev/urandom > /r\n"
      "FROM scratch\nCOPY --from=a /r /a\nCOPY --from=b /r /b\n");
  EXPECT_EQ(file(both, "/a"), file(both, "/b"));
}

TEST_F(BuildCache, WhyAStepWasMadeIsSaid) {
  write("a", "1");
  image("FROM busybox\nENV X=1\nCOPY a /a\nRUN true\n");
  write("a", "2");
  image("FROM busybox\nENV X=1\nCOPY a /a\nRUN true\n");
  const auto why = explain_miss(*store_, "last");
  ASSERT_TRUE(why);
  EXPECT_NE(why->find("COPY a /a: files changed from"), std::string::npos) << *why;
  image("FROM busybox\nENV X=2\nCOPY a /a\nRUN true\n");
  EXPECT_NE(explain_miss(*store_, "")->find("variable X changed from \"1\" to \"2\""),
            std::string::npos);
}

TEST_F(BuildCache, AnotherMachineTakesStepsFromAnExportedCache) {
  const std::string dockerfile =
      "FROM busybox AS s\nRUN head -c 8 /dev/urandom > /r\nRUN echo 2 > /two\n"
      "FROM busybox\nCOPY --from=s /r /r\nRUN cat /r /r > /rr\n";
  const std::string cache = directory_->path() + "/cache";
  const auto first = image(dockerfile, [&](BuildRequest& request) {
    request.cache_to = {{"local", {{"dest", cache}, {"mode", "max"}}}};
  });
  // A machine that has never built it.
  const auto old = std::move(directory_);
  directory_ = std::make_unique<TempDir>(*TempDir::make("/var/tmp", "build-test-"));
  std::filesystem::create_directories(context());
  open_state();
  import_busybox();
  const auto second = image(dockerfile, [&](BuildRequest& request) {
    request.cache_from = {{"local", {{"src", cache}}}};
  });
  EXPECT_EQ(made(), Strings{});
  EXPECT_EQ(file(first, "/rr"), file(second, "/rr"));
  EXPECT_EQ(first.diff_ids, second.diff_ids);
}

TEST_F(BuildCache, PrunedSnapshotsAreMadeAgain) {
  const std::string dockerfile = "FROM busybox\nRUN echo 1 > /1\nRUN echo 2 > /2\n";
  image(dockerfile);
  ASSERT_TRUE(store_->remove_image(store_->images()->front().id.str(), {.force = true}));
  (void)store_->prune(cachestore::SnapshotKind::kStep, real_clock().wall() + std::chrono::hours(1));
  open_state();
  write("Dockerfile", "");
  BuildWitness witness;
  const auto result = build_raw("FROM scratch\nCOPY Dockerfile /\n", witness);
  ASSERT_TRUE(result && !result->failure);
}

}  // namespace
}  // namespace slipway::runner
