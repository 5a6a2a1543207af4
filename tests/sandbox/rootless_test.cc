// The same tests once more as an ordinary user with subordinate ids, and some as one without. The id files are shown to
// that process only, by mounts in a namespace of its own: nothing on the machine changes.
#include <grp.h>
#include <pwd.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>

#include "tests/sandbox/container_fixture.h"
#include "tests/support/paths.h"

namespace slipway::sandbox {
namespace {

// Out of reach of what useradd(8) hands out.
constexpr const char* kSubIds = "nobody:1610612736:65536\n";

bool machine_root() {
  return read_file("/proc/self/uid_map", 4_KiB).value_or("").find("4294967295") !=
             std::string::npos &&
         ::geteuid() == 0;
}

struct Rerun {
  std::string filter;
  std::string sub_ids;
};

class AsOrdinaryUser : public ::testing::Test {
 protected:
  void SetUp() override {
    auto made = TempDir::make("/var/tmp", "slipway-user");
    ASSERT_TRUE(made);
    directory_ = std::make_unique<TempDir>(std::move(*made));
    std::filesystem::permissions(directory_->path(), std::filesystem::perms(0755));
    std::filesystem::copy_file("/proc/self/exe", directory_->path() + "/tests");
    std::filesystem::copy(testing::guest_dir(), directory_->path() + "/guests");
  }

  /// In a new process: becomes nobody and runs the test program again.
  [[noreturn]] void become(const Rerun& rerun, int output) {
    const std::string ids = directory_->path() + "/ids";
    const struct passwd* nobody = ::getpwnam("nobody");
    const bool ready = nobody != nullptr && write_file_atomic(ids, rerun.sub_ids, 0644) &&
                       ::unshare(CLONE_NEWNS) == 0 &&
                       ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
                       show(ids, "/etc/subuid") && show(ids, "/etc/subgid") &&
                       ::setgroups(0, nullptr) == 0 &&
                       ::setresgid(nobody->pw_gid, nobody->pw_gid, nobody->pw_gid) == 0 &&
                       ::setresuid(nobody->pw_uid, nobody->pw_uid, nobody->pw_uid) == 0;
    if (!ready) ::_exit(99);
    ::alarm(300);  // Kept over exec: a run that hangs must not outlive this test.
    ::dup2(output, 1);
    ::dup2(output, 2);
    const std::string guests = "SLIPWAY_TEST_GUESTS=" + directory_->path() + "/guests";
    const std::string filter = "--gtest_filter=" + rerun.filter;
    const std::string program = directory_->path() + "/tests";
    const char* argv[] = {program.c_str(), filter.c_str(), nullptr};
    const char* env[] = {"PATH=/usr/bin:/bin", guests.c_str(), nullptr};
    ::execve(program.c_str(), const_cast<char**>(argv), const_cast<char**>(env));
    ::_exit(98);
  }

  static bool show(const std::string& file, const char* place) {
    if (!path_exists(place))
      return true;  // A machine without the file has no subordinate ids at all.
    return ::mount(file.c_str(), place, nullptr, MS_BIND, nullptr) == 0;
  }

  void run_again(const Rerun& rerun) {
    auto pipe = sys::make_pipe();
    const pid_t pid = ::fork();
    ASSERT_GE(pid, 0);
    if (pid == 0) become(rerun, pipe->write.get());
    pipe->write.reset();
    std::string text;
    char buffer[4096];
    for (ssize_t size; (size = ::read(pipe->read.get(), buffer, sizeof buffer)) > 0;) {
      text.append(buffer, static_cast<std::size_t>(size));
    }
    int status = 0;
    ASSERT_EQ(::waitpid(pid, &status, 0), pid);
    EXPECT_EQ(status, 0) << text;
    EXPECT_NE(text.find("[  PASSED  ]"), std::string::npos) << text;
  }

  std::unique_ptr<TempDir> directory_;
};

// Without delegated cgroups no limit can be enforced, which the engine says in its notices; those tests are left out.
TEST_F(AsOrdinaryUser, EverythingWorksWithSubordinateIds) {
  if (!machine_root()) return;  // Then the whole suite runs as one already.
  run_again({"Container*:CrashStates*:Attack*:Leftovers*:-*OutOfMemory*:*ForkBomb*", kSubIds});
}

TEST_F(AsOrdinaryUser, ExecPeersAndWishesWorkToo) {
  if (!machine_root()) return;
  // Without a cgroup nothing can be paused, counted, or ended among the processes of others.
  run_again(
      {"Exec.*:Wishes.*:Peers.*:Loosening.*:-*Paused*:*IsCountedAndBounded*:*ManyAtOnce*:"
       "*HostProcesses*:*AmongTheHosts*:*ProcessesOfAnother*:*JoiningOne*",
       kSubIds});
}

TEST_F(AsOrdinaryUser, OneIdIsEnoughForContainerRoot) {
  if (!machine_root()) return;
  run_again(
      {"ContainerOutcome.Is*:ContainerProcess.Has*:ContainerProcess.Terminal*:ContainerRoot."
       "HostTools*:-*OutOfMemory*",
       ""});
}

}  // namespace
}  // namespace slipway::sandbox
