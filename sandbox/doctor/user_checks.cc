// Checks of what an ordinary user needs: subordinate ids, a tun device, a network helper.
#include <fcntl.h>
#include <pwd.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>

#include "base/files.h"
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
    if (!path.empty()) return ok(path);
  }
  return warn("neither pasta nor slirp4netns is installed", "apt-get install passt");
}

}  // namespace slipway::sandbox::doctor
