// Devices of the machine that a container is given.
#include "sandbox/mounts/devices.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/files.h"
#include "base/text.h"
#include "sandbox/ids/engine_namespaces.h"
#include "sandbox/mounts/tree.h"

namespace slipway::sandbox {
namespace {

constexpr std::size_t kMaxDevices =
    28;  // Places of the launch between its mounts and the host's trees.

Result<Fd> make_node_directory() {
  const Fd context(::fsopen("tmpfs", FSOPEN_CLOEXEC));
  if (!context || ::fsconfig(context.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) != 0)
    return fail_errno("mount tmpfs for devices");
  Fd tree(::fsmount(context.get(), FSMOUNT_CLOEXEC, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC));
  if (!tree) return fail_errno("mount tmpfs for devices");
  return tree;
}

Status check_device(const power::HostDevice& device, const struct stat& found) {
  const std::string doing = "give device " + printable(device.path_on_host);
  if (!S_ISCHR(found.st_mode) && !S_ISBLK(found.st_mode))
    return fail(ErrorCode::kInvalid, doing + ": it is no device node");
  const std::string& target = device.path_in_container;
  if (target.size() < 2 || target[0] != '/' || target.find('\0') != target.npos)
    return fail(ErrorCode::kInvalid, doing + ": \"" + printable(target) + "\" is not absolute");
  const std::string& allowed = device.permissions;
  if (allowed.empty() || allowed.size() > 3 || allowed.find_first_not_of("rwm") != allowed.npos)
    return fail(ErrorCode::kInvalid,
                doing + ": permissions \"" + printable(allowed) + "\" are not made of r, w and m");
  return {};
}

mode_t node_mode(const power::HostDevice& device) {
  mode_t mode = 0;
  if (device.permissions.find('r') != std::string::npos) mode |= 0444;
  if (device.permissions.find('w') != std::string::npos) mode |= 0222;
  return mode & 0660;
}

Result<Fd> make_node(int directory, const std::string& name, const power::HostDevice& device,
                     const struct stat& found, const IdSlot& slot) {
  const std::string doing = "give device " + printable(device.path_on_host);
  if (::mknodat(directory, name.c_str(), (found.st_mode & S_IFMT) | node_mode(device),
                found.st_rdev) != 0)
    return fail_errno(doing + ": make node");
  const uid_t root = slot.view.creator.value_or(0);
  if (::fchownat(directory, name.c_str(), root, root, AT_SYMLINK_NOFOLLOW) != 0)
    return fail_errno(doing + ": change owner of node");
  return clone_tree(directory, name, Depth::kOne);
}

}  // namespace

Result<std::vector<DeviceMount>> device_mounts(const std::vector<power::HostDevice>& devices,
                                               const IdSlot& slot,
                                               std::vector<std::string>& warnings) {
  std::vector<DeviceMount> mounts;
  if (devices.empty()) return mounts;
  if (devices.size() > kMaxDevices) return fail(ErrorCode::kInvalid, "give devices: more than 28");
  const EngineNamespaces namespaces = SLIP_TRY(engine_namespaces());
  Fd directory;
  if (namespaces.privileged) directory = SLIP_TRY(make_node_directory());
  for (const power::HostDevice& device : devices) {
    const Fd node = SLIP_TRY_WITHIN("give device", open_file(device.path_on_host, O_PATH));
    struct stat found;
    if (::fstat(node.get(), &found) != 0)
      return fail_errno("give device " + printable(device.path_on_host));
    SLIP_TRY(check_device(device, found));
    if (device.permissions.find('r') == std::string::npos ||
        device.permissions.find('w') == std::string::npos) {
      warnings.push_back("device " + printable(device.path_in_container) +
                         ": its permissions are those of the node; the container's root can change "
                         "or pass over them");
    }
    DeviceMount mount;
    mount.target = device.path_in_container;
    mount.tree = directory ? SLIP_TRY(make_node(directory.get(), std::to_string(mounts.size()),
                                                device, found, slot))
                           : SLIP_TRY(clone_tree(node.get(), "", Depth::kOne));
    mounts.push_back(std::move(mount));
  }
  return mounts;
}

}  // namespace slipway::sandbox
