#pragma once

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "base/files.h"
#include "tests/support/paths.h"
#include "tests/support/program.h"

namespace slipway::runner {

/// The runner program on a store of its own that holds the image `busybox`, made once for all tests of a suite.
class RunnerTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    auto made = TempDir::make("/var/tmp", "runner-test-");
    ASSERT_TRUE(made) << made.error().text();
    directory_ = std::make_unique<TempDir>(std::move(*made));
    make_root(directory_->path() + "/root");
    const auto packed = testing::run_program(
        {"tar", "-C", root_dir(), "--owner=0", "--group=0", "-cf", archive(), "."});
    ASSERT_EQ(packed.exit_code, 0) << packed.err;
    const auto imported = runner({"image", "import", archive(), "busybox"});
    ASSERT_EQ(imported.exit_code, 0) << imported.err;
  }
  static void TearDownTestSuite() { directory_.reset(); }

  static std::string root_dir() { return directory_->path() + "/root"; }
  static std::string archive() { return directory_->path() + "/root.tar"; }
  static std::string state() { return directory_->path() + "/state"; }
  static std::map<std::string, std::string> environment() {
    // Most tests are about something else than networks, and none is faster.
    return {{"RUNNER_STATE", state()},
            {"NO_COLOR", "1"},
            {"CI", ""},
            {"TERM", "xterm"},
            {"RUNNER_NETWORK", "none"}};
  }
  static std::vector<std::string> command_line(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), testing::runner_program());
    return arguments;
  }
  static testing::ProgramRun runner(std::vector<std::string> arguments,
                                    const std::string& input = "") {
    return testing::run_program(command_line(std::move(arguments)), environment(), input,
                                directory_->path());
  }
  /// `runner run --rm OPTIONS... busybox sh -c SCRIPT`
  static testing::ProgramRun shell(const std::string& script, std::vector<std::string> options = {},
                                   const std::string& input = "") {
    options.insert(options.begin(), {"run", "--rm"});
    options.insert(options.end(), {"busybox", "sh", "-c", script});
    return runner(std::move(options), input);
  }

  static void make_root(const std::string& root) {
    for (const char* dir : {"bin", "etc", "tmp", "root", "home/app"})
      std::filesystem::create_directories(root + "/" + dir);
    std::filesystem::copy_file("/bin/busybox", root + "/bin/busybox");
    for (const char* tool : {"sh", "cat",    "echo",     "id",    "sleep", "stty",  "tty",  "wc",
                             "ls", "env",    "hostname", "touch", "yes",   "head",  "true", "grep",
                             "rm", "mkfifo", "chmod",    "mkdir", "ln",    "chown", "test"}) {
      std::filesystem::create_symlink("busybox", root + "/bin/" + tool);
    }
    std::ofstream(root + "/etc/passwd")
        << "root:x:0:0:root:/root:/bin/sh\napp:x:1000:1000::/home/app:/bin/sh\n";
    std::ofstream(root + "/etc/group") << "root:x:0:\napp:x:1000:\nextra:x:55:app\n";
    std::ofstream(root + "/etc/plain") << "not a program\n";
  }

  static inline std::unique_ptr<TempDir> directory_;
};

}  // namespace slipway::runner
