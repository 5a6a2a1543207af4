// The doctor's checks: each really tries, says what it found, and leaves nothing.
#include "sandbox/doctor.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/files.h"
#include "sandbox/doctor/probe.h"

namespace slipway::sandbox {
namespace {

using Status = HostCheck::Status;

const HostCheck* find(const std::vector<HostCheck>& checks, std::string_view name) {
  const auto at = std::find_if(checks.begin(), checks.end(),
                               [&](const HostCheck& check) { return check.name == name; });
  return at == checks.end() ? nullptr : &*at;
}

std::string all_of(const std::vector<HostCheck>& checks) {
  std::string text;
  for (const HostCheck& check : checks) {
    text += check.name + ": " + std::to_string(static_cast<int>(check.status)) + " " +
            check.detail + " | " + check.fix + "\n";
  }
  return text;
}

class Doctor : public ::testing::Test {
 protected:
  void SetUp() override {
    auto made = TempDir::make("/var/tmp", "slipway-test");
    ASSERT_TRUE(made) << made.error().text();
    directory_ = std::make_unique<TempDir>(std::move(*made));
  }
  std::unique_ptr<TempDir> directory_;
};

TEST_F(Doctor, FindsThisMachineAbleToRunContainers) {
  const auto checks = examine_host(directory_->path());
  for (const char* name :
       {"kernel", "user namespaces", "process descriptors", "path resolution", "system call filter",
        "overlay", "shifted mounts", "cgroups", "process limit", "memory limit", "processor limit",
        "joining containers", "pausing", "device rules", "AppArmor"}) {
    const HostCheck* check = find(checks, name);
    ASSERT_NE(check, nullptr) << name;
    EXPECT_EQ(check->status, Status::kOk) << name << ": " << check->detail;
  }
}

TEST_F(Doctor, EveryCheckSaysWhatItFoundAndEveryTroubleHowToMendIt) {
  const auto checks = examine_host(directory_->path());
  for (const HostCheck& check : checks) {
    EXPECT_FALSE(check.name.empty());
    EXPECT_FALSE(check.detail.empty()) << check.name;
    EXPECT_EQ(check.status == Status::kOk, check.fix.empty()) << check.name;
    EXPECT_EQ(std::count_if(checks.begin(), checks.end(),
                            [&](const HostCheck& other) { return other.name == check.name; }),
              1);
  }
}

TEST_F(Doctor, LeavesNothingBehind) {
  const auto mounts = read_file("/proc/self/mountinfo", 16_MiB);
  // In a process of its own, which has no children of other tests.
  const pid_t child = ::fork();
  if (child == 0) {
    (void)examine_host(directory_->path());
    const bool alone = ::waitpid(-1, nullptr, WNOHANG) == -1 && errno == ECHILD;
    ::_exit(alone ? 0 : 1);
  }
  int status = -1;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(read_file("/proc/self/mountinfo", 16_MiB).value(), mounts.value());
  const Fd dir = open_file(directory_->path(), O_RDONLY | O_DIRECTORY).value();
  EXPECT_TRUE(list_dir(dir.get(), directory_->path())->empty());
}

TEST_F(Doctor, StateDirectoryNeedNotExist) {
  const std::string wanted = directory_->path() + "/not/yet/there";
  const auto checks = examine_host(wanted);
  EXPECT_EQ(find(checks, "overlay")->status, Status::kOk) << all_of(checks);
  EXPECT_NE(find(checks, "state directory")->detail.find(wanted), std::string::npos);
  EXPECT_FALSE(path_exists(directory_->path() + "/not"));
}

TEST_F(Doctor, StrangeStateDirectoriesAreTroubleNotACrash) {
  for (const char* path : {"", "relative/path", "/proc", "/dev/null", "/proc/self/fd/999/x"}) {
    EXPECT_EQ(examine_host(path).size(), examine_host("/").size()) << path;
  }
}

TEST_F(Doctor, AnOrdinaryUserIsToldWhatIsMissing) {
  ASSERT_EQ(::chmod(directory_->path().c_str(), 0777), 0);
  const auto told = doctor::in_child([&]() -> slipway::Status {
    if (::setgid(65534) != 0 || ::setuid(65534) != 0) return fail_errno("drop privileges");
    ::prctl(PR_SET_DUMPABLE, 1);  // As after exec: else /proc/self belongs to root.
    const auto checks = examine_host(directory_->path());
    const HostCheck* ids = find(checks, "subordinate ids");
    const bool right = ids->status == Status::kWarn && ids->fix.rfind("usermod ", 0) == 0 &&
                       find(checks, "memory limit")->status == Status::kWarn &&
                       find(checks, "overlay for users")->status == Status::kOk;
    return right ? slipway::Status{} : fail(ErrorCode::kInternal, all_of(checks));
  });
  EXPECT_TRUE(told) << told.error().text();
}

TEST(DoctorProbe, ErrorsComeBackFromTheChildWhole) {
  const auto status = doctor::in_child(
      [] { return slipway::Status(fail(ErrorCode::kExhausted, "try it: full", ENOSPC)); });
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code(), ErrorCode::kExhausted);
  EXPECT_EQ(status.error().sys_errno(), ENOSPC);
  EXPECT_EQ(status.error().text(), "try it: full");
}

TEST(DoctorProbe, AChildThatDiesIsAnError) {
  const auto status = doctor::in_child([]() -> slipway::Status {
    ::raise(SIGKILL);
    return {};
  });
  ASSERT_FALSE(status);
  EXPECT_NE(status.error().text().find("ended by signal 9"), std::string::npos);
}

}  // namespace
}  // namespace slipway::sandbox
