// Which cgroup hierarchies exist and where we are in them. Reads two files of /proc, decides
// nothing.
#include "sandbox/limits/hierarchies.h"

#include <vector>

#include "base/files.h"
#include "base/text.h"

namespace slipway::sandbox::limits {
namespace {

// Both files are made by the kernel; a machine with thousands of mounts stays below this.
constexpr ByteCount kProcFileLimit = 8_MiB;

struct MountLine {
  std::string root;   // Directory of the hierarchy that is mounted.
  std::string point;  // Where.
  std::string type;
  std::string options;  // Of the super block; for v1 the controllers.
};

// Spec: proc(5), /proc/PID/mountinfo: space, tab, newline and backslash are octal escapes.
std::string unescape_octal(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 3 < text.size() && text[i + 1] >= '0' && text[i + 1] <= '3') {
      const int value = (text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 + (text[i + 3] - '0');
      out.push_back(static_cast<char>(value));
      i += 3;
    } else {
      out.push_back(text[i]);
    }
  }
  return out;
}

std::optional<MountLine> parse_mount_line(std::string_view line) {
  const auto words = split(line, ' ');
  std::size_t dash = 6;
  while (dash < words.size() && words[dash] != "-") ++dash;
  if (dash + 3 >= words.size()) return std::nullopt;
  return MountLine{unescape_octal(words[3]), unescape_octal(words[4]), std::string(words[dash + 1]),
                   std::string(words[dash + 3])};
}

// Controllers as named in /proc/self/cgroup -> our group's path. The unified tree has the empty
// name.
std::map<std::string, std::string, std::less<>> parse_own(std::string_view text) {
  std::map<std::string, std::string, std::less<>> own;
  for (std::string_view line : split(text, '\n')) {
    const std::size_t first = line.find(':');
    const std::size_t second = line.find(':', first + 1);
    if (first == std::string_view::npos || second == std::string_view::npos) continue;
    const std::string_view names = line.substr(first + 1, second - first - 1);
    for (std::string_view name : split(names, ','))
      own[std::string(name)] = line.substr(second + 1);
  }
  return own;
}

// The own group as a directory below the mount. A container without a cgroup namespace sees a mount
// of its own sub-directory but full paths in /proc/self/cgroup.
std::string own_directory(const MountLine& mount, std::string_view group) {
  if (mount.root != "/" && group.substr(0, mount.root.size()) == mount.root) {
    group.remove_prefix(mount.root.size());
  }
  while (!group.empty() && group.back() == '/') group.remove_suffix(1);
  // "/.." is what a cgroup namespace shows for groups outside of it: not reachable below the mount.
  if (group.empty() || group.substr(0, 3) == "/..") return mount.point;
  return mount.point + std::string(group);
}

}  // namespace

Hierarchies parse_hierarchies(std::string_view mountinfo, std::string_view own_cgroups) {
  const auto own = parse_own(own_cgroups);
  Hierarchies found;
  for (std::string_view line : split(mountinfo, '\n')) {
    const auto mount = parse_mount_line(line);
    if (!mount) continue;
    if (mount->type == "cgroup2") {
      const auto group = own.find("");
      if (group != own.end() && !found.unified) {
        found.unified = Hierarchy{mount->point, own_directory(*mount, group->second)};
      }
    } else if (mount->type == "cgroup") {
      for (std::string_view option : split(mount->options, ',')) {
        const auto group = own.find(option);
        if (group == own.end()) continue;  // "rw", "xattr", …
        found.v1.emplace(option, Hierarchy{mount->point, own_directory(*mount, group->second)});
      }
    }
  }
  return found;
}

Hierarchies find_hierarchies() {
  const auto mountinfo = read_file("/proc/self/mountinfo", kProcFileLimit);
  const auto own = read_file("/proc/self/cgroup", kProcFileLimit);
  if (!mountinfo || !own) return {};
  return parse_hierarchies(*mountinfo, *own);
}

}  // namespace slipway::sandbox::limits
