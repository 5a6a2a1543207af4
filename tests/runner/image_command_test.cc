// The image commands through the program itself.
#include "base/json.h"
#include "base/text.h"
#include "tests/runner/runner_fixture.h"

namespace slipway::runner {
namespace {

using testing::ProgramRun;

class ImageCommand : public RunnerTest {};

TEST_F(ImageCommand, PrintsTheIdOfAnImportAndNothingElseOnStdout) {
  const ProgramRun run = runner({"image", "import", archive(), "plain:1"});
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_EQ(run.out.size(), std::string("sha256:\n").size() + 64);
  EXPECT_EQ(run.err, "");
}

TEST_F(ImageCommand, ImportsFromAPipe) {
  const std::string line =
      "cat " + archive() + " | " + shell_join(command_line({"import", "-", "piped"}));
  const ProgramRun run = testing::run_program({"sh", "-c", line}, environment());
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_EQ(runner({"run", "piped", "echo", "hi"}).out, "hi\n");
}

TEST_F(ImageCommand, ListsAsDockerDoes) {
  ASSERT_EQ(runner({"tag", "busybox", "registry.example:5000/team/box:v1"}).exit_code, 0);
  const ProgramRun table = runner({"images"});
  EXPECT_TRUE(table.out.starts_with("REPOSITORY")) << table.out;
  EXPECT_NE(table.out.find("registry.example:5000/team/box   v1"), std::string::npos) << table.out;
  EXPECT_EQ(
      runner({"images", "--format", "{{.Repository}}:{{.Tag}}", "registry.example:5000/team/box"})
          .out,
      "registry.example:5000/team/box:v1\n");
  const Result<Json> json = parse_json(runner({"image", "ls", "--json"}).out);
  ASSERT_TRUE(json.has_value());
  EXPECT_TRUE(json->items()[0]["ID"].string_or("").starts_with("sha256:"));
  EXPECT_EQ(runner({"images", "-q", "busybox:nope"}).out, "");
}

TEST_F(ImageCommand, InspectsWithAndWithoutTemplate) {
  const Result<Json> json = parse_json(runner({"image", "inspect", "busybox"}).out);
  ASSERT_TRUE(json.has_value());
  EXPECT_EQ(json->items()[0]["Os"].string_or(""), "linux");
  EXPECT_EQ(runner({"image", "inspect", "-f", "{{.Os}} {{json .Config.Env}}", "busybox"}).out,
            "linux null\n");
  const ProgramRun missing = runner({"image", "inspect", "nope"});
  EXPECT_EQ(missing.exit_code, 5);
  EXPECT_EQ(missing.out, "[]\n");
}

TEST_F(ImageCommand, RemovesNamesThenContent) {
  ASSERT_EQ(runner({"image", "import", "-c", "LABEL only=here", archive(), "gone"}).exit_code, 0);
  ASSERT_EQ(runner({"tag", "gone", "gone:2"}).exit_code, 0);
  const ProgramRun first = runner({"rmi", "gone"});
  EXPECT_EQ(first.out, "Untagged: gone:latest\n") << first.err;
  const ProgramRun second = runner({"rmi", "gone:2"});
  EXPECT_TRUE(second.out.starts_with("Untagged: gone:2\nDeleted: sha256:")) << second.out;
  EXPECT_EQ(runner({"rmi", "gone"}).exit_code, 5);
  EXPECT_EQ(runner({"rmi", "-f", "gone"}).exit_code, 0);
}

TEST_F(ImageCommand, ExplainsBadInput) {
  const ProgramRun name = runner({"import", archive(), "Upper"});
  EXPECT_EQ(name.exit_code, 2) << name.err;
  const ProgramRun missing = runner({"import", "/nonexistent.tar", "x"});
  EXPECT_EQ(missing.exit_code, 5) << missing.err;
  EXPECT_EQ(missing.err, "runner: error: open /nonexistent.tar: no such file or directory\n");
  const ProgramRun garbage = runner({"import", "/etc/passwd", "x"});
  EXPECT_NE(garbage.exit_code, 0);
  EXPECT_NE(garbage.err.find("/etc/passwd"), std::string::npos) << garbage.err;
  const ProgramRun change = runner({"import", "-c", "COPY a b", archive(), "x"});
  EXPECT_EQ(change.exit_code, 2);
}

}  // namespace
}  // namespace slipway::runner
