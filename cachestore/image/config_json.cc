// The image config document to and from our type. Members we do not know are carried along.
#include "cachestore/image/config_json.h"

#include <sys/utsname.h>

#include <algorithm>
#include <array>
#include <utility>

namespace slipway::cachestore {
namespace {

// Bound on every list in a config: far above any image, low enough to keep hostile ones cheap.
constexpr std::size_t kMaxItems = 10'000;

// Members that have a field of ImageConfig, or are made anew.
constexpr std::array kDocumentMembers = {
    std::string_view("architecture"), std::string_view("variant"), std::string_view("os"),
    std::string_view("os.version"),   std::string_view("author"),  std::string_view("comment"),
    std::string_view("created"),      std::string_view("history"), std::string_view("config"),
    std::string_view("rootfs")};
constexpr std::array kRuntimeMembers = {
    std::string_view("User"),       std::string_view("Env"),
    std::string_view("Entrypoint"), std::string_view("Cmd"),
    std::string_view("WorkingDir"), std::string_view("StopSignal"),
    std::string_view("Volumes"),    std::string_view("ExposedPorts"),
    std::string_view("Labels"),     std::string_view("OnBuild"),
    std::string_view("Shell"),      std::string_view("Healthcheck"),
    std::string_view("ArgsEscaped")};

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

template <std::size_t N>
Result<Json> others(const Json& json, const std::array<std::string_view, N>& known,
                    const std::string& what) {
  Json::Object rest;
  for (const Json::Member& member : json.members()) {
    if (std::find(known.begin(), known.end(), member.first) == known.end()) rest.push_back(member);
  }
  if (rest.size() > kMaxItems) return fail(config_error(what, "too many members"));
  return rest.empty() ? Json() : Json(std::move(rest));
}

void append(Json& json, const Json& more) {
  Json::Object all = json.members();
  all.insert(all.end(), more.members().begin(), more.members().end());
  json = Json(std::move(all));
}

Result<std::optional<Healthcheck>> read_healthcheck(const Json& parent, const std::string& what) {
  const Json& json = parent["Healthcheck"];
  if (json.is_null()) return std::optional<Healthcheck>();
  if (!json.is_object()) return fail(config_error(what, "Healthcheck must be an object"));
  Healthcheck check;
  check.test = SLIP_TRY(read_texts(json, "Test", what));
  check.interval = std::chrono::nanoseconds(json["Interval"].int_or(0));
  check.timeout = std::chrono::nanoseconds(json["Timeout"].int_or(0));
  check.start_period = std::chrono::nanoseconds(json["StartPeriod"].int_or(0));
  check.start_interval = std::chrono::nanoseconds(json["StartInterval"].int_or(0));
  check.retries = json["Retries"].int_or(0);
  return std::optional(std::move(check));
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
  config.on_build = SLIP_TRY(read_texts(json, "OnBuild", what));
  config.shell = SLIP_TRY(read_texts(json, "Shell", what));
  config.healthcheck = SLIP_TRY(read_healthcheck(json, what));
  config.args_escaped = json["ArgsEscaped"].bool_or(false);
  const Json& labels = json["Labels"];
  if (labels.members().size() > kMaxItems) return fail(config_error(what, "too many labels"));
  for (const auto& [name, value] : labels.members()) {
    config.labels.emplace_back(name, std::string(value.string_or("")));
  }
  config.extra_runtime = SLIP_TRY(others(json, kRuntimeMembers, what));
  return {};
}

Result<std::vector<HistoryEntry>> read_history(const Json& document, const std::string& what) {
  const Json& json = document["history"];
  std::vector<HistoryEntry> history;
  if (json.is_null()) return history;
  if (!json.is_array() || json.items().size() > kMaxItems) {
    return fail(config_error(what, "history must be a list of objects"));
  }
  for (const Json& item : json.items()) {
    if (!item.is_object()) return fail(config_error(what, "history must be a list of objects"));
    HistoryEntry entry;
    if (const auto time = parse_rfc3339(item["created"].string_or(""))) entry.created = *time;
    entry.created_by = SLIP_TRY(read_text(item, "created_by", what));
    entry.author = SLIP_TRY(read_text(item, "author", what));
    entry.comment = SLIP_TRY(read_text(item, "comment", what));
    entry.empty_layer = item["empty_layer"].bool_or(false);
    history.push_back(std::move(entry));
  }
  return history;
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
  Json::Object set;
  for (const std::string& name : names) set.emplace_back(name, Json::object());
  return Json(std::move(set));
}

Json healthcheck_json(const Healthcheck& check) {
  Json json = Json::object();
  if (!check.test.empty()) json.set("Test", text_list(check.test));
  const std::pair<const char*, std::int64_t> numbers[] = {
      {"Interval", check.interval.count()},
      {"Timeout", check.timeout.count()},
      {"StartPeriod", check.start_period.count()},
      {"StartInterval", check.start_interval.count()},
      {"Retries", check.retries}};
  for (const auto& [name, value] : numbers) {
    if (value != 0) json.set(name, value);
  }
  return json;
}

void set_text(Json& json, const char* name, const std::string& value) {
  if (!value.empty()) json.set(name, value);
}

void set_texts(Json& json, const char* name, const std::vector<std::string>& values) {
  if (!values.empty()) json.set(name, text_list(values));
}

}  // namespace

Result<ParsedConfig> parse_config(std::string_view text, const std::string& what) {
  const Json json = SLIP_TRY_WITHIN("read image config " + what, parse_json(text));
  if (!json.is_object()) return fail(config_error(what, "not an object"));
  ParsedConfig parsed;
  ImageConfig& config = parsed.config;
  config.architecture = SLIP_TRY(read_text(json, "architecture", what));
  config.variant = SLIP_TRY(read_text(json, "variant", what));
  config.os = SLIP_TRY(read_text(json, "os", what));
  config.os_version = SLIP_TRY(read_text(json, "os.version", what));
  config.author = SLIP_TRY(read_text(json, "author", what));
  config.comment = SLIP_TRY(read_text(json, "comment", what));
  if (const auto created = parse_rfc3339(json["created"].string_or(""))) config.created = *created;
  config.history = SLIP_TRY(read_history(json, what));
  SLIP_TRY(read_runtime(json["config"], config, what));
  config.extra = SLIP_TRY(others(json, kDocumentMembers, what));
  parsed.diff_ids = SLIP_TRY(read_diff_ids(json, what));
  return parsed;
}

Json runtime_json(const ImageConfig& config) {
  Json json = Json::object();
  set_text(json, "User", config.user);
  if (!config.exposed_ports.empty()) json.set("ExposedPorts", text_set(config.exposed_ports));
  set_texts(json, "Env", config.env);
  set_texts(json, "Entrypoint", config.entrypoint);
  set_texts(json, "Cmd", config.cmd);
  if (config.healthcheck) json.set("Healthcheck", healthcheck_json(*config.healthcheck));
  if (config.args_escaped) json.set("ArgsEscaped", true);
  if (!config.volumes.empty()) json.set("Volumes", text_set(config.volumes));
  set_text(json, "WorkingDir", config.working_dir);
  set_texts(json, "OnBuild", config.on_build);
  if (!config.labels.empty()) {
    Json::Object labels;
    for (const auto& [name, value] : config.labels) labels.emplace_back(name, value);
    json.set("Labels", Json(std::move(labels)));
  }
  set_text(json, "StopSignal", config.stop_signal);
  set_texts(json, "Shell", config.shell);
  append(json, config.extra_runtime);
  return json;
}

Json history_json(const std::vector<HistoryEntry>& history) {
  Json list = Json::array();
  for (const HistoryEntry& entry : history) {
    Json json = Json::object();
    if (entry.created != WallTime()) json.set("created", format_nanos(entry.created));
    set_text(json, "created_by", entry.created_by);
    set_text(json, "author", entry.author);
    set_text(json, "comment", entry.comment);
    if (entry.empty_layer) json.set("empty_layer", true);
    list.push(std::move(json));
  }
  return list;
}

std::string make_config(const ImageConfig& config, const std::vector<Digest>& diff_ids) {
  Json ids = Json::array();
  for (const Digest& id : diff_ids) ids.push(id.str());
  Json json = Json::object({{"created", format_nanos(config.created)}});
  set_text(json, "author", config.author);
  set_text(json, "comment", config.comment);
  json.set("architecture", config.architecture);
  set_text(json, "variant", config.variant);
  json.set("os", config.os);
  set_text(json, "os.version", config.os_version);
  json.set("config", runtime_json(config));
  json.set("rootfs", Json::object({{"type", "layers"}, {"diff_ids", std::move(ids)}}));
  if (!config.history.empty()) json.set("history", history_json(config.history));
  append(json, config.extra);
  return json.dump();
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
