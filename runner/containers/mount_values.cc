// Mounts as docker writes them: -v, --mount, --tmpfs.
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <map>

#include "base/text.h"
#include "runner/option_values.h"
#include "sandbox/volumes.h"

namespace slipway::runner {
namespace {

using sandbox::MountConfig;
using Propagation = MountConfig::Propagation;

tl::unexpected<Error> bad_mount(const std::string& text, const std::string& cause,
                                ErrorCode code = ErrorCode::kInvalid) {
  return fail(code, "mount \"" + printable(text) + "\": " + cause);
}

std::optional<Propagation> propagation_of(std::string_view word) {
  constexpr std::array<std::string_view, 6> kWords{"private", "rprivate", "slave",
                                                   "rslave",  "shared",   "rshared"};
  const auto found = std::find(kWords.begin(), kWords.end(), word);
  if (found == kWords.end()) return std::nullopt;
  return static_cast<Propagation>(found - kWords.begin());
}

Status check_target(const MountConfig& mount, const std::string& text) {
  if (mount.target.empty()) return bad_mount(text, "the target is missing");
  if (!mount.target.starts_with('/')) return bad_mount(text, "the target must be an absolute path");
  if (std::filesystem::path(mount.target).lexically_normal() == "/")
    return bad_mount(text, "the target must not be the root directory");
  return {};
}

/// Absolute and without dots; links stay as they are until the mount is made.
Result<std::string> host_path(const std::string& path, const std::string& text) {
  std::string full = path;
  if (path == "~" || path.starts_with("~/")) {
    const char* home = std::getenv("HOME");
    if (home == nullptr || *home != '/') return bad_mount(text, "HOME is not set");
    full = home + path.substr(1);
  }
  std::error_code failed;
  const auto absolute = std::filesystem::absolute(full, failed);
  if (failed) return bad_mount(text, "the directory here cannot be found: " + failed.message());
  std::string normal = absolute.lexically_normal().string();
  if (normal.size() > 1 && normal.ends_with('/')) normal.pop_back();
  return normal;
}

Status set_volume_name(MountConfig& mount, const std::string& name, const std::string& text) {
  if (!name.empty() && !sandbox::valid_object_name(name))
    return bad_mount(text, "\"" + printable(name) +
                               "\" is no volume name; for a directory of this machine write its "
                               "absolute path");
  mount.type = MountConfig::Type::kVolume;
  mount.source = name;
  return {};
}

Result<unsigned> parse_mode(std::string_view digits, const std::string& text) {
  const std::string copy(digits);
  char* end = nullptr;
  const unsigned long mode = std::strtoul(copy.c_str(), &end, 8);
  if (copy.empty() || *end != '\0' || mode > 07777)
    return bad_mount(text, "mode wants octal digits");
  return static_cast<unsigned>(mode);
}

Status apply_volume_word(MountConfig& mount, std::string_view word, const std::string& text) {
  if (word == "ro") {
    mount.access = sandbox::Access::kReadOnly;
  } else if (word == "nocopy") {
    if (mount.type != MountConfig::Type::kVolume) return bad_mount(text, "nocopy is for volumes");
    mount.no_copy = true;
  } else if (const auto propagation = propagation_of(word)) {
    if (mount.type != MountConfig::Type::kBind)
      return bad_mount(text, "propagation is for directories of this machine");
    mount.propagation = *propagation;
  } else if (word != "rw" && word != "z" && word != "Z" && word != "cached" &&
             word != "delegated" && word != "consistent") {
    // z and Z set SELinux labels, which this engine leaves alone; the last three are for Macs.
    return bad_mount(text, "unknown option \"" + printable(word) + "\"");
  }
  return {};
}

/// One line of comma-separated values: "a quoted, value" counts as one. Spec: RFC 4180.
Result<std::vector<std::string>> split_csv(const std::string& text) {
  std::vector<std::string> fields(1);
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '"' && quoted && i + 1 < text.size() && text[i + 1] == '"') {
      fields.back() += text[++i];
    } else if (c == '"' && (quoted || fields.back().empty())) {
      quoted = !quoted;
    } else if (c == ',' && !quoted) {
      fields.emplace_back();
    } else {
      fields.back() += c;
    }
  }
  if (quoted) return bad_mount(text, "a quote is not closed");
  return fields;
}

Result<bool> parse_bool(const std::string& value, const std::string& text) {
  const std::string word = to_lower(value);
  if (word.empty() || word == "true" || word == "1") return true;
  if (word == "false" || word == "0") return false;
  return bad_mount(text, "expected true or false, not \"" + printable(value) + "\"");
}

