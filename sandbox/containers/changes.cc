// Renaming and removing containers, and finishing what a crash interrupted.
#include "sandbox/containers/changes.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/files.h"
#include "base/text.h"
#include "sandbox/containers/config_fields.h"
#include "sandbox/volumes.h"

namespace slipway::sandbox {
namespace {

constexpr std::string_view kUserPrefix = "container ";

std::vector<std::string> names_in(const std::string& path) {
  const auto directory = open_file(path, O_RDONLY | O_DIRECTORY);
  if (!directory) return {};
  return list_dir(directory->get(), path).value_or(std::vector<std::string>());
}

// Unreadable ones keep all their names.
bool bears(const Layout& layout, const std::string& id, const std::string& name) {
  const auto directory = open_file(layout.of(id), O_RDONLY | O_DIRECTORY);
  if (!directory) return true;
  const auto record = read_record(directory->get());
  return !record || record->name == name;
}

void release_images(const Layout& layout, cachestore::Store& store) {
  const auto users = store.image_users();
  if (!users) return;
  for (const auto& [image, names] : *users) {
    for (const std::string& name : names) {
      if (!name.starts_with(kUserPrefix)) continue;
      const std::string id = name.substr(kUserPrefix.size());
      if (is_container_id(id) && !path_exists(layout.of(id)))
        (void)store.release_image(image, name);
    }
  }
}

}  // namespace

std::string short_id(const std::string& id) { return id.substr(0, 12); }

Status rename_container(const Layout& layout, int directory, Record& record,
                        const std::string& new_name) {
  if (!is_container_name(new_name)) {
    return fail(ErrorCode::kInvalid, "name container \"" + printable(new_name) +
                                         "\": want two or more of [a-zA-Z0-9_.-], the first a "
                                         "letter or digit");
  }
  if (new_name == record.name) return {};
  const Fd making = SLIP_TRY(layout.lock_making());  // For a moment it has two names.
  SLIP_TRY(layout.reserve_name(new_name, record.id));
  const std::string old_name = std::exchange(record.name, new_name);
  if (Status written = write_record(directory, record); !written) {
    record.name = old_name;
    layout.free_name(new_name, record.id);
    return written;
  }
  layout.free_name(old_name, record.id);
  return {};
}

Json limits_body(const Limits& limits, const std::optional<RestartPolicy>& restart) {
  Json body = Json::object({{"limits", fields::encode(limits)}});
  if (restart) body.set("restart", fields::encode(*restart));
  return body;
}

Result<Limits> limits_of(const Record& record, const Json& wanted) {
  Limits limits = record.config.limits;
  std::string wrong;
  fields::Reader reader(wanted, "", wrong);
  reader.member("limits", limits);
  if (!wrong.empty()) return fail(ErrorCode::kInvalid, "update container: wrong value of " + wrong);
  return limits;
}

Status change_limits(int directory, Record& record, const Json& wanted) {
  Record changed = record;
  std::string wrong;
  fields::Reader reader(wanted, "", wrong);
  reader.member("limits", changed.config.limits);
  reader.member("restart", changed.config.restart);
  if (!wrong.empty()) return fail(ErrorCode::kInvalid, "update container: wrong value of " + wrong);
  if (changed.config.auto_remove && changed.config.restart.kind != RestartPolicy::Kind::kNo)
    return fail(ErrorCode::kInvalid,
                "update container: one that is removed when it ends cannot be restarted");
  SLIP_TRY(write_record(directory, changed));
  record = std::move(changed);
  return {};
}

// By opening the volumes anew: whoever removes a container may be its monitor, which has none.
Status release_volumes(const Layout& layout, const Record& record, Anonymous anonymous) {
  const auto is_volume = [](const MountInfo& mount) {
    return mount.config.type == MountConfig::Type::kVolume;
  };
  if (std::none_of(record.mounts.begin(), record.mounts.end(), is_volume)) return {};
  const auto volumes = SLIP_TRY(Volumes::open(layout.state()));
  SLIP_TRY(volumes->release(record.id));
  if (anonymous == Anonymous::kStay) return {};
  for (const MountInfo& mount : record.mounts) {
    if (is_volume(mount) && mount.config.source.empty())
      (void)volumes->remove(mount.volume, false);  // Another container may use it by now.
  }
  return {};
}

std::string image_user(const std::string& id) { return std::string(kUserPrefix) + id; }

Status unlist_container(const Layout& layout, const Record& record) {
  if (::rename(layout.of(record.id).c_str(), layout.leaving(record.id).c_str()) != 0)
    return fail_errno("remove container " + short_id(record.id));
  layout.free_name(record.name, record.id);
  ::unlink(layout.running(record.id).c_str());
  return {};
}

void remove_files(const Layout& layout, const std::string& id) {
  (void)remove_tree(layout.leaving(id));
}

void sweep(const Layout& layout, cachestore::Store& store) {
  for (const std::string& id : names_in(layout.root() + "/.leaving")) remove_files(layout, id);
  // Whoever makes a container shares this lock: without any, all that is half made is left over.
  const auto making = open_file(layout.making_lock(), O_RDWR | O_CREAT, 0600);
  if (!making || ::flock(making->get(), LOCK_EX | LOCK_NB) != 0) return;
  for (const std::string& id : names_in(layout.root() + "/.making"))
    (void)remove_tree(layout.making(id));
  const auto names = names_in(layout.root() + "/by-name");
  const auto ids = layout.ids();
  const bool second_names =
      !ids || names.size() > ids->size();  // Of a renaming that was interrupted.
  for (const std::string& name : names) {
    const auto id = layout.id_of_name(name);
    if (!id || !path_exists(layout.of(*id)) || (second_names && !bears(layout, *id, name)))
      ::unlink(layout.name_link(name).c_str());
  }
  release_images(layout, store);
}

}  // namespace slipway::sandbox
