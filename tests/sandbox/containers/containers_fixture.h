#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "base/files.h"
#include "base/sys.h"
#include "sandbox/containers.h"
#include "sandbox/engine.h"
#include "tests/support/tar_writer.h"

namespace slipway::sandbox {

/// A store of its own with the image "busybox" and containers on it; the monitors are this test program.
class ContainersTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const Status entered = enter_engine_namespaces();
    ASSERT_TRUE(entered) << entered.error().text();
    auto made = TempDir::make("/var/tmp", "slipway-containers");
    ASSERT_TRUE(made) << made.error().text();
    directory_ = std::make_unique<TempDir>(std::move(*made));
    state_ = directory_->path() + "/state";
    auto store = cachestore::Store::open({state_, {}, true});
    ASSERT_TRUE(store) << store.error().text();
    store_ = *store;
    import_busybox();
    open();
  }

  void TearDown() override {
    if (containers_) {
      const auto all = containers_->list();
      if (all) {
        for (const ContainerInfo& one : *all) (void)containers_->remove(one.id, {true, true});
      }
    }
    containers_.reset();
    store_.reset();
    // Monitors are our children, and without containers they end: what they still remove is removed by nobody else.
    while (::waitpid(-1, nullptr, 0) > 0) {
    }
  }

  void open() {
    containers_.reset();
    ContainersOptions options;
    options.state_dir = state_;
    options.store = store_;
    auto opened = Containers::open(std::move(options));
    ASSERT_TRUE(opened) << opened.error().text();
    containers_ = *opened;
  }

  void import_busybox() {
    testing::TarWriter tar;
    tar.dir("bin/").file("bin/busybox", read_file("/bin/busybox", 16_MiB).value_or(""), 0755);
    for (const char* name :
         {"sh", "cat", "echo", "sleep", "true", "false", "head", "dd", "stty", "ls", "touch", "rm",
          "mkdir", "id", "yes", "wc", "kill", "test", "grep"})
      tar.symlink(std::string("bin/") + name, "busybox");
    tar.dir("tmp/", 01777)
        .dir("etc/")
        .file("etc/passwd", "root:x:0:0::/root:/bin/sh\nuser:x:7:8::/home:/bin/sh\n");
    const std::string path = directory_->path() + "/busybox.tar";
    ASSERT_TRUE(write_file_atomic(path, tar.finish(), 0600));
    const auto file = open_file(path, O_RDONLY);
    cachestore::ImportRequest request;
    request.fd = file->get();
    request.source = path;
    request.name = *cachestore::Reference::parse("busybox");
    request.config.env = {"PATH=/bin"};
    request.config.cmd = {"/bin/sh"};
    const auto imported = store_->import_image(request, CancelToken());
    ASSERT_TRUE(imported) << imported.error().text();
  }

  static ContainerConfig config(std::vector<std::string> command) {
    ContainerConfig made;
    made.image = "busybox";
    made.command = std::move(command);
    made.network_mode = "none";
    return made;
  }
  static ContainerConfig shell(const std::string& script) { return config({"sh", "-c", script}); }

  std::string create(ContainerConfig wanted, const std::string& name = "") {
    auto id = containers_->create(std::move(wanted), {name});
    EXPECT_TRUE(id) << id.error().text();
    return id.value_or("");
  }
  void start(const std::string& id) {
    const Status started = containers_->start(id);
    EXPECT_TRUE(started) << started.error().text();
  }
  std::string run(ContainerConfig wanted) {
    const std::string id = create(std::move(wanted));
    start(id);
    return id;
  }
  int wait(const std::string& id, WaitCondition condition = WaitCondition::kNotRunning) {
    const auto code = containers_->wait(id, condition, CancelToken(), {});
    EXPECT_TRUE(code) << code.error().text();
    return code.value_or(-1);
  }
  ContainerState state(const std::string& id) {
    auto info = containers_->inspect(id);
    EXPECT_TRUE(info) << info.error().text();
    return info ? info->state : ContainerState();
  }
  std::string logs(const std::string& id, LogRequest request = {}) {
    std::string text;
    const Status read = containers_->logs(
        id, request,
        [&](const LogRecord& record) -> Status {
          text += record.data;
          return {};
        },
        CancelToken());
    EXPECT_TRUE(read) << read.error().text();
    return text;
  }
  Attachment attach(const std::string& id) {
    auto attached = containers_->attach(id);
    EXPECT_TRUE(attached) << attached.error().text();
    return attached ? std::move(*attached) : Attachment{};
  }

  static std::string read_all(int fd) {
    std::string text;
    char buffer[65536];
    for (ssize_t size; (size = ::read(fd, buffer, sizeof buffer)) > 0;)
      text.append(buffer, static_cast<std::size_t>(size));
    return text;
  }
  /// Reads until `wanted` has come; false at the end of the stream or after a minute.
  static bool read_until(int fd, const std::string& wanted, std::string& text) {
    while (text.find(wanted) == std::string::npos) {
      struct pollfd watched = {fd, POLLIN, 0};
      if (::poll(&watched, 1, 60'000) <= 0) return false;
      char buffer[4096];
      const ssize_t size = ::read(fd, buffer, sizeof buffer);
      if (size <= 0) return false;
      text.append(buffer, static_cast<std::size_t>(size));
    }
    return true;
  }
  struct Unframed {
    std::string out, err;
    bool whole = true;
  };
  static Unframed unframe(std::string_view frames) {
    Unframed streams;
    while (frames.size() >= 8) {
      std::size_t length = 0;
      for (int i = 4; i < 8; ++i)
        length = length << 8 | static_cast<unsigned char>(frames[static_cast<std::size_t>(i)]);
      const std::string_view data = frames.substr(8, length);
      (frames[0] == 2 ? streams.err : streams.out) += data;
      if (data.size() < length) break;
      frames.remove_prefix(8 + length);
    }
    streams.whole = frames.empty();
    return streams;
  }

  std::unique_ptr<TempDir> directory_;
  std::string state_;
  std::shared_ptr<cachestore::Store> store_;
  std::shared_ptr<Containers> containers_;
};

}  // namespace slipway::sandbox
