// Names of cgroup directories and whose they are.
#include "sandbox/limits/group_name.h"

#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <limits>
#include <optional>

#include "base/files.h"
#include "base/text.h"

namespace slipway::sandbox::limits {
namespace {

struct Life {
  std::string start;  // Field 22 of /proc/PID/stat.
  bool over = false;  // Dead, but its parent has not looked yet.
};

// The command name (field 2) may hold spaces and parentheses.
std::optional<Life> life_of(const std::string& pid) {
  const auto stat = read_file("/proc/" + pid + "/stat", 4_KiB);
  if (!stat) return std::nullopt;
  const std::size_t close = stat->rfind(") ");
  if (close == std::string::npos) return std::nullopt;
  const auto fields = split(std::string_view(*stat).substr(close + 2), ' ');
  constexpr std::size_t kStartAfterName =
      22 - 3;  // Fields 1 and 2 are cut off, counting starts at 1.
  if (fields.size() <= kStartAfterName) return std::nullopt;
  return Life{std::string(fields[kStartAfterName]), fields[0] == "Z" || fields[0] == "X"};
}

std::string pid_namespace() {
  struct stat info {};
  if (::stat("/proc/self/ns/pid", &info) != 0) return "0";
  return std::to_string(info.st_ino);
}

}  // namespace

std::string creator_mark() {
  const std::string pid = std::to_string(::getpid());
  const auto life = life_of(pid);
  return pid + "." + (life ? life->start : "0") + "." + pid_namespace();
}

bool made_by_the_dead(const std::string& directory) {
  const auto parts = split(directory, '.');
  if (parts.size() != 4 || parts[3] != pid_namespace()) return false;
  const auto pid = parse_int(parts[1]);
  if (!pid || *pid <= 0 || *pid > std::numeric_limits<pid_t>::max() || !parse_int(parts[2])) {
    return false;
  }
  if (::kill(static_cast<pid_t>(*pid), 0) != 0 && errno == ESRCH) return true;
  // Unreadable (hidepid): give it the benefit of the doubt.
  const auto life = life_of(std::string(parts[1]));
  return life && (life->over || life->start != parts[2]);
}

}  // namespace slipway::sandbox::limits
