// `memo: true` and `inputs:` by the real program: what is reused, and what is said when it is not.
#include "tests/runner/execute/image_fixture.h"

namespace slipway::runner {
namespace {

class StepMemoTest : public ImageExecTest {
 protected:
  Ran run(const std::string& steps, const std::string& arguments = "",
          const std::string& environment = "") const {
    return exec(
        "defaults: { image: busybox, shell: sh }\nenv: { MODE: \"${{ inputs.mode }}\" }\n"
        "on: { manual: { inputs: { mode: { default: fast } } } }\n"
        "jobs:\n  a:\n    network: none\n    steps:\n" +
            steps,
        arguments, environment);
  }
  std::string why(const std::string& target) const { return runner("why-miss " + target).out; }
};

constexpr const char* kBuild =
    "      - id: build\n"
    "        inputs: [src]\n"
    "        run: |\n"
    "          echo building && cat src/* > out.txt && echo tool > /tmp/tool\n"
    "          echo \"size=$(wc -c < out.txt)\" >> \"$SLIPWAY_OUTPUT\"; echo FROM=build >> "
    "\"$SLIPWAY_ENV\"\n"
    "      - 'test \"${{ steps.build.size }}\" = 4 && test $FROM = build && cat out.txt /tmp/tool "
    "other'\n";

TEST_F(StepMemoTest, TheSameStepIsNotRunAgainAndLeavesTheSame) {
  write("src/a", "one\n");
  write("other", "first\n");
  const Ran first = run(kBuild);
  EXPECT_EQ(first.code, 0) << first.all();
  EXPECT_TRUE(has(first.all(), "not reused: it has not run before")) << first.all();
  write("other", "second\n");
  const Ran second = run(kBuild);
  EXPECT_EQ(second.code, 0) << second.all();
  EXPECT_TRUE(has(second.all(), "reused from run")) << second.all();
  EXPECT_TRUE(has(second.all(), "\nbuilding\n")) << "its log is said again" << second.all();
  EXPECT_TRUE(has(second.all(), "one\ntool\nsecond\n")) << second.all();
  EXPECT_TRUE(has(why("last/a/build"), "a/build: reused from run")) << why("last");
}

TEST_F(StepMemoTest, WhyMissNamesTheFirstDifference) {
  write("src/a", "two\n");
  write("src/b", "");
  write("other", "");
  EXPECT_EQ(run(kBuild).code, 0);
  write("src/a", "2wo\n");
  EXPECT_EQ(run(kBuild).code, 0);
  EXPECT_EQ(why("last/a/build"), "a/build: not reused: input src/a changed\n");
  EXPECT_EQ(run(kBuild, "--input mode=full").code, 0);
  EXPECT_EQ(why("last"), "a/build: not reused: env MODE: full, before fast\n");
  EXPECT_EQ(run(kBuild, "--no-memo").code, 0);
  EXPECT_EQ(why("last"), "a/build: not reused: --no-memo\n");
  EXPECT_EQ(runner("why-miss last/a/nope").code, 5);
}

TEST_F(StepMemoTest, WithoutInputsTheWholeWorkspaceCounts) {
  const std::string steps = "      - { id: all, memo: true, run: 'cat data && date +%N' }\n";
  write("data", "x\n");
  EXPECT_TRUE(has(run(steps).all(), "not reused"));
  EXPECT_TRUE(has(run(steps).all(), "reused from run"));
  write("unrelated", "y\n");
  EXPECT_TRUE(has(run(steps).all(), "not reused: checkout changed"));
}

TEST_F(StepMemoTest, AFailureIsNotKept) {
  const std::string steps = "      - { id: bad, memo: true, run: 'echo tried && exit 3' }\n";
  EXPECT_EQ(run(steps).code, 1);
  const Ran again = run(steps);
  EXPECT_EQ(again.code, 1);
  EXPECT_TRUE(has(again.all(), "its last result is not kept")) << again.all();
}

TEST_F(StepMemoTest, NamesOfTheRunCountForScriptsThatMentionThem) {
  const std::string steps = "      - { id: r, memo: true, run: 'echo run $SLIPWAY_RUN' }\n";
  EXPECT_EQ(run(steps).code, 0);
  EXPECT_TRUE(has(run(steps).all(), "not reused: env SLIPWAY_RUN")) << why("last");
}

TEST_F(StepMemoTest, ASecretIsNoPartOfWhatIsShownOrKept) {
  const std::string steps =
      "      - { id: s, memo: true, run: 'echo \"token=$TOKEN\" >> \"$SLIPWAY_OUTPUT\"' }\n"
      "    secrets: [TOKEN]\n";
  EXPECT_TRUE(
      has(run(steps, "--secret TOKEN", "TOKEN=first-secret-word").all(), "it hands on a secret"));
  const std::string quiet =
      "      - { id: q, memo: true, run: 'test -n \"$TOKEN\"' }\n    secrets: [TOKEN]\n";
  EXPECT_EQ(run(quiet, "--secret TOKEN", "TOKEN=first-secret-word").code, 0);
  EXPECT_EQ(run(quiet, "--secret TOKEN", "TOKEN=other-secret-word").code, 0);
  EXPECT_EQ(why("last/a/q"), "a/q: not reused: env TOKEN changed\n");
  EXPECT_NE(shell("grep -r secret-word " + state() + "/caches " + state() + "/runs").code, 0);
}

}  // namespace
}  // namespace slipway::runner
