// Options of tmpfs mounts: words to numbers, by table.
#include "sandbox/mounts/tmpfs_options.h"

#include <sys/mount.h>

#include <cstdio>

#include "base/text.h"

namespace slipway::sandbox {
namespace {

struct Flag {
  std::string_view name;
  std::uint64_t set;
  std::uint64_t clear;
};
// nosuid and nodev are always on: their opposites would let an image's file or a made node work.
constexpr Flag kFlags[] = {
    {"rw", 0, MOUNT_ATTR_RDONLY},
    {"ro", MOUNT_ATTR_RDONLY, 0},
    {"exec", 0, MOUNT_ATTR_NOEXEC},
    {"noexec", MOUNT_ATTR_NOEXEC, 0},
    {"nosuid", MOUNT_ATTR_NOSUID, 0},
    {"nodev", MOUNT_ATTR_NODEV, 0},
    {"relatime", 0, MOUNT_ATTR__ATIME},
    {"noatime", MOUNT_ATTR_NOATIME, MOUNT_ATTR__ATIME},
    {"strictatime", MOUNT_ATTR_STRICTATIME, MOUNT_ATTR__ATIME},
    {"nodiratime", MOUNT_ATTR_NODIRATIME, 0},
};

tl::unexpected<Error> bad_option(const TmpfsMount& mount, std::string_view option,
                                 const std::string& why) {
  return fail(ErrorCode::kInvalid, "mount tmpfs at " + printable(mount.target) + ": option \"" +
                                       printable(option) + "\": " + why);
}

bool octal(std::string_view text) {
  return !text.empty() && text.size() <= 5 && text.find_first_not_of("01234567") == text.npos;
}

// Sizes as the kernel reads them: a number with k, m or g, or a percentage of the memory.
bool size_text(std::string_view text) {
  if (text.empty() || text.size() > 20) return false;
  const std::size_t end = text.find_first_not_of("0123456789");
  if (end == 0) return false;
  return end == text.npos || (end + 1 == text.size() && std::string_view("kKmMgG%").find(
                                                            text[end]) != std::string_view::npos);
}

bool id_text(std::string_view text) {
  const auto number = parse_int(text);
  return number && *number >= 0 && *number < 65'536;
}

void set_option(TmpfsSettings& settings, std::string_view name, std::string value) {
  for (auto& [known, old] : settings.options) {
    if (known == name) return void(old = std::move(value));
  }
  settings.options.emplace_back(name, std::move(value));
}

Status apply_flag(const TmpfsMount& mount, std::string_view option, TmpfsSettings& settings) {
  for (const Flag& flag : kFlags) {
    if (option != flag.name) continue;
    settings.attributes = (settings.attributes & ~flag.clear) | flag.set;
    return {};
  }
  if (option == "suid" || option == "dev")
    return bad_option(mount, option, "it would weaken the container");
  return bad_option(mount, option, "unknown");
}

Status apply_value(const TmpfsMount& mount, std::string_view option, std::size_t equals,
                   TmpfsSettings& settings) {
  const std::string_view name = option.substr(0, equals);
  const std::string_view value = option.substr(equals + 1);
  bool good = false;
  if (name == "mode") {
    good = octal(value);
  } else if (name == "size" || name == "nr_blocks" || name == "nr_inodes") {
    good = size_text(value);
  } else if (name == "uid" || name == "gid") {
    good = id_text(value);
  } else {
    return bad_option(mount, option, "unknown");
  }
  if (!good) return bad_option(mount, option, "not a value for it");
  set_option(settings, name, std::string(value));
  return {};
}

}  // namespace

Result<TmpfsSettings> tmpfs_settings(const TmpfsMount& mount) {
  TmpfsSettings settings;
  char mode[16];
  std::snprintf(mode, sizeof mode, "%o", mount.mode & 07777U);
  set_option(settings, "mode", mode);
  if (mount.size.value > 0) set_option(settings, "size", std::to_string(mount.size.value));
  settings.attributes = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV;
  for (const std::string& option : mount.options) {
    const std::size_t equals = option.find('=');
    SLIP_TRY(equals == option.npos ? apply_flag(mount, option, settings)
                                   : apply_value(mount, option, equals, settings));
  }
  return settings;
}

}  // namespace slipway::sandbox
