// One cgroup directory: its control files, its members, its removal. Knows no controller.
#include "sandbox/limits/group_dir.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/files.h"
#include "base/sys.h"
#include "base/text.h"

namespace slipway::sandbox::limits {
namespace {

// cgroup.procs of a group with pid_max members.
constexpr ByteCount kControlFileLimit = 64_MiB;

// A group that was removed after we opened it says ENODEV.
tl::unexpected<Error> group_error(const std::string& doing) {
  if (errno != ENODEV) return fail_errno(doing);
  return fail(ErrorCode::kNotFound, doing + ": the cgroup is gone", ENODEV);
}

}  // namespace

Result<GroupDir> GroupDir::make(const std::string& parent, const std::string& name) {
  const std::string path = parent + "/" + name;
  if (::mkdir(path.c_str(), 0755) != 0) return fail_errno("make cgroup " + path);
  auto group = open(path);
  if (!group) ::rmdir(path.c_str());
  return group;
}

Result<GroupDir> GroupDir::open(const std::string& path) {
  Fd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW));
  if (!fd) return fail_errno("open cgroup " + path);
  return GroupDir(path, std::move(fd));
}

Result<Fd> GroupDir::open_file(const char* file, int flags) const {
  Fd fd(::openat(fd_.get(), file, flags | O_CLOEXEC));
  if (!fd) return group_error("open " + path_ + "/" + file);
  return fd;
}

Status GroupDir::write(const char* file, std::string_view value) const {
  const Fd fd = SLIP_TRY(open_file(file, O_WRONLY));
  if (::write(fd.get(), value.data(), value.size()) < 0) {
    return group_error("write \"" + std::string(value) + "\" to " + path_ + "/" + file);
  }
  return {};
}

Result<std::string> GroupDir::read(const char* file) const {
  const Fd fd = SLIP_TRY(open_file(file, O_RDONLY));
  return read_fd(fd.get(), kControlFileLimit, path_ + "/" + file);
}

std::optional<unsigned long long> GroupDir::field(const char* file, std::string_view name) const {
  const auto text = read(file);
  if (!text) return std::nullopt;
  for (std::string_view line : split(*text, '\n')) {
    const std::size_t space = line.find(' ');
    if (space == std::string_view::npos || line.substr(0, space) != name) continue;
    const auto value = parse_int(line.substr(space + 1));
    if (value && *value >= 0) return static_cast<unsigned long long>(*value);
  }
  return std::nullopt;
}

std::optional<unsigned long long> GroupDir::number(const char* file) const {
  const auto text = read(file);
  if (!text) return std::nullopt;
  const auto value = parse_int(trim(*text));
  if (!value || *value < 0) return std::nullopt;
  return static_cast<unsigned long long>(*value);
}

std::vector<int> members(const GroupDir& group) {
  std::vector<int> pids;
  const auto text = group.read("cgroup.procs");
  if (!text) return pids;
  for (std::string_view line : split(*text, '\n')) {
    const auto pid = parse_int(line);
    if (pid && *pid > 0) pids.push_back(static_cast<int>(*pid));
  }
  return pids;
}

void kill_members(const GroupDir& group) {
  struct Candidate {
    int pid;
    Fd pidfd;
  };
  std::vector<Candidate> candidates;
  for (const int pid : members(group)) {
    auto pidfd = sys::pidfd_open(pid);
    if (pidfd) candidates.push_back({pid, std::move(*pidfd)});
  }
  // A pid that is still listed after its descriptor was opened cannot have been handed to a
  // stranger in between.
  const std::vector<int> still = members(group);
  for (const Candidate& candidate : candidates) {
    if (std::find(still.begin(), still.end(), candidate.pid) == still.end()) continue;
    (void)sys::pidfd_signal(candidate.pidfd.get(), SIGKILL);
  }
}

bool remove_group(const std::string& path, std::chrono::milliseconds patience) {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  // Dying members leave within microseconds as a rule; there is no event for it on v1, so look
  // again at growing intervals.
  for (long pause_us = 100;; pause_us = std::min(pause_us * 2, 20'000L)) {
    if (::rmdir(path.c_str()) == 0 || errno == ENOENT) return true;
    if (errno != EBUSY || std::chrono::steady_clock::now() >= deadline) return false;
    const timespec pause{0, pause_us * 1000};
    ::nanosleep(&pause, nullptr);
  }
}

}  // namespace slipway::sandbox::limits
