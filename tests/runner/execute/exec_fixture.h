#pragma once

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "base/files.h"
#include "base/json.h"
#include "base/sys.h"
#include "base/text.h"
#include "tests/support/paths.h"

namespace slipway::runner {

/// A project folder and a state folder of its own; runs the real binary in them.
class ExecTest : public ::testing::Test {
 protected:
  void SetUp() override {
    dir_.emplace(*TempDir::make("/tmp", "exec-test-"));
    ASSERT_TRUE(make_dirs(project(), 0755));
  }
  std::string project() const { return dir_->path() + "/project"; }
  virtual std::string state() const { return dir_->path() + "/state"; }

  void write(const std::string& name, const std::string& text) const {
    const std::string path = project() + "/" + name;
    std::filesystem::create_directories(std::filesystem::path(path).parent_path());
    std::ofstream(path, std::ios::binary) << text;
  }
  std::string read(const std::string& path) const {
    std::ifstream in(path.starts_with('/') ? path : project() + "/" + path, std::ios::binary);
    std::stringstream text;
    text << in.rdbuf();
    return text.str();
  }

  struct Ran {
    int code = -1;
    std::string out;
    std::string err;
    std::string all() const { return out + err; }
  };
  /// Through sh, so that a test can put variables and redirections around it.
  Ran shell(const std::string& command) const {
    const auto result =
        sys::run_command({"/bin/sh", "-c", "cd " + shell_quote(project()) + " && " + command},
                         CancelToken(), std::chrono::minutes(2));
    EXPECT_TRUE(result) << (result ? "" : result.error().text());
    if (!result) return {};
    return {result->exit.signalled ? 128 + result->exit.code : result->exit.code, result->out,
            result->err};
  }
  Ran runner(const std::string& arguments, const std::string& environment = "") const {
    return shell("RUNNER_STATE=" + shell_quote(state()) + " NO_COLOR=1 " + environment + " " +
                 testing::runner_program() + " " + arguments);
  }
  Ran exec(const std::string& pipeline, const std::string& arguments = "",
           const std::string& environment = "") const {
    write(".slipway.yml", pipeline);
    return runner("exec --progress plain " + arguments, environment);
  }
  /// The events of a json run.
  std::vector<Json> events(const std::string& pipeline, const std::string& arguments = "") const {
    write(".slipway.yml", pipeline);
    const Ran ran = runner("exec --progress json " + arguments);
    std::vector<Json> events;
    for (const std::string_view line : split(ran.out, '\n')) {
      if (line.empty()) continue;
      Result<Json> event = parse_json(line);
      EXPECT_TRUE(event) << line;
      if (event) events.push_back(*std::move(event));
    }
    return events;
  }

  std::optional<TempDir> dir_;
};

}  // namespace slipway::runner
