// A container's config as the JSON that is kept beside it, and back; restart policies as text.
// Docker's own JSON is made elsewhere.
#include <algorithm>

#include "base/text.h"
#include "sandbox/containers/config_fields.h"

namespace slipway::sandbox {

namespace {

template <typename Fields, Like<power::CustomSeccomp> T>
void visit_power(Fields& fields, T& seccomp) {
  fields.member("json", seccomp.json);
}
template <typename Fields, Like<power::HostDevice> T>
void visit_power(Fields& fields, T& device) {
  fields.member("path_on_host", device.path_on_host);
  fields.member("path_in_container", device.path_in_container);
  fields.member("permissions", device.permissions);
}
template <typename Fields, Like<power::AddedCapability> T>
void visit_power(Fields& fields, T& capability) {
  fields.member("name", capability.name);
}
template <typename Fields, Like<power::HostDirectory> T>
void visit_power(Fields& fields, T& directory) {
  fields.member("path", directory.path);
}
template <typename Fields, Like<power::DeviceAccess> T>
void visit_power(Fields& fields, T& access) {
  fields.member("rule", access.rule);
}
template <typename Fields, typename T>
requires(std::is_empty_v<T>) void visit_power(Fields& /*fields*/, T& /*power*/) {}

/// What is written for each alternative of Power, in its order: a record must outlive a change of the variant.
constexpr std::array<std::string_view, std::variant_size_v<Power>> kPowers{
    "privileged",   "host-pid",         "host-ipc",           "host-uts",       "host-userns",
    "host-cgroups", "host-network",     "unconfined-seccomp", "custom-seccomp", "unmasked-paths",
    "host-device",  "added-capability", "host-directory",     "device-access"};

template <std::size_t... kIndex>
Power make_power(std::size_t index, std::index_sequence<kIndex...> /*all*/) {
  Power power;
  ((kIndex == index ? static_cast<void>(power.emplace<kIndex>()) : static_cast<void>(0)), ...);
  return power;
}

/// The members of a whole config.
template <typename Fields, Like<ContainerConfig> T>
void visit_config(Fields& fields, T& config) {
  fields.member("image", config.image);
  fields.member("image_id", config.image_id);
  fields.member("entrypoint", config.entrypoint);
  fields.member("command", config.command);
  fields.member("env", config.env);
  fields.member("user", config.user);
  fields.member("working_dir", config.working_dir);
  fields.member("hostname", config.hostname);
  fields.member("domainname", config.domainname);
  fields.member("tty", config.tty);
  fields.member("open_stdin", config.open_stdin);
  fields.member("stdin_once", config.stdin_once);
  fields.member("stop_signal", config.stop_signal);
  fields.member("stop_timeout_ms", config.stop_timeout);
  fields.member("health", config.health);
  fields.member("labels", config.labels);
  fields.member("exposed_ports", config.exposed_ports);
  fields.member("auto_remove", config.auto_remove);
  fields.member("restart", config.restart);
  fields.member("log", config.log);
  fields.member("mounts", config.mounts);
  fields.member("read_only_root", config.read_only_root);
  fields.member("volumes_from", config.volumes_from);
  fields.member("network_mode", config.network_mode);
  fields.member("endpoints", config.endpoints);
  fields.member("ports", config.ports);
  fields.member("publish_all", config.publish_all);
  fields.member("dns", config.dns);
  fields.member("dns_search", config.dns_search);
  fields.member("dns_options", config.dns_options);
  fields.member("extra_hosts", config.extra_hosts);
  fields.member("limits", config.limits);
  fields.member("isolation", config.isolation);
}

}  // namespace

namespace fields {

void list_members(Writer& fields, const Power& power) {
  fields.member("power", std::string(kPowers.at(power.index())));
  std::visit([&](const auto& alternative) { visit_power(fields, alternative); }, power);
}

void list_members(Reader& fields, Power& power) {
  std::string word;
  fields.member("power", word);
  const auto found = std::find(kPowers.begin(), kPowers.end(), word);
  if (found == kPowers.end()) return fields.complain("power \"" + printable(word) + "\"");
  power = make_power(static_cast<std::size_t>(found - kPowers.begin()),
                     std::make_index_sequence<std::variant_size_v<Power>>());
  std::visit([&](auto& alternative) { visit_power(fields, alternative); }, power);
}

}  // namespace fields

Json ContainerConfig::to_json() const {
  fields::Writer writer;
  visit_config(writer, *this);
  return writer.take();
}

Result<ContainerConfig> ContainerConfig::from_json(const Json& json) {
  ContainerConfig config;
  std::string wrong;
  fields::Reader reader(json, "", wrong);
  visit_config(reader, config);
  if (!wrong.empty())
    return fail(ErrorCode::kCorrupt, "read container config: wrong value of " + wrong);
  return config;
}

// Docker run reference, "Restart policies (--restart)".
Result<RestartPolicy> RestartPolicy::parse(std::string_view text) {
  const std::size_t colon = text.find(':');
  const std::string_view word = text.substr(0, colon);
  RestartPolicy policy;
  const auto names = words(policy.kind);
  const auto found = std::find(names.begin(), names.end(), word.empty() ? "no" : word);
  if (found == names.end())
    return fail(ErrorCode::kInvalid,
                "parse restart policy \"" + printable(text) +
                    "\": expected no, on-failure[:N], always or unless-stopped");
  policy.kind = static_cast<Kind>(found - names.begin());
  if (colon == std::string_view::npos) return policy;
  const auto count = parse_int(text.substr(colon + 1));
  if (policy.kind != Kind::kOnFailure)
    return fail(ErrorCode::kInvalid, "parse restart policy \"" + printable(text) +
                                         "\": a maximum retry count goes only with on-failure");
  if (!count || *count < 0 || *count > 1'000'000)
    return fail(ErrorCode::kInvalid, "parse restart policy \"" + printable(text) +
                                         "\": expected a whole number of retries");
  policy.maximum_retries = static_cast<int>(*count);
  return policy;
}

std::string RestartPolicy::str() const {
  std::string text(words(kind).at(static_cast<std::size_t>(kind)));
  if (kind == Kind::kOnFailure && maximum_retries > 0)
    text += ":" + std::to_string(maximum_retries);
  return text;
}

}  // namespace slipway::sandbox