struct MountKeys {
  MountConfig mount;
  std::string source;
  const std::string& text;
};
using KeyReader = Status (*)(MountKeys&, const std::string& value);
using Type = MountConfig::Type;

Status read_type(MountKeys& keys, const std::string& value) {
  if (value == "bind") {
    keys.mount.type = Type::kBind;
  } else if (value == "tmpfs") {
    keys.mount.type = Type::kTmpfs;
  } else if (value == "volume") {
    keys.mount.type = Type::kVolume;
  } else {
    return bad_mount(keys.text, "type is bind, volume or tmpfs",
                     value == "image" || value == "npipe" || value == "cluster"
                         ? ErrorCode::kUnsupported
                         : ErrorCode::kInvalid);
  }
  return {};
}

Status refuse_non_recursive(MountKeys& keys, const std::string& value) {
  if (value == "enabled" || value == "false") return {};
  return bad_mount(keys.text, "binds are always recursive", ErrorCode::kUnsupported);
}

struct KeyRow {
  KeyReader read;
  std::optional<Type> only;  ///< The type it goes with.
};
/// Docker CLI reference: "docker run --mount".
const std::map<std::string_view, KeyRow>& mount_keys() {
  static const KeyReader kSource = [](MountKeys& k, const std::string& v) -> Status {
    k.source = v;
    return {};
  };
  static const KeyReader kTarget = [](MountKeys& k, const std::string& v) -> Status {
    k.mount.target = v;
    return {};
  };
  static const KeyReader kReadOnly = [](MountKeys& k, const std::string& v) -> Status {
    k.mount.access =
        SLIP_TRY(parse_bool(v, k.text)) ? sandbox::Access::kReadOnly : sandbox::Access::kReadWrite;
    return {};
  };
  static const std::map<std::string_view, KeyRow> kKeys{
      {"type", {read_type, {}}},
      {"source", {kSource, {}}},
      {"src", {kSource, {}}},
      {"target", {kTarget, {}}},
      {"dst", {kTarget, {}}},
      {"destination", {kTarget, {}}},
      {"readonly", {kReadOnly, {}}},
      {"ro", {kReadOnly, {}}},
      {"consistency", {[](MountKeys&, const std::string&) -> Status { return {}; }, {}}},
      {"bind-propagation",
       {[](MountKeys& k, const std::string& v) -> Status {
          const auto propagation = propagation_of(v);
          if (!propagation) return bad_mount(k.text, "unknown propagation");
          k.mount.propagation = *propagation;
          return {};
        },
        Type::kBind}},
      {"bind-nonrecursive", {refuse_non_recursive, Type::kBind}},
      {"bind-recursive", {refuse_non_recursive, Type::kBind}},
      {"volume-nocopy",
       {[](MountKeys& k, const std::string& v) -> Status {
          k.mount.no_copy = SLIP_TRY(parse_bool(v, k.text));
          return {};
        },
        Type::kVolume}},
      {"volume-label",
       {[](MountKeys& k, const std::string& v) -> Status {
          k.mount.volume_labels.push_back(parse_pair(v));
          return {};
        },
        Type::kVolume}},
      {"volume-driver",
       {[](MountKeys& k, const std::string& v) -> Status {
          if (v != "local") return bad_mount(k.text, "volumes are local", ErrorCode::kUnsupported);
          k.mount.volume_driver = v;
          return {};
        },
        Type::kVolume}},
      {"volume-opt",
       {[](MountKeys& k, const std::string&) -> Status {
          return bad_mount(k.text, "make the volume first, by `runner volume create --opt`",
                           ErrorCode::kUnsupported);
        },
        Type::kVolume}},
      {"volume-subpath",
       {[](MountKeys& k, const std::string& v) -> Status {
          k.mount.subpath = v;
          return {};
        },
        Type::kVolume}},
      {"tmpfs-size",
       {[](MountKeys& k, const std::string& v) -> Status {
          k.mount.tmpfs_size = SLIP_TRY(parse_size(v));
          return {};
        },
        Type::kTmpfs}},
      {"tmpfs-mode",
       {[](MountKeys& k, const std::string& v) -> Status {
          k.mount.tmpfs_mode = SLIP_TRY(parse_mode(v, k.text));
          return {};
        },
        Type::kTmpfs}},
  };
  return kKeys;
}

