// Which host path each of a container's mounts really is.
#include "sandbox/containers/mount_points.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>

#include "base/files.h"
#include "base/text.h"
#include "sandbox/view.h"

namespace slipway::sandbox {
namespace {

// As many as a launch takes. An image can name any number, and each would be a directory of ours.
constexpr std::size_t kMostMounts = 100;

// "/a//b/./c/" -> "/a/b/c"; kInvalid for what is not absolute, goes up, or is the root itself.
Result<std::string> clean_target(const std::string& path) {
  const auto wrong = [&](const char* why) {
    return fail(ErrorCode::kInvalid, "mount at \"" + printable(path) + "\": " + why);
  };
  if (path.empty() || path[0] != '/' || path.find('\0') != std::string::npos)
    return wrong("not an absolute path");
  std::string clean;
  for (const std::string_view part : split(path, '/')) {
    if (part.empty() || part == ".") continue;
    if (part == "..") return wrong("it goes up");
    clean += '/';
    clean += part;
  }
  if (clean.empty()) return wrong("it is the root itself");
  return clean;
}

bool has_target(const Record& record, const std::string& target) {
  return std::any_of(record.mounts.begin(), record.mounts.end(),
                     [&](const MountInfo& one) { return one.config.target == target; });
}

Status check_directory(const std::string& path, const PowerPolicy& policy) {
  return check_powers({power::HostDirectory{path}}, policy);
}

Status resolve_bind(MountInfo& mount, const PowerPolicy& policy) {
  const std::string& source = mount.config.source;
  SLIP_TRY(check_directory(source, policy));
  if (source.empty() || source[0] != '/')
    return fail(ErrorCode::kInvalid, "bind \"" + printable(source) + "\": not an absolute path");
  if (!path_exists(source)) {
    if (!mount.config.create_source)
      return fail(ErrorCode::kInvalid, "bind source path does not exist: " + printable(source));
    SLIP_TRY_WITHIN("bind", make_dirs(source, 0755));
  }
  mount.source = source;
  return {};
}

// A directory inside a volume, which other containers may write to at this moment: checked here so that a wrong path is
// an error now, and resolved once more below the volume when the container starts.
Status check_subpath(const std::string& volume_path, const std::string& subpath) {
  if (subpath.empty()) return {};
  const Fd volume = SLIP_TRY(open_file(volume_path, O_PATH | O_DIRECTORY));
  const Fd part = SLIP_TRY_WITHIN("mount part of volume",
                                  open_in_root(volume.get(), subpath, O_PATH | O_DIRECTORY));
  return {};
}

// What the image has where a new volume is mounted goes into it. An image without that directory gives nothing.
Status populate(Volumes& volumes, const MountInfo& mount, const ImageParts& image) {
  if (mount.config.no_copy || image.host_tools || !mount.config.subpath.empty()) return {};
  OverlayStack stack;
  for (const cachestore::Snapshot& snapshot : image.snapshots)
    stack.lowers.push_back(snapshot.path);
  const Fd root = SLIP_TRY(open_view(stack));
  const auto directory = open_in_root(root.get(), mount.config.target, O_RDONLY | O_DIRECTORY);
  if (!directory) return {};
  return volumes.populate(mount.volume, directory->get());
}

Status resolve_volume(MountInfo& mount, const Record& record, const ImageParts& image,
                      const MountSources& sources) {
  Volumes* volumes = sources.volumes;
  if (volumes == nullptr)
    return fail(ErrorCode::kUnsupported, "mount volume: there are no volumes here");
  if (!mount.config.volume_driver.empty() && mount.config.volume_driver != "local")
    return fail(ErrorCode::kUnsupported,
                "mount volume: no driver \"" + printable(mount.config.volume_driver) + "\"");
  const VolumeInfo made =
      SLIP_TRY(volumes->create({mount.config.source, mount.config.volume_labels, {}}));
  const VolumeInfo held = SLIP_TRY(volumes->acquire(made.name, record.id));
  mount.volume = held.name;
  if (held.access == Access::kReadOnly) mount.config.access = Access::kReadOnly;
  if (held.kind == VolumeKind::kTmpfs) {
    mount.config.tmpfs_size = held.tmpfs_size;
    mount.config.tmpfs_mode = held.tmpfs_mode;
    return {};
  }
  if (held.kind == VolumeKind::kBind) SLIP_TRY(check_directory(held.path, sources.policy));
  mount.source = held.path;
  SLIP_TRY(check_subpath(held.path, mount.config.subpath));
  return populate(*volumes, mount, image);
}

Status add_mount(Record& record, MountConfig config, const ImageParts& image,
                 const MountSources& sources) {
  MountInfo mount;
  config.target = SLIP_TRY(clean_target(config.target));
  mount.config = std::move(config);
  if (record.mounts.size() >= kMostMounts)
    return fail(ErrorCode::kInvalid,
                "mount at " + printable(mount.config.target) + ": more than 100 mounts");
  if (has_target(record, mount.config.target))
    return fail(ErrorCode::kInvalid,
                "mount at " + printable(mount.config.target) + ": two mounts are there");
  if (mount.config.type == MountConfig::Type::kBind) SLIP_TRY(resolve_bind(mount, sources.policy));
  if (mount.config.type == MountConfig::Type::kVolume)
    SLIP_TRY(resolve_volume(mount, record, image, sources));
  record.mounts.push_back(std::move(mount));
  return {};
}

// "container[:ro|rw]"
Status add_mounts_of(Record& record, const std::string& from, const ImageParts& image,
                     const MountSources& sources) {
  const std::size_t colon = from.find(':');
  const std::string mode = colon == std::string::npos ? "" : from.substr(colon + 1);
  if (!mode.empty() && mode != "ro" && mode != "rw")
    return fail(ErrorCode::kInvalid, "take volumes from " + printable(from) + ": want ro or rw");
  for (MountInfo& mount : SLIP_TRY(sources.mounts_of(from.substr(0, colon)))) {
    if (has_target(record, mount.config.target)) continue;
    if (mode == "ro") mount.config.access = Access::kReadOnly;
    mount.config.no_copy = true;
    if (mount.config.type == MountConfig::Type::kVolume) mount.config.source = mount.volume;
    SLIP_TRY(add_mount(record, std::move(mount.config), image, sources));
  }
  return {};
}

}  // namespace

Status resolve_mounts(Record& record, const ImageParts& image, const MountSources& sources) {
  for (const MountConfig& config : record.config.mounts)
    SLIP_TRY(add_mount(record, config, image, sources));
  for (const std::string& from : record.config.volumes_from)
    SLIP_TRY(add_mounts_of(record, from, image, sources));
  for (const std::string& path : image.config.volumes) {
    MountConfig config;
    config.type = MountConfig::Type::kVolume;
    config.target = SLIP_TRY_WITHIN("volume of the image", clean_target(path));  // R8
    if (!has_target(record, config.target))
      SLIP_TRY(add_mount(record, std::move(config), image, sources));
  }
  // The outer ones first, whatever order they were asked in.
  std::stable_sort(record.mounts.begin(), record.mounts.end(), [](const auto& a, const auto& b) {
    const auto depth = [](const MountInfo& one) {
      return std::count(one.config.target.begin(), one.config.target.end(), '/');
    };
    return depth(a) < depth(b);
  });
  return {};
}

}  // namespace slipway::sandbox
