// The directories of named volumes: made and removed by one rename each, under one lock; who uses which is a file per
// container in the volume's users/.
#include "sandbox/volumes.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>

#include "base/files.h"
#include "base/json.h"
#include "base/random.h"
#include "base/text.h"
#include "sandbox/volume/populate.h"
#include "sandbox/volume/volume_record.h"

namespace slipway::sandbox {
namespace {

constexpr const char* kUnfinished = ".new-";
constexpr const char* kRemoved = ".gone-";

Result<Fd> lock_file(int dir_fd, const char* name) {
  Fd fd = SLIP_TRY(open_at(dir_fd, name, O_RDWR | O_CREAT | O_NOFOLLOW, 0600));
  while (::flock(fd.get(), LOCK_EX) != 0) {
    if (errno != EINTR) return fail_errno("lock volumes");
  }
  return fd;
}

Status check_name(const std::string& name) {
  if (name.size() == 1)
    return fail(ErrorCode::kInvalid, "volume name \"" + printable(name) +
                                         "\": too short, at least two characters are needed");
  if (valid_object_name(name)) return {};
  return fail(ErrorCode::kInvalid,
              "volume name \"" + printable(name) +
                  "\": only [a-zA-Z0-9][a-zA-Z0-9_.-] is allowed; for a directory of this machine "
                  "write its absolute path");
}

tl::unexpected<Error> no_such_volume(const std::string& name) {
  return fail(ErrorCode::kNotFound, "no such volume: " + printable(name));
}

class VolumeDirectory final : public Volumes {
 public:
  VolumeDirectory(std::string root, Fd fd) : root_(std::move(root)), fd_(std::move(fd)) {}

  Result<VolumeInfo> create(const VolumeConfig& config) override {
    VolumeInfo volume;
    volume.anonymous = config.name.empty();
    volume.name = volume.anonymous ? random_hex(32) : config.name;
    SLIP_TRY(check_name(volume.name));
    volume.labels = config.labels;
    volume.options = config.options;
    volume.created = real_clock().wall();
    volume.path = data_path(volume.name);
    SLIP_TRY(apply_volume_options(volume));
    const Fd lock = SLIP_TRY(lock_file(fd_.get(), ".lock"));
    if (const Result<VolumeInfo> present = read(volume.name)) {
      if (!config.options.empty() && present->options != config.options)
        return fail(ErrorCode::kConflict,
                    "create volume " + volume.name + ": it exists already with other options");
      return present;
    }
    sweep();
    SLIP_TRY(make(volume));
    return volume;
  }

  Result<VolumeInfo> inspect(const std::string& name) override { return read(name); }

  Result<std::vector<VolumeInfo>> list() override {
    std::vector<VolumeInfo> volumes;
    for (const std::string& name : SLIP_TRY(names())) {
      Result<VolumeInfo> volume = read(name);
      if (!volume && volume.error().code() == ErrorCode::kNotFound) continue;  // removed meanwhile
      volumes.push_back(SLIP_TRY(std::move(volume)));
    }
    return volumes;
  }

  Status remove(const std::string& name, bool force) override {
    const Fd lock = SLIP_TRY(lock_file(fd_.get(), ".lock"));
    const Result<VolumeInfo> volume = read(name);
    if (!volume) {
      if (volume.error().code() == ErrorCode::kNotFound && force) return {};
      return fail(volume.error().clone());
    }
    if (!volume->users.empty())
      return fail(ErrorCode::kConflict,
                  "remove volume " + name + ": in use by " + join(volume->users, ", "));
    return discard(name);
  }

  Result<Pruned> prune(const std::function<bool(const VolumeInfo&)>& wanted) override {
    const Fd lock = SLIP_TRY(lock_file(fd_.get(), ".lock"));
    sweep();
    Pruned pruned;
    for (const VolumeInfo& volume : SLIP_TRY(list())) {
      if (!volume.users.empty() || !wanted(volume)) continue;
      pruned.freed.value += volume_size(SLIP_TRY(open_volume(volume.name)).get()).value;
      SLIP_TRY(discard(volume.name));
      pruned.names.push_back(volume.name);
    }
    return pruned;
  }

