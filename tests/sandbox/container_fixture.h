#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "base/files.h"
#include "base/sys.h"
#include "sandbox/engine.h"
#include "tests/support/paths.h"

namespace slipway::sandbox {

/// What a finished container left: its outcome and all it printed (at most a pipe's capacity each).
struct Ran {
  Outcome outcome;
  std::string out;
  std::string err;
};

/// A store of its own with one layer that holds the guest programs in /bin; every run gets a fresh upper.
class ContainerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto made = TempDir::make("/var/tmp", "slipway-test");
    ASSERT_TRUE(made) << made.error().text();
    directory_ = std::make_unique<TempDir>(std::move(*made));
    store_ = directory_->path();
    base_ = store_ + "/snapshots/base/fs";
    ASSERT_TRUE(make_dirs(base_ + "/bin", 0755));
    const char* elsewhere =
        std::getenv("SLIPWAY_TEST_GUESTS");  // Where an ordinary user can read them.
    for (const auto& guest : std::filesystem::directory_iterator(
             elsewhere != nullptr ? elsewhere : testing::guest_dir())) {
      std::filesystem::copy_file(guest.path(), base_ + "/bin/" + guest.path().filename().string());
    }
    auto engine = Engine::open({store_});
    ASSERT_TRUE(engine) << engine.error().text();
    engine_ = std::move(*engine);
  }

  /// A spec that runs `argv` on the base layer below a fresh upper.
  ContainerSpec spec(std::vector<std::string> argv) {
    ContainerSpec made;
    const std::string number = std::to_string(next_++);
    made.name = "test-" + std::to_string(::getpid()) + "-" + number;
    made.root.stack = fresh_stack();
    made.process.argv = std::move(argv);
    made.process.env = {"PATH=/bin"};
    return made;
  }

  OverlayStack fresh_stack() {
    const std::string draft = store_ + "/drafts/" + std::to_string(next_++);
    EXPECT_TRUE(make_dirs(draft + "/fs", 0755));
    EXPECT_TRUE(make_dirs(draft + "/work", 0755));
    return {{base_}, draft + "/fs", draft + "/work"};
  }

  static std::string drain(int fd) {
    std::string text;
    char buffer[4096];
    for (ssize_t size; (size = ::read(fd, buffer, sizeof buffer)) > 0;)
      text.append(buffer, static_cast<std::size_t>(size));
    return text;
  }

  Ran run(ContainerSpec wanted, std::optional<Millis> timeout = std::nullopt) {
    auto out = sys::make_pipe();
    auto err = sys::make_pipe();
    wanted.process.stdout_fd = out->write.get();
    wanted.process.stderr_fd = err->write.get();
    auto container = engine_->start(wanted);
    out->write.reset();
    err->write.reset();
    Ran ran;
    if (!container) {
      ADD_FAILURE() << container.error().text();
      return ran;
    }
    std::optional<MonoTime> deadline;
    if (timeout) deadline = std::chrono::steady_clock::now() + *timeout;
    ran.outcome = (*container)->wait(CancelToken(), deadline, {SIGTERM, Millis(50)});
    ran.out = drain(out->read.get());
    ran.err = drain(err->read.get());
    return ran;
  }
  Ran run_argv(std::vector<std::string> argv) { return run(spec(std::move(argv))); }
  /// Standard output of a command that must succeed.
  std::string output(ContainerSpec wanted) {
    const Ran ran = run(std::move(wanted));
    EXPECT_TRUE(ran.outcome.success()) << ran.outcome.describe() << "\n" << ran.out << ran.err;
    return ran.out;
  }
  std::string output_of(std::vector<std::string> argv) { return output(spec(std::move(argv))); }

  std::unique_ptr<TempDir> directory_;
  std::string store_;
  std::string base_;
  std::unique_ptr<Engine> engine_;
  int next_ = 0;
};

}  // namespace slipway::sandbox
