// Id maps of user namespaces: reading our own, writing a child's, holding one without a process.
#include "sandbox/ids/id_map.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "base/files.h"
#include "base/text.h"
#include "sandbox/launch/child/clone.h"

namespace slipway::sandbox {
namespace {

bool covers(const IdRanges& ranges, std::uint32_t id) {
  return std::any_of(ranges.begin(), ranges.end(), [id](const IdRange& range) {
    return id >= range.inside && id - range.inside < range.count;
  });
}

Result<IdRanges> read_own(const std::string& path) {
  const std::string text = SLIP_TRY(read_file(path, 64_KiB));
  IdRanges ranges;
  for (const std::string_view line : split(text, '\n')) {
    IdRange range;
    if (std::sscanf(std::string(line).c_str(), "%u %u %u", &range.inside, &range.outside,
                    &range.count) != 3)
      continue;
    if (range.inside >= kIdsPerContainer) continue;
    range.outside = range.inside;
    range.count = std::min(range.count, kIdsPerContainer - range.inside);
    ranges.push_back(range);
  }
  return ranges;
}

// The child only waits to be killed: the namespace is all that is wanted of it.
int wait_for_ever(void*) {
  for (;;) ::pause();
}

}  // namespace

bool IdMap::has_user(std::uint32_t id) const { return covers(users, id); }
bool IdMap::has_group(std::uint32_t id) const { return covers(groups, id); }

std::string format_id_ranges(const IdRanges& ranges) {
  std::string text;
  for (const IdRange& range : ranges) {
    text += std::to_string(range.inside) + " " + std::to_string(range.outside) + " " +
            std::to_string(range.count) + "\n";
  }
  return text;
}

Result<IdMap> identity_of_own_namespace() {
  IdMap map;
  map.users = SLIP_TRY(read_own("/proc/self/uid_map"));
  map.groups = SLIP_TRY(read_own("/proc/self/gid_map"));
  const std::string set_groups = SLIP_TRY(read_file("/proc/self/setgroups", 64_KiB));
  map.set_groups = trim(set_groups) == "allow";
  return map;
}

Status write_id_map(pid_t pid, const IdMap& map) {
  const std::string directory = "/proc/" + std::to_string(pid);
  SLIP_TRY(write_control_file(directory + "/uid_map", format_id_ranges(map.users)));
  return write_control_file(directory + "/gid_map", format_id_ranges(map.groups));
}

Result<Fd> make_user_namespace(const IdMap& map) {
  alignas(16) char stack[4096];
  CloneArguments arguments;
  int pidfd = -1;
  arguments.flags = CLONE_NEWUSER | CLONE_VM | CLONE_PIDFD | kCloneClearSignalHandlers;
  arguments.pidfd = reinterpret_cast<std::uint64_t>(&pidfd);
  arguments.stack = reinterpret_cast<std::uint64_t>(&stack[0]);
  arguments.stack_size = sizeof stack;
  const long pid = slipway_clone3(&arguments, sizeof arguments, wait_for_ever, nullptr);
  if (pid < 0) return fail(errno_error(static_cast<int>(-pid), "make user namespace"));
  Fd process(pidfd);
  Status mapped = write_id_map(static_cast<pid_t>(pid), map);
  Result<Fd> space = open_file("/proc/" + std::to_string(pid) + "/ns/user", O_RDONLY);
  ::kill(static_cast<pid_t>(pid), SIGKILL);
  ::waitpid(static_cast<pid_t>(pid), nullptr, __WALL);
  if (!mapped) return fail(std::move(mapped).error());
  return space;
}

}  // namespace slipway::sandbox