Status read_mount_keys(MountKeys& keys) {
  std::vector<std::pair<std::string, std::optional<Type>>> seen;
  for (const std::string& field : SLIP_TRY(split_csv(keys.text))) {
    const auto [name, value] = parse_pair(std::string(trim(field)));
    const std::string key = to_lower(name);
    const auto row = mount_keys().find(key);
    if (row == mount_keys().end())
      return bad_mount(keys.text, "unknown key \"" + printable(name) + "\"");
    SLIP_TRY(row->second.read(keys, value));
    seen.emplace_back(key, row->second.only);
  }
  for (const auto& [key, only] : seen) {
    if (only && *only != keys.mount.type)
      return bad_mount(keys.text, key + " does not go with this type");
  }
  return {};
}

}  // namespace

std::pair<std::string, std::string> parse_pair(const std::string& text) {
  const std::size_t equals = text.find('=');
  if (equals == std::string::npos) return {text, ""};
  return {text.substr(0, equals), text.substr(equals + 1)};
}

Result<MountConfig> parse_volume(const std::string& text) {
  const auto parts = split(text, ':');
  if (text.empty() || parts.size() > 3) return bad_mount(text, "expected [SRC:]DST[:OPTIONS]");
  MountConfig mount;
  mount.target = std::string(parts.size() == 1 ? parts[0] : parts[1]);
  const std::string source(parts.size() == 1 ? std::string_view() : parts[0]);
  if (parts.size() > 1 && source.empty()) return bad_mount(text, "SRC is empty");
  if (source.starts_with('/') || source.starts_with('.') || source.starts_with('~')) {
    mount.type = MountConfig::Type::kBind;
    mount.source = SLIP_TRY(host_path(source, text));
    mount.create_source = true;
  } else {
    SLIP_TRY(set_volume_name(mount, source, text));
  }
  SLIP_TRY(check_target(mount, text));
  if (parts.size() < 3) return mount;
  for (const std::string_view word : split(parts[2], ','))
    SLIP_TRY(apply_volume_word(mount, word, text));
  return mount;
}

Result<MountConfig> parse_mount(const std::string& text) {
  MountKeys keys{{}, "", text};
  keys.mount.type = Type::kVolume;
  SLIP_TRY(read_mount_keys(keys));
  MountConfig& mount = keys.mount;
  SLIP_TRY(check_target(mount, text));
  switch (mount.type) {
    case Type::kBind:
      if (keys.source.empty()) return bad_mount(text, "the source is missing");
      if (!keys.source.starts_with('/') && !keys.source.starts_with('.'))
        return bad_mount(text, "the source must be an absolute path");
      mount.source = SLIP_TRY(host_path(keys.source, text));
      break;
    case Type::kTmpfs:
      if (!keys.source.empty()) return bad_mount(text, "a tmpfs has no source");
      break;
    case Type::kVolume:
    case Type::kSnapshot:
      SLIP_TRY(set_volume_name(mount, keys.source, text));
      break;
  }
  return mount;
}

// Docker run reference, "Mount tmpfs (--tmpfs)": the kernel's options for tmpfs; those that open a hole are not taken.
Result<MountConfig> parse_tmpfs(const std::string& text) {
  const std::size_t colon = text.find(':');
  MountConfig mount;
  mount.type = Type::kTmpfs;
  mount.target = text.substr(0, colon);
  SLIP_TRY(check_target(mount, text));
  if (colon == std::string::npos) return mount;
  for (const std::string_view option : split(std::string_view(text).substr(colon + 1), ',')) {
    if (option.starts_with("size=")) {
      mount.tmpfs_size = SLIP_TRY(parse_size(option.substr(5)));
    } else if (option.starts_with("mode=")) {
      mount.tmpfs_mode = SLIP_TRY(parse_mode(option.substr(5), text));
    } else if (option == "ro") {
      mount.access = sandbox::Access::kReadOnly;
    } else if (option == "noexec" || option == "exec" || option.starts_with("uid=") ||
               option.starts_with("gid=") || option.starts_with("nr_inodes=")) {
      const auto [name, value] = parse_pair(std::string(option));
      if (option.find('=') != std::string_view::npos && !parse_int(value))
        return bad_mount(text, name + " wants a number");
      mount.tmpfs_options.emplace_back(option);
    } else if (option != "rw" && option != "nosuid" && option != "nodev" && !option.empty()) {
      return bad_mount(text, "unknown option \"" + printable(option) + "\"");
    }
  }
  return mount;
}

}  // namespace slipway::runner
