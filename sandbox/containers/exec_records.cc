// Execs as JSON, and what process they are.
#include <fcntl.h>

#include "base/files.h"
#include "sandbox/containers/config_fields.h"
#include "sandbox/containers/execs.h"
#include "sandbox/containers/home.h"
#include "sandbox/containers/layout.h"

namespace slipway::sandbox {

template <typename Fields, Like<Terminal> T>
void list_members(Fields& fields, T& size) {
  fields.member("rows", size.rows);
  fields.member("columns", size.columns);
}

template <typename Fields, Like<ExecConfig> T>
void list_members(Fields& fields, T& config) {
  fields.member("argv", config.argv);
  fields.member("env", config.env);
  fields.member("user", config.user);
  fields.member("working_dir", config.working_dir);
  fields.member("tty", config.tty);
  fields.member("size", config.size);
  fields.member("attach_stdin", config.attach_stdin);
  fields.member("attach_output", config.attach_output);
  fields.member("privileged", config.privileged);
}

template <typename Fields, Like<ExecState> T>
void list_members(Fields& fields, T& state) {
  fields.member("id", state.id);
  fields.member("running", state.running);
  fields.member("exit_code", state.exit_code);
  fields.member("pid", state.pid);
}

namespace {

constexpr const char* kEndedFile = "execs.json";

}  // namespace

Json exec_body(const ExecConfig& config) { return fields::encode(config); }

Result<ExecConfig> exec_config_of(const Json& body) {
  ExecConfig config;
  std::string wrong;
  fields::Reader reader(body, "", wrong);
  list_members(reader, config);
  if (!wrong.empty()) return fail(ErrorCode::kInvalid, "exec: wrong value of " + wrong);
  return config;
}

Json exec_state_body(const ExecState& state) { return fields::encode(state); }

ExecState exec_state_of(const Json& body) {
  ExecState state;
  std::string wrong;
  fields::Reader reader(body, "", wrong);
  list_members(reader, state);
  return state;
}

void write_ended_execs(int directory, const std::vector<ExecState>& ended) {
  if (!ended.empty()) (void)replace_file(directory, kEndedFile, fields::encode(ended).dump());
}

std::optional<ExecState> read_ended_exec(int directory, const std::string& id) {
  const auto file = open_at(directory, kEndedFile, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  if (!file) return std::nullopt;
  const auto text = read_fd(file->get(), 1_MiB, kEndedFile);
  const auto all = text ? parse_json(*text) : Result<Json>(Json());
  if (!all) return std::nullopt;
  for (const Json& one : all->items()) {
    ExecState state = exec_state_of(one);
    if (state.id == id) return state;
  }
  return std::nullopt;
}

ProcessSpec exec_process(const Record& record, const ExecConfig& config, Container& container) {
  ProcessSpec process;
  process.argv = config.argv;
  process.env = record.env;
  process.cwd = config.working_dir.empty() ? record.cwd : config.working_dir;
  process.user = config.user.empty() ? record.user : config.user;
  if (!config.user.empty() && config.user != record.user && !has_env(record.config.env, "HOME")) {
    if (const auto root = container.open_root())
      set_env(process.env, "HOME=" + home_in(passwd_of(root->get()), config.user));
  }
  if (config.tty && !has_env(process.env, "TERM")) set_env(process.env, "TERM=xterm");
  for (const std::string& entry : config.env) {
    if (entry.find('=') != std::string::npos) set_env(process.env, entry);
  }
  if (config.tty) process.terminal = config.size;
  return process;
}

}  // namespace slipway::sandbox
