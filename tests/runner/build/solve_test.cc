// Builds from Dockerfile to image: what is made, what is found again, what is said.
#include "tests/runner/build/build_fixture.h"

namespace slipway::runner {
namespace {

using ::testing::Test;
using Strings = std::vector<std::string>;

class Solve : public BuildTest {};

TEST_F(Solve, CopyOntoScratchGivesOneLayerWithTheFile) {
  write("hello", "world\n");
  const auto made = image("FROM scratch\nCOPY hello /greeting\n");
  EXPECT_EQ(made.layers.size(), 1U);
  EXPECT_EQ(file(made, "/greeting"), "world\n");
  EXPECT_EQ(history(made), (Strings{"COPY hello /greeting # buildkit"}));
}

TEST_F(Solve, RunChangesFilesAndShowsItsOutput) {
  const auto made = image("FROM busybox\nRUN echo made > /made && echo said\n");
  EXPECT_EQ(file(made, "/made"), "made\n");
  EXPECT_NE(seen.text.find("said\n"), std::string::npos);
  EXPECT_EQ(history(made), (Strings{"RUN /bin/sh -c echo made > /made && echo said # buildkit"}));
}

TEST_F(Solve, NothingChangedGivesTheSameImageFromTheCache) {
  write("a", "1");
  const std::string dockerfile = "FROM busybox\nWORKDIR /w\nCOPY a .\nRUN cat a > b\nENV X=1\n";
  const auto first = image(dockerfile);
  const auto second = image(dockerfile);
  EXPECT_EQ(first.id, second.id);
  EXPECT_TRUE(seen.in_state(VertexState::kDone).empty());
  EXPECT_EQ(seen.in_state(VertexState::kCached).size(), 4U);
}

TEST_F(Solve, UnneededStagesDoNotRun) {
  const auto made = image(
      "FROM busybox AS unused\nRUN false\nFROM busybox AS used\nRUN echo 1 > /one\n"
      "FROM scratch\nCOPY --from=used /one /\n");
  EXPECT_EQ(file(made, "/one"), "1\n");
  EXPECT_EQ(seen.latest.count("[unused 2/2] RUN false"), 0U);
}

TEST_F(Solve, TargetChoosesTheStageByNameInAnyCase) {
  const auto made = image("FROM busybox AS First\nENV A=1\nFROM scratch AS second\n",
                          [](BuildRequest& request) { request.target = "FIRST"; });
  EXPECT_EQ(made.layers.size(), 1U);
  EXPECT_NE(
      failure("FROM busybox AS first\n", [](BuildRequest& request) { request.target = "frist"; })
          .find("did you mean first"),
      std::string::npos);
}

TEST_F(Solve, StagesRunAtTheSameTime) {
  // Each waits for the other's file: one after the other they would wait for ever.
  const std::string cache = "RUN --mount=type=cache,id=meet,target=/m ";
  const auto made = image("FROM busybox AS a\n" + cache +
                          "touch /m/a; while ! test -e /m/b; do :; done; echo a > /a\n"
                          "FROM busybox AS b\n" +
                          cache +
                          "touch /m/b; while ! test -e /m/a; do :; done; echo b > /b\n"
                          "FROM scratch\nCOPY --from=a /a /\nCOPY --from=b /b /\n");
  EXPECT_EQ(file(made, "/a") + file(made, "/b"), "a\nb\n");
}

TEST_F(Solve, FirstFailureEndsEverythingElse) {
  const std::string text = failure(
      "FROM busybox AS slow\nRUN while :; do sleep 1; done\n"
      "FROM busybox AS bad\nRUN echo about to fail; exit 7\n"
      "FROM scratch\nCOPY --from=slow / /\nCOPY --from=bad / /\n");
  EXPECT_NE(text.find("exit code: 7"), std::string::npos) << text;
  EXPECT_NE(text.find("Dockerfile:4:"), std::string::npos) << text;
  EXPECT_NE(text.find("about to fail"), std::string::npos) << text;
  EXPECT_EQ(seen.in_state(VertexState::kFailed),
            (Strings{"[bad 2/2] RUN echo about to fail; exit 7"}));
}

TEST_F(Solve, FailedCommandLeavesItsFilesForDebugging) {
  write("Dockerfile", "");
  BuildWitness witness;
  const auto result = build_raw(
      "FROM busybox\nENV A=b\nUSER app\nWORKDIR /w\nRUN echo left > left; exit 3\n", witness);
  ASSERT_TRUE(result && result->failure);
  EXPECT_EQ(result->failure->exit_code, 3);
  const auto record = parse_json(
      *read_file(state() + "/builds/" + result->failure->debug_target + "/record.json", 1_MiB));
  ASSERT_TRUE(record);
  const Json& failed = (*record)["failed"];
  EXPECT_EQ(failed["cwd"].string_or(""), "/w");
  EXPECT_EQ(failed["user"].string_or(""), "app");
  const auto top = store_->get(std::string(failed["stack"].items().back().string_or("")));
  ASSERT_TRUE(top);
  EXPECT_EQ(read_file(top->path + "/w/left", 1_KiB).value_or(""), "left\n");
}

TEST_F(Solve, StagesThatNeedThemselvesAreRefused) {
  EXPECT_NE(failure("FROM busybox AS a\nCOPY --from=a / /\n").find("before the one that uses it"),
            std::string::npos);
}

TEST_F(Solve, AFromWithoutAnImageNamesTheLine) {
  const std::string text = failure("FROM busybox AS a\nFROM nowhere.invalid/none:1\n");
  EXPECT_NE(text.find("Dockerfile:2:"), std::string::npos) << text;
}

TEST_F(Solve, ArgumentsThatNothingDeclaresAreNamed) {
  build("FROM scratch\nARG KNOWN\nENV A=1\n", [](BuildRequest& request) {
    request.args = {{"KNOWN", "1"}, {"VERISON", "2"}, {"http_proxy", "x"}};
  });
  EXPECT_EQ(seen.notes, (Strings{"build arguments that no ARG declares: VERISON"}));
}

TEST_F(Solve, TagsNameTheImage) {
  const auto made = image("FROM busybox\nENV A=1\n", [](BuildRequest& request) {
    request.tags = {"app:1", "app:2"};
  });
  EXPECT_EQ(store_->image("app:1")->id, made.id);
  EXPECT_EQ(store_->image("app:2")->id, made.id);
}

TEST_F(Solve, EpochMakesTwoCleanBuildsEqual) {
  write("a", "1");
  const auto change = [](BuildRequest& request) {
    request.source_date_epoch = "1700000000";
    request.no_cache = true;
  };
  const std::string dockerfile = "FROM busybox\nWORKDIR /w\nCOPY a .\nRUN echo x > y\n";
  const auto first = image(dockerfile, change);
  const auto second = image(dockerfile, change);
  EXPECT_EQ(first.id, second.id);
  EXPECT_EQ(first.manifest, second.manifest);
}

TEST_F(Solve, EpochIsSeenByWhoDeclaresIt) {
  const auto made = image("FROM scratch\nARG SOURCE_DATE_EPOCH\nENV E=$SOURCE_DATE_EPOCH\n",
                          [](BuildRequest& request) { request.source_date_epoch = "1700000000"; });
  EXPECT_EQ(made.config.env.back(), "E=1700000000");
  EXPECT_EQ(made.config.created, WallTime(std::chrono::seconds(1'700'000'000)));
}

TEST_F(Solve, CancelledBuildIsAnErrorAndLeavesNothing) {
  BuildWitness witness;
  const CancelToken cancel;
  cancel.cancel(CancelLevel::kKill);
  const auto result = build_raw("FROM busybox\nRUN true\n", witness, {}, cancel);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code(), ErrorCode::kCancelled);
}

TEST_F(Solve, EveryPlatformHasItsImage) {
  const auto made =
      build("FROM scratch\nARG TARGETARCH\nENV ARCH=$TARGETARCH\nCOPY f-$TARGETARCH /f\n",
            [this](BuildRequest& request) {
              write("f-amd64", "a");
              write("f-arm64", "b");
              request.platforms = {*cachestore::Platform::parse("linux/amd64"),
                                   *cachestore::Platform::parse("linux/arm64")};
            });
  ASSERT_EQ(made.images.size(), 2U);
  EXPECT_EQ(file(made.images[0].image, "/f") + file(made.images[1].image, "/f"), "ab");
  EXPECT_EQ(made.images[1].image.config.architecture, "arm64");
}

}  // namespace
}  // namespace slipway::runner
