// The image commands through the program itself.
#include <filesystem>

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

TEST_F(ImageCommand, SavesToAFileOrAPipeAndLoadsElsewhere) {
  const std::string file = directory_->path() + "/saved.tar";
  ASSERT_EQ(runner({"tag", "busybox", "busybox:saved"}).exit_code, 0);
  const ProgramRun saved = runner({"save", "-o", file, "busybox:saved"});
  EXPECT_EQ(saved.exit_code, 0) << saved.err;
  EXPECT_EQ(saved.out + saved.err, "");
  const std::string other = directory_->path() + "/other";
  const ProgramRun loaded = runner({"--state", other, "load", "-i", file});
  EXPECT_EQ(loaded.out, "Loaded image: busybox:saved\n") << loaded.err;
  const std::string pipe = shell_join(command_line({"image", "save", "busybox:saved"})) +
                           " | gzip | " +
                           shell_join(command_line({"--state", other, "image", "load"}));
  EXPECT_EQ(testing::run_program({"sh", "-c", pipe}, environment()).out,
            "Loaded image: busybox:saved\n");
  const std::string id = runner({"images", "-q", "--no-trunc", "busybox:saved"}).out;
  EXPECT_EQ(runner({"--state", other, "images", "-q", "--no-trunc"}).out, id);
  const std::string by_id = id.substr(7, 12);
  EXPECT_EQ(runner({"save", "-o", file, by_id}).exit_code, 0);
  EXPECT_EQ(runner({"load", "-i", file}).out, "Loaded image ID: " + id);
}

TEST_F(ImageCommand, ASaveThatFailsLeavesNoFile) {
  const std::string file = directory_->path() + "/never.tar";
  const ProgramRun run = runner({"save", "-o", file, "busybox", "nope"});
  EXPECT_EQ(run.exit_code, 5);
  EXPECT_EQ(run.err, "runner: error: save image \"nope\": no such image\n");
  for (const auto& entry : std::filesystem::directory_iterator(directory_->path()))
    EXPECT_EQ(entry.path().string().find("never"), std::string::npos) << entry.path();
  const ProgramRun directory = runner({"save", "-o", directory_->path(), "busybox"});
  EXPECT_EQ(directory.exit_code, 2) << directory.err;
  const ProgramRun bad = runner({"load", "-i", archive()});
  EXPECT_EQ(bad.exit_code, 2);
  EXPECT_NE(bad.err.find("root.tar: neither a docker archive nor an OCI layout"), std::string::npos)
      << bad.err;
}

TEST_F(ImageCommand, FiltersAsDockerDoes) {
  ASSERT_EQ(runner({"import", "-c", "LABEL team=a", archive(), "team/one:1"}).exit_code, 0);
  ASSERT_EQ(runner({"import", "-c", "LABEL team=b", archive(), "team/two:1"}).exit_code, 0);
  const auto names = [](const std::string& filter) {
    return runner({"images", "--format", "{{.Repository}}", "--filter", filter}).out;
  };
  EXPECT_EQ(names("label=team=a"), "team/one\n");
  EXPECT_EQ(names("label=team"), "team/two\nteam/one\n");
  EXPECT_EQ(names("reference=team/t*"), "team/two\n");
  EXPECT_EQ(names("since=team/one:1"), "team/two\n");
  EXPECT_EQ(names("before=busybox"), "");
  EXPECT_EQ(names("until=2001-01-01"), "");
  EXPECT_EQ(names("dangling=true"), "");
  const ProgramRun unknown = runner({"images", "--filter", "size=1"});
  EXPECT_EQ(unknown.exit_code, 2);
  EXPECT_NE(unknown.err.find("valid filters are before=, dangling=, label="), std::string::npos)
      << unknown.err;
  EXPECT_EQ(runner({"images", "--filter", "dangling=perhaps"}).exit_code, 2);
  ASSERT_EQ(runner({"rmi", "team/one:1", "team/two:1"}).exit_code, 0);
}

TEST_F(ImageCommand, PrunesAfterAskingAndTellsWhatWent) {
  ASSERT_EQ(runner({"import", "-c", "LABEL n=1", archive(), "moves"}).exit_code, 0);
  const std::string old = runner({"images", "-q", "--no-trunc", "moves"}).out;
  ASSERT_EQ(runner({"import", "-c", "LABEL n=2", archive(), "moves"}).exit_code, 0);
  EXPECT_EQ(runner({"images", "-q", "--no-trunc", "-f", "dangling=true"}).out, old);
  const ProgramRun refused = runner({"image", "prune"}, "n\n");
  EXPECT_NE(refused.exit_code, 0);
  EXPECT_TRUE(refused.err.starts_with("WARNING! This will remove all dangling images.\n"))
      << refused.err;
  EXPECT_EQ(runner({"image", "prune", "--filter", "label=n=2", "-f"}).out,
            "Total reclaimed space: 0 B\n");
  const ProgramRun pruned = runner({"image", "prune"}, "y\n");
  EXPECT_TRUE(pruned.out.starts_with("Deleted Images:\ndeleted: " + old + "\nTotal reclaimed"))
      << pruned.out;
  const ProgramRun all = runner({"image", "prune", "-af", "--filter", "label=n"});
  EXPECT_TRUE(all.out.starts_with("Deleted Images:\nuntagged: moves:latest\ndeleted: sha256:"))
      << all.out;
  EXPECT_EQ(shell("true").exit_code, 0) << "the rest is there";
  EXPECT_TRUE(runner({"cache", "prune", "-f", "--keep-size", "10g"})
                  .out.starts_with("Total reclaimed space: "));
}

TEST_F(ImageCommand, TellsHowAnImageWasMade) {
  const ProgramRun table = runner({"history", "busybox"});
  EXPECT_TRUE(table.out.starts_with("IMAGE")) << table.out;
  EXPECT_NE(table.out.find("imported from root.tar"), std::string::npos) << table.out;
  const std::string id = runner({"images", "-q", "busybox:latest"}).out;
  EXPECT_EQ(runner({"history", "-q", "busybox"}).out, id);
  const std::string size =
      runner({"history", "--human=false", "--format", "{{.Size}}", "busybox"}).out;
  EXPECT_EQ(size, runner({"image", "inspect", "-f", "{{.Size}}", "busybox"}).out);
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
