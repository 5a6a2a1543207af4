// The completion scripts inside the shells they are made for. bash is everywhere; zsh and fish are tried where they
// are.
#include "base/text.h"
#include "tests/runner/runner_fixture.h"
#include "tests/support/paths.h"

namespace slipway::runner {
namespace {

/// A directory with the runner in PATH and a pipeline file; no store is needed.
class CompletionScript : public ::testing::Test {
 protected:
  void SetUp() override {
    directory_ =
        std::make_unique<TempDir>(std::move(TempDir::make("/tmp", "completion-test-").value()));
    std::filesystem::create_symlink(testing::runner_program(), directory_->path() + "/runner");
    std::ofstream(directory_->path() + "/.slipway.yml")
        << "jobs:\n  compile: { steps: [make] }\n  test:\n    matrix: { os: [a, b] }\n    steps: "
           "[make]\n";
    std::ofstream(directory_->path() + "/root fs.tar") << "";
  }
  testing::ProgramRun run(const std::vector<std::string>& argv) {
    const char* path = std::getenv("PATH");
    return testing::run_program(argv,
                                {{"PATH", directory_->path() + ":" + (path != nullptr ? path : "")},
                                 {"RUNNER_STATE", directory_->path() + "/state"},
                                 {"HOME", directory_->path()}},
                                "", directory_->path());
  }
  /// What bash would put on the line for `words`, of which the last is being typed; words as bash cuts them.
  std::string bash(const std::vector<std::string>& words, const std::string& line) {
    const std::string script =
        "source <(runner completion bash); COMP_WORDS=(" + shell_join(words) +
        "); COMP_CWORD=" + std::to_string(words.size() - 1) + "; COMP_LINE=" + shell_quote(line) +
        "; COMP_POINT=${#COMP_LINE}; compopt() { :; }; _runner_complete; printf '%s\\n' "
        "\"${COMPREPLY[@]}\"";
    const testing::ProgramRun done = run({"bash", "--norc", "-c", script});
    EXPECT_EQ(done.err, "");
    return done.out;
  }
  bool has(const std::string& shell) {
    return run({"sh", "-c", "command -v " + shell}).exit_code == 0;
  }

  std::unique_ptr<TempDir> directory_;
};

TEST_F(CompletionScript, OfBashOffersCommandsAndOptions) {
  EXPECT_EQ(bash({"runner", "im"}, "runner im"), "image\nimport\nimages\n");
  EXPECT_EQ(bash({"runner", "registry", ""}, "runner registry "), "tags\ninspect\nrm\nreferrers\n");
  EXPECT_EQ(bash({"runner", "exec", "--shell"}, "runner exec --shell"), "--shell-on-failure\n");
}

TEST_F(CompletionScript, OfBashJoinsWordsThatBashCutsAtAnEqualsSign) {
  EXPECT_EQ(bash({"runner", "exec", "--color", "=", "a"}, "runner exec --color=a"),
            "auto\nalways\n");
  EXPECT_EQ(bash({"runner", "exec", "--color", "="}, "runner exec --color="),
            "auto\nalways\nnever\n");
  EXPECT_EQ(bash({"runner", "run", "-v", "/a", ":", "/b", "hos"}, "runner run -v /a:/b hos"),
            "host\n");
}

TEST_F(CompletionScript, OfBashOffersJobsQuotedAndFiles) {
  EXPECT_EQ(bash({"runner", "exec", "--job", "te"}, "runner exec --job te"),
            "test\\ \\(a\\)\ntest\\ \\(b\\)\n");
  EXPECT_EQ(bash({"runner", "import", "root"}, "runner import root"), "root fs.tar\n");
}

TEST_F(CompletionScript, OfZshParses) {
  if (!has("zsh")) GTEST_SKIP() << "zsh is not installed";
  const testing::ProgramRun done =
      run({"zsh", "-f", "-c", "source <(runner completion zsh); whence -w _runner"});
  EXPECT_EQ(done.out, "_runner: function\n") << done.err;
}

TEST_F(CompletionScript, OfFishAnswers) {
  if (!has("fish")) GTEST_SKIP() << "fish is not installed";
  const std::string load = "runner completion fish | source; ";
  EXPECT_EQ(run({"fish", "-c", load + "complete -C 'runner che'"}).out,
            "check\tcheck a pipeline file and explain every mistake\n");
  EXPECT_EQ(run({"fish", "-c", load + "complete -C 'runner exec --job comp'"}).out,
            "compile\thost\n");
  EXPECT_EQ(run({"fish", "-c", load + "complete -C 'runner import root'"}).out, "root fs.tar\n");
}

}  // namespace
}  // namespace slipway::runner
