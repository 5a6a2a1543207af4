// Devices of the machine that a container is given: nodes, and the rules that let it use them.
#include "sandbox/mounts/devices.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>

#include "base/files.h"
#include "base/text.h"
#include "sandbox/ids/engine_namespaces.h"
#include "sandbox/mounts/tree.h"
#include "sandbox/policy/profile.h"

namespace slipway::sandbox {
namespace {

using limits::DeviceRule;

constexpr std::size_t kMaxDevices =
    28;  // Places of the launch between its mounts and the host's trees.
// A big machine has some hundred; udev's deepest are /dev/bus/usb/001/002 and /dev/v4l/by-id/….
constexpr int kMaxNodes = 8192;
constexpr int kMaxDepth = 6;

Result<Fd> make_node_directory() {
  const Fd context(::fsopen("tmpfs", FSOPEN_CLOEXEC));
  if (!context || ::fsconfig(context.get(), FSCONFIG_SET_STRING, "mode", "0755", 0) != 0 ||
      ::fsconfig(context.get(), FSCONFIG_SET_STRING, "size", "67108864", 0) != 0 ||
      ::fsconfig(context.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) != 0)
    return fail_errno("mount tmpfs for devices");
  Fd tree(::fsmount(context.get(), FSMOUNT_CLOEXEC, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC));
  if (!tree) return fail_errno("mount tmpfs for devices");
  return tree;
}

bool is_device(const struct stat& found) {
  return S_ISCHR(found.st_mode) || S_ISBLK(found.st_mode);
}

Status check_device(const power::HostDevice& device, const struct stat& found) {
  const std::string doing = "give device " + printable(device.path_on_host);
  if (!is_device(found)) return fail(ErrorCode::kInvalid, doing + ": it is no device node");
  const std::string& target = device.path_in_container;
  if (target.size() < 2 || target[0] != '/' || target.find('\0') != target.npos)
    return fail(ErrorCode::kInvalid, doing + ": \"" + printable(target) + "\" is not absolute");
  const std::string& allowed = device.permissions;
  if (allowed.empty() || allowed.size() > 3 || allowed.find_first_not_of("rwm") != allowed.npos)
    return fail(ErrorCode::kInvalid,
                doing + ": permissions \"" + printable(allowed) + "\" are not made of r, w and m");
  return {};
}

bool permits(const power::HostDevice& device, char letter) {
  return device.permissions.find(letter) != std::string::npos;
}

mode_t node_mode(const power::HostDevice& device) {
  mode_t mode = 0;
  if (permits(device, 'r')) mode |= 0444;
  if (permits(device, 'w')) mode |= 0222;
  return mode & 0660;
}

DeviceRule rule_of(const power::HostDevice& device, const struct stat& found) {
  DeviceRule rule;
  rule.kind = S_ISBLK(found.st_mode) ? DeviceRule::Kind::kBlock : DeviceRule::Kind::kCharacter;
  rule.major = major(found.st_rdev);
  rule.minor = minor(found.st_rdev);
  if (permits(device, 'r')) rule.access |= limits::kReadDevice;
  if (permits(device, 'w')) rule.access |= limits::kWriteDevice;
  if (permits(device, 'm')) rule.access |= limits::kMakeNode;
  return rule;
}

Status make_node(int directory, const std::string& name, const power::HostDevice& device,
                 const struct stat& found, const IdSlot& slot) {
  const std::string doing = "give device " + printable(device.path_on_host);
  if (::mknodat(directory, name.c_str(), (found.st_mode & S_IFMT) | node_mode(device),
                found.st_rdev) != 0)
    return fail_errno(doing + ": make node");
  const uid_t root = slot.view.creator.value_or(0);
  if (::fchownat(directory, name.c_str(), root, root, AT_SYMLINK_NOFOLLOW) != 0)
    return fail_errno(doing + ": change owner of node");
  return {};
}

struct Entry {
  std::string name;
  struct stat found {};
};

// What lies in a directory and on its file system: what is mounted below /dev is no device of the machine.
Result<std::vector<Entry>> entries_of(int directory, const std::string& path) {
  struct stat own;
  if (::fstat(directory, &own) != 0) return fail_errno("look at " + path);
  std::vector<Entry> entries;
  for (std::string& name : SLIP_TRY(list_dir(directory, path))) {
    Entry entry{std::move(name), {}};
    if (::fstatat(directory, entry.name.c_str(), &entry.found, AT_SYMLINK_NOFOLLOW) != 0) {
      if (errno == ENOENT) continue;  // Devices come and go.
      return fail_errno("look at " + path + "/" + entry.name);
    }
    if (entry.found.st_dev == own.st_dev) entries.push_back(std::move(entry));
  }
  return entries;
}

Result<Fd> open_below(int directory, const std::string& name) {
  Fd below(::openat(directory, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!below) return fail_errno("open directory " + name);
  return below;
}

// Docker's: --device DIRECTORY names every device below it.
Status expand(int directory, const power::HostDevice& wanted, int depth,
              std::vector<power::HostDevice>& devices) {
  if (depth > kMaxDepth) return {};
  for (const Entry& entry : SLIP_TRY(entries_of(directory, wanted.path_on_host))) {
    power::HostDevice below = wanted;
    below.path_on_host += "/" + entry.name;
    below.path_in_container += "/" + entry.name;
    if (S_ISDIR(entry.found.st_mode)) {
      const Fd inside = SLIP_TRY(open_below(directory, entry.name));
      SLIP_TRY(expand(inside.get(), below, depth + 1, devices));
    } else if (is_device(entry.found)) {
      devices.push_back(std::move(below));
      if (devices.size() > kMaxDevices)
        return fail(ErrorCode::kInvalid, "give devices: more than 28");
    }
  }
  return {};
}

Result<std::vector<power::HostDevice>> expand_all(const std::vector<power::HostDevice>& wanted) {
  std::vector<power::HostDevice> devices;
  for (const power::HostDevice& device : wanted) {
    const Fd opened = SLIP_TRY_WITHIN("give device", open_file(device.path_on_host, O_PATH));
    struct stat found;
    if (::fstat(opened.get(), &found) != 0)
      return fail_errno("give device " + printable(device.path_on_host));
    if (!S_ISDIR(found.st_mode)) {
      devices.push_back(device);
      continue;
    }
    const Fd directory = SLIP_TRY(open_below(AT_FDCWD, device.path_on_host));
    const std::size_t before = devices.size();
    SLIP_TRY(expand(directory.get(), device, 0, devices));
    if (devices.size() == before)
      return fail(ErrorCode::kInvalid, "give device " + printable(device.path_on_host) +
                                           ": no device node is in that directory");
  }
  if (devices.size() > kMaxDevices) return fail(ErrorCode::kInvalid, "give devices: more than 28");
  return devices;
}

// What a container's /dev has of its own (see add_devices): not taken from the machine.
bool is_own(const std::string& name) {
  constexpr std::string_view kOwn[] = {"console", "ptmx",  "pts",    "shm",    "mqueue",
                                       "fd",      "stdin", "stdout", "stderr", ".udev"};
  if (std::find(std::begin(kOwn), std::end(kOwn), name) != std::end(kOwn)) return true;
  const auto nodes = default_devices();
  return std::any_of(nodes.begin(), nodes.end(),
                     [&](const DeviceNode& node) { return name == node.name; });
}

struct Copied {
  int nodes = 0;
};

Status copy_nodes(int from, int to, const std::string& path, int depth, Copied& copied) {
  for (const Entry& entry : SLIP_TRY(entries_of(from, path))) {
    const char* name = entry.name.c_str();
    const std::string doing = "give device " + path + "/" + printable(entry.name);
    if (depth == 0 && is_own(entry.name)) continue;
    if (S_ISDIR(entry.found.st_mode)) {
      if (depth == kMaxDepth) continue;
      if (::mkdirat(to, name, 0755) != 0) return fail_errno(doing);
      const Fd inside = SLIP_TRY(open_below(from, entry.name));
      const Fd copy = SLIP_TRY(open_below(to, entry.name));
      SLIP_TRY(copy_nodes(inside.get(), copy.get(), path + "/" + entry.name, depth + 1, copied));
    } else if (is_device(entry.found)) {
      if (++copied.nodes > kMaxNodes)
        return fail(ErrorCode::kInvalid, "give devices: more than 8192 in /dev");
      if (::mknodat(to, name, entry.found.st_mode & S_IFMT, entry.found.st_rdev) != 0 ||
          ::fchownat(to, name, entry.found.st_uid, entry.found.st_gid, AT_SYMLINK_NOFOLLOW) != 0 ||
          ::fchmodat(to, name, entry.found.st_mode & 0777, 0) != 0)
        return fail_errno(doing);
    }
  }
  return {};
}

Result<Fd> copy_of_dev() {
  Fd tree = SLIP_TRY(make_node_directory());
  const Fd dev = SLIP_TRY(open_below(AT_FDCWD, "/dev"));
  Copied copied;
  SLIP_TRY(copy_nodes(dev.get(), tree.get(), "/dev", 0, copied));
  return tree;
}

}  // namespace

Result<Devices> prepare_devices(Confinement& confinement, const IdSlot& slot) {
  Devices made;
  const EngineNamespaces namespaces = SLIP_TRY(engine_namespaces());
  made.restricted = namespaces.privileged && !has_machine_devices(confinement);
  made.rules = limits::default_device_rules();
  made.rules.insert(made.rules.end(), confinement.device_rules.begin(),
                    confinement.device_rules.end());
  if (has_machine_devices(confinement)) {
    if (namespaces.privileged)
      made.machine = SLIP_TRY(copy_of_dev());
    else
      confinement.warnings.emplace_back(
          "privileged: an ordinary user's container has no devices by itself; name them "
          "(--device)");
  }
  const auto devices = SLIP_TRY(expand_all(confinement.devices));
  if (namespaces.privileged && !devices.empty()) made.nodes = SLIP_TRY(make_node_directory());
  for (const power::HostDevice& device : devices) {
    const Fd node = SLIP_TRY_WITHIN("give device", open_file(device.path_on_host, O_PATH));
    struct stat found;
    if (::fstat(node.get(), &found) != 0)
      return fail_errno("give device " + printable(device.path_on_host));
    SLIP_TRY(check_device(device, found));
    if (!made.restricted && !(permits(device, 'r') && permits(device, 'w')))
      confinement.warnings.push_back("device " + printable(device.path_in_container) +
                                     ": its permissions are those of the node; the container's "
                                     "root can change or pass over them");
    made.rules.push_back(rule_of(device, found));
    DeviceMount mount;
    mount.target = device.path_in_container;
    if (made.nodes)
      SLIP_TRY(
          make_node(made.nodes.get(), std::to_string(made.mounts.size()), device, found, slot));
    else
      mount.tree = SLIP_TRY(clone_tree(node.get(), "", Depth::kOne));
    made.mounts.push_back(std::move(mount));
  }
  return made;
}

}  // namespace slipway::sandbox
