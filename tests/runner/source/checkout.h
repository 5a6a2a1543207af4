#pragma once

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <optional>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "base/files.h"
#include "base/sys.h"
#include "base/text.h"
#include "cachestore/store.h"
#include "runner/source/workspace.h"

namespace slipway::runner {

/// A temporary directory with a project folder and a real store; git runs without the tester's configuration.
class CheckoutTest : public ::testing::Test {
 protected:
  void SetUp() override {
    dir_.emplace(*TempDir::make("/tmp", "source-test-"));
    std::filesystem::create_directories(root());
    auto store = cachestore::Store::open({.root = dir_->path() + "/store"});
    ASSERT_TRUE(store) << store.error().text();
    store_ = *std::move(store);
  }
  void TearDown() override {
    store_.reset();
    dir_.reset();
  }

  std::string root() const { return dir_->path() + "/project"; }
  std::string outside() const { return dir_->path(); }

  void write(const std::string& name, const std::string& text, mode_t mode = 0644) const {
    const std::filesystem::path path = root() + "/" + name;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary) << text;
    ::chmod(path.c_str(), mode);
  }
  void link(const std::string& name, const std::string& target) const {
    std::filesystem::create_symlink(target, root() + "/" + name);
  }

  /// Runs `script` in the project with a POSIX shell; returns its output without the last newline.
  std::string shell(const std::string& script) const {
    const std::string prelude = "cd " + shell_quote(root()) + " && set -e\n";
    auto result = sys::run_command(
        {"/usr/bin/env", "-i", "PATH=/usr/local/bin:/usr/bin:/bin", "HOME=" + dir_->path(),
         "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_SYSTEM=/dev/null", "GIT_AUTHOR_NAME=Ann",
         "GIT_AUTHOR_EMAIL=ann@example.com", "GIT_COMMITTER_NAME=Ann",
         "GIT_COMMITTER_EMAIL=ann@example.com", "GIT_COMMITTER_DATE=2024-05-06T07:08:09Z",
         "/bin/sh", "-c", prelude + script},
        CancelToken(), std::chrono::minutes(1));
    EXPECT_TRUE(result) << result.error().text();
    if (!result) return {};
    EXPECT_EQ(result->exit.code, 0) << script << "\n" << result->err;
    std::string out = result->out;
    while (out.ends_with('\n')) out.pop_back();
    return out;
  }
  std::string git(const std::string& arguments) const { return shell("git " + arguments); }
  void init() const { git("init -q -b main ."); }
  void commit(const std::string& message = "x") const {
    git("add -A && git commit -q --allow-empty -m " + shell_quote(message));
  }

  SourceState examine() const {
    auto state = examine_source(root());
    EXPECT_TRUE(state) << state.error().text();
    return state ? *state : SourceState();
  }
  Workspace snapshot() const {
    auto workspace = snapshot_work_tree(examine(), *store_, CancelToken());
    EXPECT_TRUE(workspace) << workspace.error().text();
    return workspace ? *std::move(workspace) : Workspace();
  }
  std::string snapshot_error() const {
    auto state = examine_source(root());
    if (!state) return state.error().text();
    auto workspace = snapshot_work_tree(*state, *store_, CancelToken());
    return workspace ? "" : workspace.error().text();
  }
  Workspace at_commit(const std::string& rev) const {
    auto workspace = snapshot_commit(examine(), rev, *store_, CancelToken());
    EXPECT_TRUE(workspace) << workspace.error().text();
    return workspace ? *std::move(workspace) : Workspace();
  }
  std::string commit_error(const std::string& rev) const {
    auto workspace = snapshot_commit(examine(), rev, *store_, CancelToken());
    return workspace ? "" : workspace.error().text();
  }

  /// Relative paths of everything in a snapshot but directories.
  static std::set<std::string> files_of(const Workspace& workspace) {
    std::set<std::string> names;
    const std::filesystem::path top(workspace.snapshot.path);
    for (const auto& entry : std::filesystem::recursive_directory_iterator(top)) {
      if (entry.is_symlink() || !entry.is_directory())
        names.insert(entry.path().lexically_relative(top).string());
    }
    return names;
  }
  static std::string content(const Workspace& workspace, const std::string& name) {
    std::ifstream in(workspace.snapshot.path + "/" + name, std::ios::binary);
    std::stringstream text;
    text << in.rdbuf();
    return text.str();
  }
  static struct stat info(const Workspace& workspace, const std::string& name) {
    struct stat result {};
    EXPECT_EQ(::lstat((workspace.snapshot.path + "/" + name).c_str(), &result), 0) << name;
    return result;
  }

  using Names = std::set<std::string>;
  std::optional<TempDir> dir_;
  std::shared_ptr<cachestore::Store> store_;
};

}  // namespace slipway::runner
