#pragma once

#include "tests/runner/execute/exec_fixture.h"

namespace slipway::runner {

inline bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

/// Projects whose store holds the image `busybox`, made once for all tests of a suite.
class ImageExecTest : public ExecTest {
 protected:
  static void SetUpTestSuite() {
    // Not /tmp: overlays do not stand on every tmpfs.
    auto made = TempDir::make("/var/tmp", "exec-images-");
    ASSERT_TRUE(made) << made.error().text();
    shared_ = std::make_unique<TempDir>(std::move(*made));
    const std::string root = shared_->path() + "/root";
    for (const char* dir : {"bin", "etc", "tmp", "root", "www"})
      std::filesystem::create_directories(root + "/" + dir);
    std::filesystem::copy_file("/bin/busybox", root + "/bin/busybox");
    for (const char* tool :
         {"sh",    "cat",  "echo", "id",    "sleep", "ls",    "env",      "nc",   "wget",
          "httpd", "test", "true", "touch", "rm",    "mkdir", "nslookup", "grep", "dd",
          "date",  "seq",  "find", "wc",    "mv",    "cp",    "ln",       "chmod"})
      std::filesystem::create_symlink("busybox", root + "/bin/" + tool);
    std::ofstream(root + "/etc/passwd")
        << "root:x:0:0:root:/root:/bin/sh\napp:x:1000:1000::/tmp:/bin/sh\n";
    std::ofstream(root + "/etc/group") << "root:x:0:\napp:x:1000:\n";
    std::ofstream(root + "/www/index.html") << "hello from the service\n";
    const std::string made_image = "cd " + shared_->path() +
                                   " && tar -C root --owner=0 --group=0 -cf root.tar . && " +
                                   "RUNNER_STATE=" + shared_->path() + "/state " +
                                   testing::runner_program() + " image import root.tar busybox";
    const auto ran =
        sys::run_command({"/bin/sh", "-c", made_image}, CancelToken(), std::chrono::minutes(2));
    ASSERT_TRUE(ran && ran->exit.code == 0) << (ran ? ran->err : ran.error().text());
  }
  static void TearDownTestSuite() { shared_.reset(); }
  std::string state() const override { return shared_->path() + "/state"; }

  static inline std::unique_ptr<TempDir> shared_;
};

}  // namespace slipway::runner
