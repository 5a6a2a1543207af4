// The parent's half of a launch: everything that needs the engine's view of the machine.
#include "sandbox/launch/prepare.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include <algorithm>

#include "base/files.h"
#include "sandbox/mounts/host_tools.h"
#include "sandbox/mounts/overlay.h"
#include "sandbox/mounts/tree.h"
#include "sandbox/policy/profile.h"

namespace slipway::sandbox {
namespace {

struct Made {
  Fd tree;
  bool is_file = false;
};

Result<Made> make_bind(const BindMount& bind, const IdSlot& slot, bool nodes) {
  const std::string what = "bind " + bind.source;
  if (bind.propagation == Propagation::kShared ||
      bind.propagation == Propagation::kRecursiveShared) {
    return fail(ErrorCode::kUnsupported,
                what + ": shared propagation would let the container's mounts reach the machine");
  }
  // One resolution for the check and the mount: what is opened is what is cloned.
  Fd source = SLIP_TRY_WITHIN("bind mount", open_file(bind.source, O_PATH));
  struct stat found;
  if (::fstat(source.get(), &found) != 0) return fail_errno(what);
  const bool shift = bind.shifted && slot.user_namespace.valid();
  Made made;
  made.is_file = !S_ISDIR(found.st_mode);
  const bool slave =
      bind.propagation == Propagation::kSlave || bind.propagation == Propagation::kRecursiveSlave;
  const bool one =
      shift || bind.propagation == Propagation::kPrivate || bind.propagation == Propagation::kSlave;
  const Depth depth = one ? Depth::kOne : Depth::kRecursive;
  made.tree = SLIP_TRY_WITHIN(what, clone_tree(source.get(), "", depth));
  if (shift) SLIP_TRY(shift_tree(made.tree.get(), slot.user_namespace.get(), bind.source));
  std::uint64_t bits = MOUNT_ATTR_NOSUID;
  if (!nodes) bits |= MOUNT_ATTR_NODEV;
  if (bind.access == Access::kReadOnly) bits |= MOUNT_ATTR_RDONLY;
  SLIP_TRY(set_tree_attributes(made.tree.get(), bits, depth, bind.source));
  SLIP_TRY(set_propagation(made.tree.get(), slave ? MS_SLAVE : MS_PRIVATE, bind.source));
  return made;
}

// `nodes`: devices in the machine's directories work.
Result<Made> make_mount(const Mount& mount, const IdSlot& slot, bool nodes) {
  if (const auto* bind = std::get_if<BindMount>(&mount)) return make_bind(*bind, slot, nodes);
  Made made;
  if (const auto* overlay = std::get_if<OverlayMount>(&mount)) {
    made.tree =
        SLIP_TRY_WITHIN("mount at " + overlay->target, mount_overlay(overlay->stack, slot.view));
    SLIP_TRY(set_tree_attributes(made.tree.get(), MOUNT_ATTR_NODEV, Depth::kOne, overlay->target));
  }
  made.is_file = std::holds_alternative<FileMount>(mount);
  return made;
}

constexpr std::uint64_t kInert = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;

// What shows a namespace of the machine or of a peer can be mounted only by who owns it: taken from where it is.
Status prepare_shared(const ContainerSpec& spec, Prepared& made) {
  const Confinement& confinement = made.confinement;
  if (confinement.host_pid) {
    made.proc = SLIP_TRY(clone_tree(AT_FDCWD, "/proc", Depth::kRecursive));
    SLIP_TRY(set_tree_attributes(made.proc.get(), kInert, Depth::kRecursive, "/proc"));
  }
  if (confinement.host_ipc) {
    made.shm = SLIP_TRY(clone_tree(AT_FDCWD, "/dev/shm", Depth::kOne));
    SLIP_TRY(set_tree_attributes(made.shm.get(), kInert, Depth::kOne, "/dev/shm"));
    if (auto queues = clone_tree(AT_FDCWD, "/dev/mqueue", Depth::kOne)) {
      made.mqueue = *std::move(queues);
      SLIP_TRY(set_tree_attributes(made.mqueue.get(), kInert, Depth::kOne, "/dev/mqueue"));
    }
  }
  if (spec.ipc_peer) {
    made.shm = SLIP_TRY(clone_tree_of_peer(spec.ipc_peer->pidfd, "/dev/shm"));
    SLIP_TRY(set_tree_attributes(made.shm.get(), kInert, Depth::kOne, "/dev/shm"));
  }
  return {};
}

std::string target_of(const Mount& mount) {
  return std::visit([](const auto& one) { return one.target; }, mount);
}

Status check_spec(const ContainerSpec& spec) {
  constexpr std::size_t kMaxMounts = 100;
  if (spec.process.argv.empty()) return fail(ErrorCode::kInvalid, "start container: no command");
  if (spec.mounts.size() > kMaxMounts)
    return fail(ErrorCode::kInvalid, "start container: more than 100 mounts");
  for (const Mount& mount : spec.mounts) {
    const std::string target = target_of(mount);
    if (target.empty() || target[0] != '/' || target.find('\0') != std::string::npos ||
        target == "/") {
      return fail(ErrorCode::kInvalid, "mount at \"" + target + "\": not an absolute path below /");
    }
  }
  if (spec.process.cwd.empty() || spec.process.cwd[0] != '/') {
    return fail(ErrorCode::kInvalid,
                "start container: working directory \"" + spec.process.cwd + "\" is not absolute");
  }
  return {};
}

}  // namespace

Result<Prepared> prepare(const ContainerSpec& spec, const IdSlot& slot, Confinement confinement) {
  SLIP_TRY(check_spec(spec));
  Prepared made;
  made.confinement = std::move(confinement);
  made.root = SLIP_TRY_WITHIN("root file system", mount_overlay(spec.root.stack, slot.view));
  if (spec.root.host_tools) made.host_trees = SLIP_TRY(host_tool_trees());
  if (spec.network == Network::kHost) {
    // A fresh sysfs belongs to the network namespace, which is not the container's here.
    // Without what is mounted below it (cgroups, tracing), as far as the kernel lets us: an ordinary user may not
    // uncover.
    auto bare = clone_tree(AT_FDCWD, "/sys", Depth::kOne);
    made.sys = bare ? std::move(*bare) : SLIP_TRY(clone_tree(AT_FDCWD, "/sys", Depth::kRecursive));
    SLIP_TRY(set_tree_attributes(
        made.sys.get(),
        MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC,
        Depth::kRecursive, "/sys"));
  }
  SLIP_TRY(prepare_shared(spec, made));
  made.devices = SLIP_TRY(prepare_devices(made.confinement, slot));
  const bool nodes = has_machine_devices(made.confinement);
  for (const Mount& mount : spec.mounts) {
    Made one = SLIP_TRY(make_mount(mount, slot, nodes));
    made.mounts.push_back(std::move(one.tree));
    made.mount_is_file.push_back(one.is_file);
    const auto* tmpfs = std::get_if<TmpfsMount>(&mount);
    made.tmpfs.push_back(tmpfs != nullptr ? SLIP_TRY(tmpfs_settings(*tmpfs)) : TmpfsSettings{});
  }
  return made;
}

Status prepare_user(const ContainerSpec& spec, const IdSlot& slot, Prepared& prepared) {
  Fd host_root;
  int root = prepared.root.get();
  if (spec.root.host_tools) {
    host_root = SLIP_TRY(open_file("/", O_PATH | O_DIRECTORY));
    root = host_root.get();
  }
  prepared.user =
      SLIP_TRY(look_up_process_user(root, spec.process.user, spec.isolation.group_add, slot.map));
  return {};
}

}  // namespace slipway::sandbox
