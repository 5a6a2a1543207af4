// Checks of what an ordinary user needs: subordinate ids, a tun device, a network helper.
#include <fcntl.h>
#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>

#include "base/cancel.h"
#include "base/files.h"
#include "base/sys.h"
#include "base/text.h"
#include "sandbox/doctor/probe.h"
#include "sandbox/ids/sub_ids.h"

namespace slipway::sandbox::doctor {
namespace {

constexpr char kSubIdFix[] = "usermod --add-subuids 100000-165535 --add-subgids 100000-165535 ";

std::string user_name() {
  std::array<char, 4096> buffer{};
  passwd entry{};
  passwd* found = nullptr;
  if (::getpwuid_r(::getuid(), &entry, buffer.data(), buffer.size(), &found) == 0 &&
      found != nullptr) {
    return found->pw_name;
  }
  return std::to_string(::getuid());
}

std::string find_program(const char* name) {
  const char* path = std::getenv("PATH");
  std::string all = path != nullptr ? path : "";
  all += ":/usr/bin:/usr/sbin:/sbin";
  for (const std::string_view directory : split(all, ':')) {
    const std::string candidate = std::string(directory) + "/" + name;
    if (!directory.empty() && ::access(candidate.c_str(), X_OK) == 0) return candidate;
  }
  return "";
}

bool set_id_or_capable(const std::string& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) return false;
  // Some distributions give it a file capability instead of the set-user-id bit.
  return (info.st_mode & S_ISUID) != 0 ||
         ::getxattr(path.c_str(), "security.capability", nullptr, 0) > 0;
}

Status run(const std::vector<std::string>& argv) {
  const auto ran = SLIP_TRY(sys::run_command(argv, CancelToken(), std::chrono::seconds(4)));
  if (ran.exit.code == 0 && !ran.exit.signalled) return {};
  return fail(ErrorCode::kUnsupported, argv[0] + ": " + printable(std::string(trim(ran.err))));
}

// Really maps the range into a user namespace of a child.
Status try_map(const std::string& helper, const IdRange& range) {
  sys::Pipe made = SLIP_TRY(sys::make_pipe());
  const pid_t pid = ::fork();
  if (pid < 0) return fail_errno("probe: fork");
  if (pid == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    const char ready = ::unshare(CLONE_NEWUSER) == 0 ? 1 : 0;
    (void)!::write(made.write.get(), &ready, 1);
    for (;;) ::pause();
  }
  char ready = 0;
  (void)!::read(made.read.get(), &ready, 1);
  const auto mapped = ready == 1
                          ? run({helper, std::to_string(pid), "0", std::to_string(::getuid()), "1",
                                 "1", std::to_string(range.outside), std::to_string(range.count)})
                          : Status(fail(ErrorCode::kUnsupported, "make user namespace"));
  ::kill(pid, SIGKILL);
  ::waitpid(pid, nullptr, 0);
  return mapped;
}

}  // namespace

HostCheck check_sub_ids(const std::string&) {
  if (privileged()) return ok("not needed for root");
  const std::string user = user_name();
  const auto uids = read_sub_ids("/etc/subuid", user, ::getuid(), 1);
  const auto gids = read_sub_ids("/etc/subgid", user, ::getuid(), 1);
  if (!uids || uids->empty() || !gids || gids->empty()) {
    return warn("none for " + user + ": containers have one user id", kSubIdFix + user);
  }
  const std::string helper = find_program("newuidmap");
  if (helper.empty() || find_program("newgidmap").empty()) {
    return warn("newuidmap is missing: containers have one user id", "apt-get install uidmap");
  }
  if (!set_id_or_capable(helper)) {
    return warn(helper + " is not set-user-id root", "chmod u+s " + helper);
  }
  const auto tried = in_child([&] { return try_map(helper, uids->front()); });
  if (!tried) return warn(tried.error().text(), kSubIdFix + user);
  return ok(std::to_string(uids->front().count) + " from " + std::to_string(uids->front().outside));
}

HostCheck check_tun(const std::string&) {
  const Fd tun(::open("/dev/net/tun", O_RDWR | O_CLOEXEC));
  if (tun) return ok("/dev/net/tun opens");
  const Error error = errno_error(errno, "open /dev/net/tun");
  return warn(error.text() + ": no network helper for ordinary users",
              "modprobe tun; chmod 0666 /dev/net/tun");
}

HostCheck check_user_network(const std::string&) {
  for (const char* name : {"pasta", "slirp4netns"}) {
    const std::string path = find_program(name);
    if (path.empty()) continue;
    const auto tried = run({path, "--version"});
    return tried ? ok(path) : warn(tried.error().text(), "apt-get install --reinstall passt");
  }
  return warn("neither pasta nor slirp4netns is installed", "apt-get install passt");
}

}  // namespace slipway::sandbox::doctor