  Result<VolumeInfo> acquire(const std::string& name, const std::string& container_id) override {
    const Fd lock = SLIP_TRY(lock_file(fd_.get(), ".lock"));
    VolumeInfo volume = SLIP_TRY(read(name));
    const Fd dir = SLIP_TRY(open_volume(name));
    const Fd users = SLIP_TRY(open_at(dir.get(), "users", O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
    const Fd user = SLIP_TRY(
        open_at(users.get(), container_id, O_WRONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK, 0600));
    volume.users = SLIP_TRY(list_dir(users.get(), "users of volume " + name));
    return volume;
  }

  Status release(const std::string& container_id) override {
    for (const std::string& name : SLIP_TRY(names())) {
      const std::string path = name + "/users/" + container_id;
      if (::unlinkat(fd_.get(), path.c_str(), 0) != 0 && errno != ENOENT && errno != ENOTDIR)
        return fail_errno("release volume " + name);
    }
    return {};
  }

  Status populate(const std::string& name, int image_dir_fd) override {
    const VolumeInfo volume = SLIP_TRY(read(name));
    if (volume.kind != VolumeKind::kDirectory) return {};
    const Fd dir = SLIP_TRY(open_volume(name));
    // A lock of its own: copying may take long, and other volumes have nothing to do with it.
    const Fd lock = SLIP_TRY(lock_file(dir.get(), "lock"));
    return populate_volume(dir.get(), image_dir_fd);
  }

 private:
  std::string data_path(const std::string& name) const { return root_ + "/" + name + "/data"; }

  Result<Fd> open_volume(const std::string& name) const {
    return open_at(fd_.get(), name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  }

  Result<std::vector<std::string>> names() const {
    const Fd readable = SLIP_TRY(open_at(fd_.get(), ".", O_RDONLY | O_DIRECTORY));
    std::vector<std::string> all = SLIP_TRY(list_dir(readable.get(), root_));
    all.erase(std::remove_if(all.begin(), all.end(),
                             [](const std::string& name) { return name.starts_with('.'); }),
              all.end());
    return all;
  }

  Result<VolumeInfo> read(const std::string& name) const {
    if (!valid_object_name(name)) return no_such_volume(name);
    const Result<Fd> dir = open_volume(name);
    if (!dir && dir.error().code() == ErrorCode::kNotFound) return no_such_volume(name);
    if (!dir) return fail(dir.error().clone());
    const Result<Fd> file = open_at(dir->get(), "volume.json", O_RDONLY | O_NOFOLLOW);
    if (!file && file.error().code() == ErrorCode::kNotFound) return no_such_volume(name);
    if (!file) return fail(file.error().clone());
    const std::string text = SLIP_TRY(read_fd(file->get(), 1_MiB, "record of volume " + name));
    const Json json = SLIP_TRY_WITHIN("volume " + name, parse_json(text));
    VolumeInfo volume = SLIP_TRY_WITHIN("volume " + name, read_volume_json(json));
    volume.name = name;
    volume.path = data_path(name);
    // A bind whose directory has gone must still be listed and removable; mounting it says what is missing.
    if (const Status applied = apply_volume_options(volume);
        !applied && applied.error().code() != ErrorCode::kNotFound)
      return fail(applied.error().clone().within("volume " + name));
    if (const Result<Fd> users = open_at(dir->get(), "users", O_RDONLY | O_DIRECTORY | O_NOFOLLOW))
      volume.users = SLIP_TRY(list_dir(users->get(), "users of volume " + name));
    return volume;
  }

  Status make(const VolumeInfo& volume) const {
    const std::string fresh = kUnfinished + random_hex(8);
    if (::mkdirat(fd_.get(), fresh.c_str(), 0700) != 0) return fail_errno("make volume");
    const Fd dir = SLIP_TRY(open_volume(fresh));
    if (::mkdirat(dir.get(), "data", 0755) != 0 || ::mkdirat(dir.get(), "users", 0700) != 0)
      return fail_errno("make volume " + volume.name);
    if (::fchmodat(dir.get(), "data", 0755, 0) != 0) return fail_errno("set mode of volume");
    SLIP_TRY(
        write_file_atomic(root_ + "/" + fresh + "/volume.json", volume_json(volume).dump(), 0600));
    if (::renameat2(fd_.get(), fresh.c_str(), fd_.get(), volume.name.c_str(), RENAME_NOREPLACE) !=
        0)
      return fail_errno("make volume " + volume.name);
    return {};
  }

  Status discard(const std::string& name) const {
    const std::string grave = kRemoved + random_hex(8);
    if (::renameat(fd_.get(), name.c_str(), fd_.get(), grave.c_str()) != 0)
      return fail_errno("remove volume " + name);
    return remove_tree_at(fd_.get(), grave);
  }

  /// With the lock: what killed processes left. Failing is no reason to refuse what was asked for.
  void sweep() const {
    const Result<Fd> readable = open_at(fd_.get(), ".", O_RDONLY | O_DIRECTORY);
    if (!readable) return;
    for (const std::string& name :
         list_dir(readable->get(), root_).value_or(std::vector<std::string>())) {
      if (name.starts_with(kUnfinished) || name.starts_with(kRemoved))
        (void)remove_tree_at(fd_.get(), name);
    }
  }

  std::string root_;
  Fd fd_;
};

}  // namespace

bool valid_object_name(std::string_view name) {
  constexpr std::string_view kFirst =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
  if (name.size() < 2 || name.size() > 255) return false;
  if (kFirst.find(name.front()) == std::string_view::npos) return false;
  return std::all_of(name.begin(), name.end(), [&](char c) {
    return kFirst.find(c) != std::string_view::npos || c == '_' || c == '.' || c == '-';
  });
}

Result<std::shared_ptr<Volumes>> Volumes::open(const std::string& state_dir) {
  const std::string root = state_dir + "/volumes";
  SLIP_TRY(make_dirs(root, 0700));
  Fd fd = SLIP_TRY(open_file(root, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
  return std::make_shared<VolumeDirectory>(root, std::move(fd));
}

}  // namespace slipway::sandbox
