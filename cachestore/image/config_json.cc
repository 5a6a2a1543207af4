// The OCI documents of an image: config and manifest, to and from our types.
#include "cachestore/image/config_json.h"

#include <sys/utsname.h>

#include <array>
#include <utility>

namespace slipway::cachestore {
namespace {

// Bound on every list in a config: far above any image, low enough to keep hostile ones cheap.
constexpr std::size_t kMaxItems = 10'000;

Error config_error(const std::string& what, std::string_view cause) {
  return Error(ErrorCode::kInvalid, "read image config " + what + ": " + std::string(cause));
}

Result<std::string> read_text(const Json& parent, std::string_view key, const std::string& what) {
  const Json& value = parent[key];
  if (value.is_null()) return std::string();
  if (!value.is_string()) return fail(config_error(what, std::string(key) + " must be a string"));
  std::string text(value.string_or(""));
  if (text.find('\0') != std::string::npos) {
    return fail(config_error(what, std::string(key) + " contains a NUL byte"));
  }
  return text;
}

Result<std::vector<std::string>> read_texts(const Json& parent, std::string_view key,
                                            const std::string& what) {
  std::vector<std::string> texts;
  const Json& value = parent[key];
  if (value.is_null()) return texts;
  if (!value.is_array() || value.items().size() > kMaxItems) {
    return fail(config_error(what, std::string(key) + " must be a list of strings"));
  }
  for (const Json& item : value.items()) {
    const std::string_view text = item.string_or("");
    if (!item.is_string() || text.find('\0') != std::string_view::npos) {
      return fail(config_error(what, std::string(key) + " must be a list of strings"));
    }
    texts.emplace_back(text);
  }
  return texts;
}

// Volumes and ExposedPorts are objects used as sets.
Result<std::vector<std::string>> read_set(const Json& parent, std::string_view key,
                                          const std::string& what) {
  std::vector<std::string> names;
  const Json& value = parent[key];
  if (value.is_null()) return names;
  if (!value.is_object() || value.members().size() > kMaxItems) {
    return fail(config_error(what, std::string(key) + " must be an object"));
  }
  for (const auto& [name, ignored] : value.members()) names.push_back(name);
  return names;
}

Status read_runtime(const Json& json, ImageConfig& config, const std::string& what) {
  if (!json.is_null() && !json.is_object()) {
    return fail(config_error(what, "config must be an object"));
  }
  config.user = SLIP_TRY(read_text(json, "User", what));
  config.env = SLIP_TRY(read_texts(json, "Env", what));
  config.entrypoint = SLIP_TRY(read_texts(json, "Entrypoint", what));
  config.cmd = SLIP_TRY(read_texts(json, "Cmd", what));
  config.working_dir = SLIP_TRY(read_text(json, "WorkingDir", what));
  config.stop_signal = SLIP_TRY(read_text(json, "StopSignal", what));
  config.volumes = SLIP_TRY(read_set(json, "Volumes", what));
  config.exposed_ports = SLIP_TRY(read_set(json, "ExposedPorts", what));
  const Json& labels = json["Labels"];
  if (labels.members().size() > kMaxItems) return fail(config_error(what, "too many labels"));
  for (const auto& [name, value] : labels.members()) {
    config.labels.emplace_back(name, std::string(value.string_or("")));
  }
  return {};
}

Result<std::vector<Digest>> read_diff_ids(const Json& root, const std::string& what) {
  const Json& rootfs = root["rootfs"];
  if (rootfs["type"].string_or("") != "layers") {
    return fail(config_error(what, "rootfs.type must be \"layers\""));
  }
  const Json::Array& items = rootfs["diff_ids"].items();
  if (items.size() > kMaxLayers) {
    return fail(config_error(what, "more than " + std::to_string(kMaxLayers) + " layers"));
  }
  std::vector<Digest> diff_ids;
  for (const Json& item : items) {
    diff_ids.push_back(
        SLIP_TRY_WITHIN("read image config " + what, Digest::parse(item.string_or(""))));
  }
  return diff_ids;
}

Json text_list(const std::vector<std::string>& texts) {
  Json list = Json::array();
  for (const std::string& text : texts) list.push(text);
  return list;
}

Json text_set(const std::vector<std::string>& names) {
  Json set = Json::object();
  for (const std::string& name : names) set.set(name, Json::object());
  return set;
}

Json descriptor_json(const Descriptor& descriptor) {
  return Json::object({{"mediaType", descriptor.media_type},
                       {"digest", descriptor.digest.str()},
                       {"size", descriptor.size}});
}

}  // namespace

Result<ParsedConfig> parse_config(std::string_view text, const std::string& what) {
  const Json json = SLIP_TRY_WITHIN("read image config " + what, parse_json(text));
  if (!json.is_object()) return fail(config_error(what, "not an object"));
  ParsedConfig parsed;
  parsed.config.architecture = SLIP_TRY(read_text(json, "architecture", what));
  parsed.config.os = SLIP_TRY(read_text(json, "os", what));
  SLIP_TRY(read_runtime(json["config"], parsed.config, what));
  if (const auto created = parse_rfc3339(json["created"].string_or(""))) {
    parsed.config.created = *created;
  }
  parsed.diff_ids = SLIP_TRY(read_diff_ids(json, what));
  return parsed;
}

Json runtime_json(const ImageConfig& config) {
  Json json = Json::object();
  if (!config.user.empty()) json.set("User", config.user);
  if (!config.exposed_ports.empty()) json.set("ExposedPorts", text_set(config.exposed_ports));
  if (!config.env.empty()) json.set("Env", text_list(config.env));
  if (!config.entrypoint.empty()) json.set("Entrypoint", text_list(config.entrypoint));
  if (!config.cmd.empty()) json.set("Cmd", text_list(config.cmd));
  if (!config.volumes.empty()) json.set("Volumes", text_set(config.volumes));
  if (!config.working_dir.empty()) json.set("WorkingDir", config.working_dir);
  if (!config.labels.empty()) {
    Json labels = Json::object();
    for (const auto& [name, value] : config.labels) labels.set(name, value);
    json.set("Labels", std::move(labels));
  }
  if (!config.stop_signal.empty()) json.set("StopSignal", config.stop_signal);
  return json;
}

std::string make_config(const ImageConfig& config, const std::vector<Digest>& diff_ids,
                        const std::string& comment) {
  const std::string created = format_rfc3339(config.created);
  Json ids = Json::array();
  Json history = Json::array();
  for (const Digest& id : diff_ids) {
    ids.push(id.str());
    history.push(Json::object({{"created", created}, {"comment", comment}}));
  }
  return Json::object({{"created", created},
                       {"architecture", config.architecture},
                       {"os", config.os},
                       {"config", runtime_json(config)},
                       {"rootfs", Json::object({{"type", "layers"}, {"diff_ids", std::move(ids)}})},
                       {"history", std::move(history)}})
      .dump();
}

std::string make_manifest(const Descriptor& config, const std::vector<Descriptor>& layers) {
  Json list = Json::array();
  for (const Descriptor& layer : layers) list.push(descriptor_json(layer));
  return Json::object({{"schemaVersion", 2},
                       {"mediaType", kManifestType},
                       {"config", descriptor_json(config)},
                       {"layers", std::move(list)}})
      .dump();
}

std::string machine_architecture() {
  // uname(2) machine -> GOARCH, the words of the image spec.
  static constexpr std::array<std::pair<std::string_view, std::string_view>, 8> kNames = {{
      {"x86_64", "amd64"},
      {"aarch64", "arm64"},
      {"armv7l", "arm"},
      {"i686", "386"},
      {"ppc64le", "ppc64le"},
      {"riscv64", "riscv64"},
      {"s390x", "s390x"},
      {"loongarch64", "loong64"},
  }};
  utsname name{};
  ::uname(&name);
  for (const auto& [machine, arch] : kNames) {
    if (machine == name.machine) return std::string(arch);
  }
  return name.machine;
}

}  // namespace slipway::cachestore
