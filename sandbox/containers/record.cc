// config.json and state.json: their members, reading and replacing.
#include "sandbox/containers/record.h"

#include <fcntl.h>

#include "base/files.h"
#include "base/json.h"
#include "sandbox/containers/config_fields.h"
#include "sandbox/containers/layout.h"

namespace slipway::sandbox {

constexpr auto words(ContainerStatus) {
  return std::array<std::string_view, 7>{"created",  "running", "paused", "restarting",
                                         "removing", "exited",  "dead"};
}
constexpr auto words(HealthState::Status) {
  return std::array<std::string_view, 4>{"none", "starting", "healthy", "unhealthy"};
}

template <typename Fields, Like<HealthState::Probe> T>
void list_members(Fields& fields, T& probe) {
  fields.member("start", probe.start);
  fields.member("end", probe.end);
  fields.member("exit_code", probe.exit_code);
  fields.member("output", probe.output);
}

template <typename Fields, Like<HealthState> T>
void list_members(Fields& fields, T& health) {
  fields.member("status", health.status);
  fields.member("failing_streak", health.failing_streak);
  fields.member("log", health.log);
}

template <typename Fields, Like<EndpointInfo> T>
void list_members(Fields& fields, T& endpoint) {
  fields.member("network", endpoint.network);
  fields.member("network_id", endpoint.network_id);
  fields.member("endpoint_id", endpoint.endpoint_id);
  fields.member("interface", endpoint.interface);
  fields.member("mac", endpoint.mac);
  fields.member("ipv4", endpoint.ipv4);
  fields.member("ipv4_prefix", endpoint.ipv4_prefix);
  fields.member("gateway", endpoint.gateway);
  fields.member("ipv6", endpoint.ipv6);
  fields.member("ipv6_prefix", endpoint.ipv6_prefix);
  fields.member("ipv6_gateway", endpoint.ipv6_gateway);
  fields.member("aliases", endpoint.aliases);
}

template <typename Fields, Like<MountInfo> T>
void list_members(Fields& fields, T& mount) {
  fields.member("config", mount.config);
  fields.member("volume", mount.volume);
  fields.member("source", mount.source);
}

namespace {

constexpr ByteCount kLargestRecord =
    8_MiB;  // Command lines have 2 MiB at most, labels as much as people like.

// A config has its own two functions: its members are listed where it is.
void config_member(fields::Writer& fields, const ContainerConfig& config) {
  fields.member("config", config.to_json());
}
void config_member(fields::Reader& fields, ContainerConfig& config) {
  Json json;
  fields.member("config", json);
  auto read = ContainerConfig::from_json(json);
  if (!read) return fields.complain("config (" + read.error().text() + ")");
  config = *std::move(read);
}

template <typename Fields, Like<Record> T>
void visit_record(Fields& fields, T& record) {
  fields.member("id", record.id);
  fields.member("name", record.name);
  fields.member("created", record.created);
  config_member(fields, record.config);
  fields.member("argv", record.argv);
  fields.member("full_env", record.env);
  fields.member("cwd", record.cwd);
  fields.member("run_as", record.user);
  fields.member("hostname", record.hostname);
  fields.member("host_tools", record.host_tools);
  fields.member("snapshots", record.snapshots);
  fields.member("stop_signal", record.stop_signal);
  fields.member("health", record.health);
  fields.member("mounts", record.mounts);
}

template <typename Fields, Like<StateRecord> T>
void visit_state(Fields& fields, T& record) {
  auto& state = record.state;
  fields.member("status", state.status);
  fields.member("pid", state.pid);
  fields.member("exit_code", state.exit_code);
  fields.member("out_of_memory", state.out_of_memory);
  fields.member("error", state.error);
  fields.member("started", state.started);
  fields.member("finished", state.finished);
  fields.member("restart_count", state.restart_count);
  fields.member("health", state.health);
  fields.member("stopped_by_hand", record.stopped_by_hand);
  fields.member("endpoints", record.endpoints);
  fields.member("ports", record.ports);
}

Result<std::string> read_small(int directory, const char* name) {
  const Fd file = SLIP_TRY(open_at(directory, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK));
  return read_fd(file.get(), kLargestRecord, name);
}

template <typename T, typename Visit>
Result<T> decode(std::string_view text, const char* what, Visit visit) {
  const Json json = SLIP_TRY_WITHIN(what, parse_json(text));
  T value;
  std::string wrong;
  fields::Reader reader(json, "", wrong);
  visit(reader, value);
  if (!wrong.empty())
    return fail(ErrorCode::kCorrupt, std::string("read ") + what + ": wrong value of " + wrong);
  return value;
}

}  // namespace

std::string_view status_name(ContainerStatus status) {
  return words(status).at(static_cast<std::size_t>(status));
}

std::string_view health_name(HealthState::Status status) {
  return words(status).at(static_cast<std::size_t>(status));
}

std::string encode_record(const Record& record) {
  fields::Writer writer;
  visit_record(writer, record);
  return writer.take().dump();
}

Result<Record> decode_record(std::string_view text) {
  Record record = SLIP_TRY(decode<Record>(
      text, "container record", [](auto& reader, auto& value) { visit_record(reader, value); }));
  if (!is_container_id(record.id) || (!record.name.empty() && !is_container_name(record.name)))
    return fail(ErrorCode::kCorrupt, "read container record: wrong value of id or name");
  return record;
}

std::string encode_state(const StateRecord& state) {
  fields::Writer writer;
  visit_state(writer, state);
  return writer.take().dump();
}

Result<StateRecord> decode_state(std::string_view text) {
  return decode<StateRecord>(text, "container state",
                             [](auto& reader, auto& value) { visit_state(reader, value); });
}

Result<Record> read_record(int directory) {
  return decode_record(SLIP_TRY(read_small(directory, "config.json")));
}
Result<StateRecord> read_state(int directory) {
  return decode_state(SLIP_TRY(read_small(directory, "state.json")));
}
Status write_record(int directory, const Record& record) {
  return replace_file(directory, "config.json", encode_record(record));
}
Status write_state(int directory, const StateRecord& state) {
  return replace_file(directory, "state.json", encode_state(state));
}

}  // namespace slipway::sandbox
