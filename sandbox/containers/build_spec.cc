// From a container's record to what the engine starts.
#include "sandbox/containers/build_spec.h"

#include <fcntl.h>
#include <sys/file.h>

#include <cerrno>

#include "base/files.h"
#include "base/text.h"

namespace slipway::sandbox {
namespace {

std::string snapshot_directory(const std::string& state_dir, const std::string& id) {
  return state_dir + "/snapshots/" + id;
}

Mount build_tmpfs(const MountConfig& config) {
  TmpfsMount tmpfs;
  tmpfs.target = config.target;
  tmpfs.size = config.tmpfs_size;
  tmpfs.mode = config.tmpfs_mode;
  tmpfs.options = config.tmpfs_options;
  if (config.access == Access::kReadOnly) tmpfs.options.emplace_back("ro");
  return tmpfs;
}

// Another container may be changing the volume, so the way to the part is found below the volume's own root, and what
// was found is mounted by its descriptor.
Result<std::string> part_of_volume(const MountInfo& info, std::vector<Fd>& held) {
  if (info.config.subpath.empty()) return info.source;
  const Fd volume = SLIP_TRY(open_file(info.source, O_PATH | O_DIRECTORY));
  held.push_back(SLIP_TRY_WITHIN("mount part of volume " + info.volume,
                                 open_in_root(volume.get(), info.config.subpath, O_PATH)));
  return "/proc/self/fd/" + std::to_string(held.back().get());
}

Result<Mount> build_mount(const MountInfo& info, const std::string& state_dir,
                          std::vector<Fd>& held) {
  const MountConfig& config = info.config;
  switch (config.type) {
    case MountConfig::Type::kTmpfs:
      return build_tmpfs(config);
    case MountConfig::Type::kSnapshot: {
      OverlayMount overlay;
      overlay.stack.lowers = {snapshot_directory(state_dir, config.source) + "/fs"};
      overlay.target = config.target;
      return Mount(overlay);
    }
    case MountConfig::Type::kVolume:
      if (info.source.empty()) return build_tmpfs(config);  // A volume of memory.
      break;
    case MountConfig::Type::kBind:
      break;
  }
  BindMount bind;
  bind.source = SLIP_TRY(part_of_volume(info, held));
  bind.target = config.target;
  bind.access = config.access;
  bind.shifted = true;
  bind.propagation = config.propagation;
  return Mount(bind);
}

}  // namespace

OverlayStack container_stack(const Record& record, const std::string& state_dir) {
  OverlayStack stack;
  for (const std::string& id : record.snapshots)
    stack.lowers.push_back(snapshot_directory(state_dir, id) + "/fs");
  const std::string own = state_dir + "/containers/" + record.id;
  stack.upper = own + "/fs";
  stack.work = own + "/work";
  return stack;
}

Result<ContainerSpec> build_spec(const Record& record, const std::string& state_dir,
                                 std::vector<Fd>& held) {
  const ContainerConfig& config = record.config;
  ContainerSpec spec;
  spec.name = record.id;
  spec.root.stack = container_stack(record, state_dir);
  spec.root.host_tools = record.host_tools;
  spec.root.read_only = config.read_only_root;
  for (const MountInfo& mount : record.mounts)
    spec.mounts.push_back(SLIP_TRY(build_mount(mount, state_dir, held)));
  spec.process.argv = record.argv;
  spec.process.env = record.env;
  spec.process.cwd = record.cwd;
  spec.process.user = record.user;
  if (config.tty) spec.process.terminal = Terminal{};
  spec.network = config.network_mode == "host" ? Network::kHost : Network::kNone;
  spec.limits = config.limits;
  spec.hostname = record.hostname;
  spec.domainname = config.domainname;
  spec.extra_hosts = config.extra_hosts;
  spec.isolation = config.isolation;
  // Somebody may ask at any time, and it cannot be had later. But one that goes when it ends is short-lived as a rule,
  // and groups in every v1 hierarchy would be a third of what it costs; its figures come from its processes.
  spec.count_usage = !config.auto_remove;
  return spec;
}

Result<std::vector<Fd>> hold_snapshots(const Record& record, const std::string& state_dir) {
  std::vector<Fd> held;
  for (const std::string& id : record.snapshots) {
    Fd directory = SLIP_TRY_WITHIN(
        "hold image of container " + record.id.substr(0, 12),
        open_file(snapshot_directory(state_dir, id), O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
    while (::flock(directory.get(), LOCK_SH) != 0) {
      if (errno != EINTR) return fail_errno("hold snapshot " + id);
    }
    if (!path_exists(snapshot_directory(state_dir, id)))
      return fail(ErrorCode::kNotFound, "hold snapshot " + id + ": it was removed");
    held.push_back(std::move(directory));
  }
  return held;
}

}  // namespace slipway::sandbox
