// volume.json, and the options of docker's local volume driver as far as they make sense without host mounts.
#include "sandbox/volume/volume_record.h"

#include <fcntl.h>

#include <algorithm>
#include <cstdlib>
#include <set>

#include "base/files.h"
#include "base/text.h"
#include "sandbox/containers/json_fields.h"

namespace slipway::sandbox {
namespace {

template <typename Fields, fields::Like<VolumeInfo> T>
void list_record(Fields& fields, T& volume) {
  fields.member("name", volume.name);
  fields.member("created_ns", volume.created);
  fields.member("anonymous", volume.anonymous);
  fields.member("labels", volume.labels);
  fields.member("options", volume.options);
}

std::string option_of(const VolumeInfo& volume, std::string_view name) {
  for (const auto& [key, value] : volume.options) {
    if (key == name) return value;
  }
  return "";
}

tl::unexpected<Error> bad_option(const std::string& option, const std::string& value,
                                 const std::string& cause, ErrorCode code = ErrorCode::kInvalid) {
  return fail(code, "volume option " + option + "=" + printable(value) + ": " + cause);
}

/// `o`: mount(8)'s words, as far as tmpfs and binds have use for them.
Status read_mount_words(VolumeInfo& volume, const std::string& words) {
  // What every mount in a container gets anyway, or what a private mount has no use for.
  static const std::set<std::string_view> kNoEffect{"bind",   "rbind",   "rw",       "nodev",
                                                    "nosuid", "private", "rprivate", "defaults"};
  for (const std::string_view word : split(words, ',')) {
    if (word == "ro") {
      volume.access = Access::kReadOnly;
    } else if (word.starts_with("size=") && volume.kind == VolumeKind::kTmpfs) {
      volume.tmpfs_size = SLIP_TRY_WITHIN("volume option o", parse_size(word.substr(5)));
    } else if (word.starts_with("mode=") && volume.kind == VolumeKind::kTmpfs) {
      const std::string digits(word.substr(5));
      char* end = nullptr;
      const unsigned long mode = std::strtoul(digits.c_str(), &end, 8);
      if (digits.empty() || *end != '\0' || mode > 07777)
        return bad_option("o", words, "mode wants octal digits");
      volume.tmpfs_mode = static_cast<unsigned>(mode);
    } else if (!word.empty() && !kNoEffect.contains(word)) {
      return bad_option("o", words, "\"" + printable(word) + "\" is not possible here",
                        ErrorCode::kUnsupported);
    }
  }
  return {};
}

Status make_bind(VolumeInfo& volume, const std::string& device) {
  if (!device.starts_with('/')) return bad_option("device", device, "must be an absolute path");
  const Result<Fd> directory = open_file(device, O_PATH | O_DIRECTORY);
  if (!directory) return bad_option("device", device, "no such directory", ErrorCode::kNotFound);
  volume.kind = VolumeKind::kBind;
  volume.path = device;
  return {};
}

}  // namespace

Json volume_json(const VolumeInfo& volume) {
  fields::Writer writer;
  list_record(writer, volume);
  return writer.take();
}

Result<VolumeInfo> read_volume_json(const Json& json) {
  VolumeInfo volume;
  std::string wrong;
  fields::Reader reader(json, "", wrong);
  list_record(reader, volume);
  if (!wrong.empty()) return fail(ErrorCode::kCorrupt, "read volume.json: wrong value of " + wrong);
  return volume;
}

// Docker CLI reference: "docker volume create", driver-specific options of `local`.
Status apply_volume_options(VolumeInfo& volume) {
  for (const auto& [key, value] : volume.options) {
    if (key != "type" && key != "o" && key != "device")
      return bad_option(key, value, "the local driver has type, o and device");
  }
  const std::string type = option_of(volume, "type");
  const std::string words = option_of(volume, "o");
  const auto parts = split(words, ',');
  const bool bind = std::any_of(parts.begin(), parts.end(), [](std::string_view word) {
    return word == "bind" || word == "rbind";
  });
  if (type == "tmpfs") {
    volume.kind = VolumeKind::kTmpfs;
  } else if (type.empty() || type == "none" || type == "bind") {
    const std::string device = option_of(volume, "device");
    if (bind || type == "bind") {
      SLIP_TRY(make_bind(volume, device));
    } else if (!device.empty() || type == "none") {
      return bad_option("device", device, "goes only with o=bind");
    }
  } else {
    return bad_option("type", type, "only tmpfs and binds are possible without host mounts",
                      ErrorCode::kUnsupported);
  }
  return read_mount_words(volume, words);
}

}  // namespace slipway::sandbox
