// What people and pipelines get wrong: a clear error or a bounded effect, and nothing left behind.
#include "tests/runner/execute/exec_fixture.h"

namespace slipway::runner {
namespace {

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

class BadInput : public ExecTest {};

TEST_F(BadInput, NoPipelineFileSaysWhereItLookedAndShowsTheShortest) {
  const Ran ran = runner("exec");
  EXPECT_EQ(ran.code, 5);
  EXPECT_TRUE(has(ran.err, ".slipway.yml")) << ran.err;
  EXPECT_TRUE(has(ran.err, "steps:")) << ran.err;
}

TEST_F(BadInput, AMisspeltKeyIsShownWithItsPlaceAndTheNearest) {
  const Ran ran = exec("jobs:\n  a:\n    step:\n      - 'true'\n");
  EXPECT_EQ(ran.code, 2);
  EXPECT_TRUE(has(ran.err, ".slipway.yml:3:5: error: unknown key \"step\"")) << ran.err;
  EXPECT_TRUE(has(ran.err, "did you mean \"steps\"")) << ran.err;
}

TEST_F(BadInput, AMissingImageFailsItsJobOnlyAndSaysHowToGetIt) {
  const Ran ran = exec(
      "jobs:\n  a: { image: '127.0.0.1:1/nope:1', steps: ['true'] }\n  b: { steps: "
      "['echo b ran'] }\n");
  EXPECT_EQ(ran.code, 3) << ran.all();
  EXPECT_TRUE(has(ran.all(), "runner image import")) << ran.all();
  EXPECT_TRUE(has(ran.all(), "b ran")) << ran.all();
}

TEST_F(BadInput, AMissingCommandIsAFailureOfTheStep) {
  const Ran ran = exec("steps: [no-such-command-here]\n");
  EXPECT_EQ(ran.code, 1);
  EXPECT_TRUE(has(ran.all(), "exit code 127")) << ran.all();
}

TEST_F(BadInput, AMissingShellNamesTheShell) {
  const Ran ran = exec("steps: [{ run: 'true', shell: yash }]\n");
  EXPECT_EQ(ran.code, 1) << ran.all();
  EXPECT_TRUE(has(ran.all(), "has no yash")) << ran.all();
}

TEST_F(BadInput, AFifoInTheWorkspaceIsSkippedWithAWarning) {
  ASSERT_EQ(::mkfifo((project() + "/pipe").c_str(), 0644), 0);
  const Ran ran = exec("steps: ['test ! -e pipe && echo went on']\n");
  EXPECT_EQ(ran.code, 0) << ran.all();
  EXPECT_TRUE(has(ran.all(), "went on")) << ran.all();
  EXPECT_TRUE(has(ran.all(), "pipe")) << ran.all();
}

TEST_F(BadInput, AForkBombEndsAtThePidLimitAndTheRunGoesOn) {
  const Ran ran = exec(R"(
jobs:
  bomb:
    resources: { pids: 64 }
    timeout: 20s
    steps: ['bomb() { bomb | bomb & }; bomb; sleep 1; exit 1']
  good: { steps: ['echo good ran'] }
)");
  EXPECT_NE(ran.code, 0);
  EXPECT_TRUE(has(ran.all(), "good ran")) << ran.all().substr(0, 2000);
}

TEST_F(BadInput, AVeryLongLineIsBoundedAndTheRestArrives) {
  const Ran ran = exec("steps: ['head -c 20000000 /dev/zero | tr \"\\0\" x; echo; echo the end']\n",
                       "| tail -c 3000");
  EXPECT_TRUE(has(ran.out + ran.err, "the end")) << ran.out.size();
}

TEST_F(BadInput, EscapesInNamesDoNotReachTheTerminal) {
  const Ran ran = exec(
      "jobs:\n  \"a\\e[2Jb\":\n    steps:\n      - { name: \"x\\e]0;title\\a\", run: 'printf "
      "\"\\033]0;t\\007\\033[31mred\\n\"' }\n");
  EXPECT_EQ(ran.all().find('\x1b'), std::string::npos) << ran.all();
}

TEST_F(BadInput, AStrangersPipelineDoesNotGetTheHostsNetworkUnasked) {
  const std::string pipeline =
      "jobs:\n  a: { network: host, steps: ['cat /proc/net/dev | wc -l'] }\n";
  const Ran refused = exec(pipeline);
  EXPECT_EQ(refused.code, 3) << refused.all();
  EXPECT_TRUE(has(refused.all(), "--allow-host-network")) << refused.all();
  EXPECT_EQ(exec(pipeline, "--allow-host-network").code, 0);
}

TEST_F(BadInput, AStepCannotTrickTheRunnerIntoReadingALinkedFile) {
  const Ran ran = exec("steps: ['rm $SLIPWAY_OUTPUT && ln -s /etc/passwd $SLIPWAY_OUTPUT']\n");
  EXPECT_EQ(ran.code, 1);
  EXPECT_TRUE(has(ran.all(), "replaced the file")) << ran.all();
}

TEST_F(BadInput, AFifoAsOutputFileDoesNotHangTheRunner) {
  const Ran ran = exec("steps: ['rm $SLIPWAY_OUTPUT && mkfifo $SLIPWAY_OUTPUT']\n");
  EXPECT_EQ(ran.code, 1) << ran.all();
}

TEST_F(BadInput, AnUnreadableStoreIsNamed) {
  std::ofstream(state()) << "a file where the store should be";
  const Ran ran = exec("steps: ['true']\n");
  EXPECT_EQ(ran.code, 3) << ran.all();
  EXPECT_TRUE(has(ran.err, state())) << ran.err;
}

TEST_F(BadInput, NothingIsLeftAfterAnyOfIt) {
  EXPECT_EQ(exec("steps: ['sleep 1000 & exit 4']\n").code, 1);
  const Ran mounts = shell("cat /proc/self/mounts | grep -c " + shell_quote(state()));
  EXPECT_EQ(mounts.out, "0\n");
  EXPECT_EQ(shell("ls " + shell_quote(state()) + "/drafts | grep -vc spare").out,
            "0\n");  // an empty spare is kept ready
}

}  // namespace
}  // namespace slipway::runner
