#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/fd.h"
#include "base/result.h"

namespace slipway::sandbox::limits {

/// One cgroup directory in one hierarchy. Moved around; does not remove itself.
class GroupDir {
 public:
  /// mkdir and open. kNotFound when the parent is missing, kExists when the group is there already.
  static Result<GroupDir> make(const std::string& parent, const std::string& name);
  static Result<GroupDir> open(const std::string& path);

  /// One write(2) on an existing file of the group. kNotFound when the controller (or this file of
  /// it) is not there.
  Status write(const char* file, std::string_view value) const;
  Result<std::string> read(const char* file) const;
  /// "name value" lines (memory.events, cpu.stat): the number behind `name`.
  std::optional<unsigned long long> field(const char* file, std::string_view name) const;
  std::optional<unsigned long long> number(const char* file) const;
  Result<Fd> open_file(const char* file, int flags) const;

  int fd() const { return fd_.get(); }
  const std::string& path() const { return path_; }

 private:
  GroupDir(std::string path, Fd fd) : path_(std::move(path)), fd_(std::move(fd)) {}
  std::string path_;
  Fd fd_;
};

/// Pids in the group, as cgroup.procs has them.
std::vector<int> members(const GroupDir& group);
/// SIGKILL to every member. Where there is no cgroup.kill a fork may escape one round, so the
/// caller stops forking first (pids.max = 0) or repeats.
void kill_members(const GroupDir& group);
/// rmdir, repeated while the kernel still has dying members in it (EBUSY), for at most `patience`.
/// Missing is fine.
bool remove_group(const std::string& path, std::chrono::milliseconds patience);

}  // namespace slipway::sandbox::limits
