#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/fd.h"
#include "base/result.h"
#include "base/units.h"

namespace slipway::sandbox {

/// Named directories that outlive containers: <state>/volumes/<name>/{data,volume.json}. Files belong to container
/// ids on disk, as snapshots do. Several processes may use them at once.
struct VolumeInfo {
  std::string name;
  std::string path;  ///< Absolute path of `data`.
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
  /// Marks use by a container until released; survives crashes (recorded on disk).
  virtual Result<VolumeInfo> acquire(const std::string& name, const std::string& container_id) = 0;
  virtual Status release(const std::string& container_id) = 0;
  /// On first use by an image with files at the mount point: copies them in (whole or not at all). `image_dir_fd` is
  /// the directory of the image, opened in the container's root. Does nothing for a volume that has content.
  virtual Status populate(const std::string& name, int image_dir_fd) = 0;
};

}  // namespace slipway::sandbox
