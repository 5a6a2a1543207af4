#pragma once

#include <signal.h>
#include <sys/wait.h>

#include <algorithm>
#include <string>
#include <vector>

#include "base/text.h"
#include "tests/sandbox/containers/containers_fixture.h"

namespace slipway::sandbox {

/// Who watches what is left of killed monitors: processes, directories, mounts, cgroups.
class CrashTest : public ContainersTest {
 protected:
  // Monitors of this state directory, by their command lines.
  std::vector<pid_t> monitors() {
    std::vector<pid_t> found;
    for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
      const auto pid = parse_int(entry.path().filename().string());
      if (!pid) continue;
      const std::string line = read_file(entry.path().string() + "/cmdline", 64_KiB).value_or("");
      if (line.find("__monitor") != std::string::npos && line.find(state_) != std::string::npos)
        found.push_back(static_cast<pid_t>(*pid));
    }
    return found;
  }
  // Waits for their end: their containers may need a moment to die.
  static void await_end(pid_t pid) {
    const auto pidfd = sys::pidfd_open(pid);
    if (pidfd) await_end(*pidfd);
  }
  static void await_end(const Fd& pidfd) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    EXPECT_TRUE(sys::wait_readable(pidfd.get(), deadline).value_or(false));
  }

  static std::vector<std::string> names_in(const std::string& directory) {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(directory))
      names.push_back(entry.path().filename().string());
    return names;
  }
  static std::size_t mounts() {
    const std::string text = read_file("/proc/self/mountinfo", 4_MiB).value_or("");
    return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
  }
  static std::vector<std::string> cgroups_of(const std::vector<std::string>& ids) {
    std::vector<std::string> found;
    std::error_code ignored;
    for (auto entry = std::filesystem::recursive_directory_iterator(
             "/sys/fs/cgroup", std::filesystem::directory_options::skip_permission_denied, ignored);
         entry != std::filesystem::recursive_directory_iterator(); entry.increment(ignored)) {
      const std::string name = entry->path().filename().string();
      for (const std::string& id : ids)
        if (name.starts_with(id)) found.push_back(name);
    }
    return found;
  }

  void expect_consistent() {
    const auto all = containers_->list();
    ASSERT_TRUE(all) << all.error().text();
    for (const ContainerInfo& one : *all) {
      ids_.push_back(one.id);
      EXPECT_EQ(containers_->resolve(one.name).value_or(""), one.id);
    }
  }
  void expect_clean_after_removal() {
    const auto all = containers_->list();
    ASSERT_TRUE(all) << all.error().text();
    for (const ContainerInfo& one : *all) {
      const Status removed = containers_->remove(one.id, {true, true});
      EXPECT_TRUE(removed || removed.error().code() == ErrorCode::kNotFound)
          << removed.error().text();
    }
    for (const pid_t pid : monitors()) await_end(pid);
    open();  // Sweeps.
    for (const char* part : {"by-name", ".making", ".leaving", ".running"})
      EXPECT_EQ(names_in(state_ + "/containers/" + part), std::vector<std::string>()) << part;
    EXPECT_TRUE(containers_->list()->empty());
    EXPECT_EQ(cgroups_of(ids_), std::vector<std::string>());
  }

  std::vector<std::string> ids_;
};

}  // namespace slipway::sandbox
