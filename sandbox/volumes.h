#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/fd.h"
#include "base/result.h"
#include "base/units.h"
#include "sandbox/spec.h"

namespace slipway::sandbox {

/// Named directories that outlive containers: <state>/volumes/<name>/{data,volume.json,users/}. Several processes may
/// use them at once; what a killed one left half done is finished or swept by the next.

enum class VolumeKind {
  kDirectory,  ///< `data`; files belong to container ids on disk, as snapshots do.
  kBind,  ///< Options type=none,o=bind,device=DIR: a directory of this machine; owners as they are.
  kTmpfs,  ///< Options type=tmpfs: memory, each container its own (nothing of ours is mounted on the host).
};

struct VolumeInfo {
  std::string name;
  VolumeKind kind = VolumeKind::kDirectory;
  std::string path;                    ///< Absolute: `data`, or the device of a bind.
  Access access = Access::kReadWrite;  ///< kReadOnly: option o=ro.
  ByteCount tmpfs_size;                ///< 0: half of the memory, as tmpfs does.
  unsigned tmpfs_mode = 01777;
  WallTime created{};
  bool anonymous = false;
  std::vector<std::pair<std::string, std::string>> labels;
  std::vector<std::pair<std::string, std::string>> options;
  std::vector<std::string> users;  ///< Ids of the containers that mount it.
};

struct VolumeConfig {
  std::string name;  ///< "": 64 random hex digits, anonymous.
  std::vector<std::pair<std::string, std::string>> labels;
  std::vector<std::pair<std::string, std::string>>
      options;  ///< type, o, device of the local driver: tmpfs and bind only.
};

class Volumes {
 public:
  static Result<std::shared_ptr<Volumes>> open(const std::string& state_dir);
  virtual ~Volumes() = default;
  /// An existing one of that name is returned as it is (docker's way); kInvalid for a name that is no volume name.
  virtual Result<VolumeInfo> create(const VolumeConfig& config) = 0;
  virtual Result<VolumeInfo> inspect(const std::string& name) = 0;
  virtual Result<std::vector<VolumeInfo>> list() = 0;
  virtual Status remove(const std::string& name,
                        bool force) = 0;  ///< kConflict names the containers.
  struct Pruned {
    std::vector<std::string> names;
    ByteCount freed;
  };
  virtual Result<Pruned> prune(const std::function<bool(const VolumeInfo&)>& wanted) = 0;
  /// Marks use by a container until released; survives crashes (recorded on disk). kNotFound for a missing volume.
  virtual Result<VolumeInfo> acquire(const std::string& name, const std::string& container_id) = 0;
  virtual Status release(const std::string& container_id) = 0;
  /// On first use by an image with files at the mount point: copies them in (whole or not at all). `image_dir_fd` is
  /// the directory of the image, opened in a view of the container's root that shows owners as on disk; its own owner
  /// and mode go over, too. Does nothing for a volume that has content, nor for another kind than kDirectory.
  virtual Status populate(const std::string& name, int image_dir_fd) = 0;
};

/// Docker's rule for names of volumes, containers and networks: [a-zA-Z0-9][a-zA-Z0-9_.-]+, at most 255 bytes.
bool valid_object_name(std::string_view name);

}  // namespace slipway::sandbox
