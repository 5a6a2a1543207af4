// The engine's own mount namespace and, for an ordinary user, its user namespace.
#include "sandbox/ids/engine_namespaces.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cancel.h"
#include "base/files.h"
#include "base/guarded.h"
#include "base/sys.h"
#include "sandbox/engine.h"
#include "sandbox/ids/id_map.h"
#include "sandbox/ids/sub_ids.h"

namespace slipway::sandbox {
namespace {

struct Entered {
  bool done = false;
  EngineNamespaces what;
};
Guarded<Entered>& entered() {
  static Guarded<Entered> state;
  return state;
}

Status check_single_thread() {
  Fd tasks = SLIP_TRY(open_file("/proc/self/task", O_RDONLY | O_DIRECTORY));
  const auto threads = SLIP_TRY(list_dir(tasks.get(), "/proc/self/task"));
  if (threads.size() == 1) return {};
  return fail(ErrorCode::kInternal, "enter namespaces: the process has " +
                                        std::to_string(threads.size()) + " threads already");
}

// CAP_SYS_ADMIN over the machine's own mounts, not merely inside somebody's user namespace.
bool is_privileged() {
  if (::geteuid() != 0) return false;
  const auto map = read_file("/proc/self/uid_map", 4_KiB);
  return map && std::string_view(*map).find("4294967295") != std::string_view::npos;
}

Status become_slave_of_host_mounts() {
  if (::mount(nullptr, "/", nullptr, MS_REC | MS_SLAVE, nullptr) != 0)
    return fail_errno("make mounts private");
  return {};
}

Status enter_as_root() {
  if (::unshare(CLONE_NEWNS) != 0) return fail_errno("make a mount namespace");
  return become_slave_of_host_mounts();
}

struct User {
  uid_t uid = 0;
  gid_t gid = 0;
  std::string name;
};

// The maps that newuidmap may write: own id as 0, then the subordinate ids from 1 on.
Result<IdMap> wanted_map(const User& user) {
  IdMap map;
  map.users = SLIP_TRY(read_sub_ids("/etc/subuid", user.name, user.uid, 1));
  map.groups = SLIP_TRY(read_sub_ids("/etc/subgid", user.name, user.uid, 1));
  if (map.users.empty() || map.groups.empty()) {
    return fail(ErrorCode::kNotFound,
                "user " + user.name + " has no subordinate ids in /etc/subuid and /etc/subgid");
  }
  map.users.insert(map.users.begin(), {0, user.uid, 1});
  map.groups.insert(map.groups.begin(), {0, user.gid, 1});
  return map;
}

Status run_map_helper(const char* program, pid_t pid, const IdRanges& ranges) {
  std::vector<std::string> argv = {program, std::to_string(pid)};
  for (const IdRange& range : ranges) {
    for (const std::uint32_t number : {range.inside, range.outside, range.count})
      argv.push_back(std::to_string(number));
  }
  const auto result = SLIP_TRY(sys::run_command(argv, CancelToken(), std::chrono::seconds(10)));
  if (result.exit.code == 0 && !result.exit.signalled) return {};
  return fail(ErrorCode::kPermission, std::string(program) + ": " + std::string(result.err));
}

// Runs in a child that stays in the old namespace, where the set-id helpers have their power.
int map_from_outside(int ready, pid_t pid, const IdMap& map) {
  char byte;
  if (::read(ready, &byte, 1) != 1) return 1;
  if (!run_map_helper("newuidmap", pid, map.users)) return 1;
  return run_map_helper("newgidmap", pid, map.groups) ? 0 : 1;
}

Status map_single_id(const User& user) {
  SLIP_TRY(write_control_file("/proc/self/setgroups", "deny"));
  SLIP_TRY(write_control_file("/proc/self/uid_map", "0 " + std::to_string(user.uid) + " 1\n"));
  return write_control_file("/proc/self/gid_map", "0 " + std::to_string(user.gid) + " 1\n");
}

Error explain_refusal(int error) {
  std::string text = "make a user namespace: " + errno_error(error, "unshare").text();
  const auto limit = read_file("/proc/sys/user/max_user_namespaces", 4_KiB);
  if (limit && *limit == "0\n") {
    text += " (user.max_user_namespaces is 0; allow them: sysctl user.max_user_namespaces=15000)";
  } else if (path_exists("/proc/sys/kernel/unprivileged_userns_clone")) {
    text += " (allow them: sysctl kernel.unprivileged_userns_clone=1)";
  } else if (path_exists("/proc/sys/kernel/apparmor_restrict_unprivileged_userns")) {
    text += " (allow them: sysctl kernel.apparmor_restrict_unprivileged_userns=0)";
  }
  return Error(ErrorCode::kUnsupported, text, error);
}

// Forks the helper first, then enters the namespace; true when the helper mapped the subordinate ids.
Result<bool> unshare_and_map(const IdMap* map) {
  sys::Pipe ready = SLIP_TRY(sys::make_pipe());
  const pid_t self = ::getpid();
  pid_t helper = -1;
  if (map != nullptr) {
    helper = ::fork();
    if (helper < 0) return fail_errno("start id map helper");
    if (helper == 0) {
      ready.write.reset();
      ::_exit(map_from_outside(ready.read.get(), self, *map));
    }
  }
  const int error = ::unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0 ? 0 : errno;
  if (error == 0 && ::write(ready.write.get(), "x", 1) != 1)
    return fail_errno("wake id map helper");
  ready.write.reset();
  int status = 1;
  if (helper > 0) ::waitpid(helper, &status, 0);
  if (error != 0) return fail(explain_refusal(error));
  return status == 0;
}

Result<EngineNamespaces> enter_as_user() {
  SLIP_TRY(check_single_thread());
  EngineNamespaces made;
  User user{::geteuid(), ::getegid(), std::to_string(::geteuid())};
  if (const struct passwd* entry = ::getpwuid(user.uid)) user.name = entry->pw_name;
  const Result<IdMap> map = wanted_map(user);
  const bool mapped = SLIP_TRY(unshare_and_map(map ? &*map : nullptr));
  if (!mapped) {
    SLIP_TRY_WITHIN("map own id", map_single_id(user));
    made.notices.push_back(
        "only one user id in containers: " +
        (map ? std::string("newuidmap failed (install package uidmap)") : map.error().text()));
  }
  if (::setresgid(0, 0, 0) != 0 || ::setresuid(0, 0, 0) != 0)
    return fail_errno("become root of the user namespace");
  if (mapped && ::setgroups(0, nullptr) != 0) return fail_errno("drop groups");
  SLIP_TRY(become_slave_of_host_mounts());
  return made;
}

}  // namespace

Result<EngineNamespaces> engine_namespaces() {
  return entered().with([](Entered& state) -> Result<EngineNamespaces> {
    if (!state.done)
      return fail(ErrorCode::kInternal, "open engine: enter_engine_namespaces was not called");
    return state.what;
  });
}

Status enter_engine_namespaces() {
  return entered().with([](Entered& state) -> Status {
    if (state.done) return {};
    if (is_privileged()) {
      SLIP_TRY(enter_as_root());
      state.what.privileged = true;
    } else {
      state.what = SLIP_TRY(enter_as_user());
    }
    state.done = true;
    return {};
  });
}

Status adopt_engine_namespaces() {
  return entered().with([](Entered& state) -> Status {
    if (state.done) return {};
    SLIP_TRY(enter_as_root());
    state.done = true;
    return {};
  });
}

}  // namespace slipway::sandbox
