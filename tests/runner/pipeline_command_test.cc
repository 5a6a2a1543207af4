// exec, check, graph, list and preview through the program itself: exit codes, streams, Ctrl-C.
#include <csignal>

#include "base/json.h"
#include "tests/runner/runner_fixture.h"

namespace slipway::runner {
namespace {

using testing::Program;
using testing::ProgramRun;
using testing::Stdio;

class PipelineCommand : public RunnerTest {
 protected:
  /// Writes a pipeline file into a directory of its own and returns its path.
  static std::string file(const std::string& name, const std::string& text) {
    const std::string directory = directory_->path() + "/" + name;
    std::filesystem::create_directories(directory);
    std::ofstream(directory + "/ci.yml") << text;
    return directory + "/ci.yml";
  }
};

TEST_F(PipelineCommand, ReturnsZeroOneOrTwo) {
  EXPECT_EQ(runner({"exec", file("good", "steps: [ 'true' ]\n")}).exit_code, 0);
  EXPECT_EQ(runner({"exec", file("bad", "steps: [ 'exit 9' ]\n")}).exit_code, 1);
  EXPECT_EQ(runner({"exec", file("wrong", "stepz: [ 'exit 9' ]\n")}).exit_code, 2);
  EXPECT_EQ(runner({"exec", directory_->path() + "/missing.yml"}).exit_code, 5);
  EXPECT_EQ(runner({"exec", "--jobs", "0", file("good", "steps: [ 'true' ]\n")}).exit_code, 2);
}

TEST_F(PipelineCommand, PrintsFindingsOnStderrAndJsonOnStdout) {
  const std::string path = file("findings", "steps: [ 'true' ]\nnaem: x\n");
  const ProgramRun text = runner({"check", path});
  EXPECT_EQ(text.exit_code, 2);
  EXPECT_EQ(text.out, "");
  EXPECT_NE(text.err.find("did you mean \"name\"?"), std::string::npos) << text.err;
  const ProgramRun json = runner({"check", "--json", path});
  EXPECT_EQ(json.exit_code, 2);
  const Result<Json> report = parse_json(json.out);
  ASSERT_TRUE(report.has_value()) << json.out;
  EXPECT_FALSE((*report)["valid"].bool_or(true));
  EXPECT_EQ((*report)["diagnostics"].items()[0]["line"].int_or(0), 2);
}

TEST_F(PipelineCommand, PrintsPlansOnStdout) {
  const std::string path =
      file("plan", "jobs:\n  a: { steps: [ 'true' ] }\n  b: { needs: [a], steps: [ 'true' ] }\n");
  const ProgramRun checked = runner({"check", path});
  EXPECT_EQ(checked.exit_code, 0);
  EXPECT_NE(checked.out.find("ok, 2 jobs, 2 steps"), std::string::npos) << checked.out;
  EXPECT_TRUE(runner({"graph", "--format", "dot", path}).out.starts_with("digraph"));
  EXPECT_TRUE(parse_json(runner({"graph", "--json", path}).out).has_value());
  EXPECT_TRUE(parse_json(runner({"list", "--json", path}).out).has_value());
  EXPECT_TRUE(parse_json(runner({"preview", "--json", path}).out).has_value());
  EXPECT_NE(runner({"preview", path}).out.find("ci.yml:"), std::string::npos);
}

TEST_F(PipelineCommand, TerminatesAtTheFirstInterruptAndStillCleansUp) {
  const std::string path =
      file("interrupt",
           "steps:\n  - echo re''ady; sleep 60\n  - { run: \"echo clean''ed\", always: true }\n");
  Program program(command_line({"exec", "--progress", "plain", path}), environment(),
                  Stdio::kPipes);
  ASSERT_TRUE(program.wait_for("ready\n"));
  program.signal(SIGINT);
  const ProgramRun run = program.finish();
  EXPECT_EQ(run.exit_code, 130) << run.err;
  EXPECT_NE(run.err.find("cleaned\n"), std::string::npos) << run.err;
}

TEST_F(PipelineCommand, KillsAtTheSecondInterrupt) {
  const std::string path =
      file("kill",
           "steps:\n  - \"trap 'echo asked' TERM; echo re''ady; while :; do sleep 0.01; done\"\n");
  Program program(command_line({"exec", "--progress", "plain", path}), environment(),
                  Stdio::kPipes);
  ASSERT_TRUE(program.wait_for("ready\n"));
  program.signal(SIGINT);
  ASSERT_TRUE(program.wait_for("asked\n"));
  program.signal(SIGINT);
  EXPECT_EQ(program.finish().exit_code, 130);
}

}  // namespace
}  // namespace slipway::runner
