// Exec: further processes in a container. Docker API v1.47, "Exec".
#include "base/files.h"
#include "base/text.h"
#include "web/docker_api/api.h"
#include "web/docker_api/container_config.h"
#include "web/docker_api/streams.h"

namespace slipway::web::docker_api {
namespace {

// POST /containers/{id}/exec
Status create(Call& call) {
  const Json body = SLIP_TRY(call.body());
  sandbox::ExecConfig config;
  config.argv = strings(body["Cmd"]);
  if (config.argv.empty()) return fail(ErrorCode::kInvalid, "no exec command specified");
  config.env = strings(body["Env"]);
  config.user = body["User"].string_or("");
  config.working_dir = body["WorkingDir"].string_or("");
  config.tty = body["Tty"].bool_or(false);
  config.attach_stdin = body["AttachStdin"].bool_or(false);
  config.attach_output = body["AttachStdout"].bool_or(false) || body["AttachStderr"].bool_or(false);
  config.privileged = body["Privileged"].bool_or(false);
  if (const auto& size = body["ConsoleSize"].items(); size.size() == 2)
    config.size = {static_cast<unsigned short>(size[0].int_or(24)),
                   static_cast<unsigned short>(size[1].int_or(80))};
  const std::string id = SLIP_TRY(call.containers().create_exec(call.name(), config));
  return call.json(201, Json::object({{"Id", id}}));
}

Status tell_in_stream(Call& call, const Error& error) {
  const Hijacked client = SLIP_TRY(call.exchange().hijack(stream_type(call, false)));
  std::string text;
  append_frame(text, sandbox::OutputStream::kStderr, "exec failed: " + error.text() + "\r\n");
  return write_all(client.fd, text, "stream");
}

// POST /exec/{id}/start
Status start(Call& call) {
  const Json body = SLIP_TRY(call.body());
  const bool detach = body["Detach"].bool_or(false);
  auto started = call.containers().start_exec(call.name());
  // A command that cannot be run is told in the stream; clients then ask for the exit code. Source: moby,
  // api/server/router/container/exec.go.
  if (!started && started.error().code() == ErrorCode::kInvalid && !detach)
    return tell_in_stream(call, started.error());
  if (!started) return fail(std::move(started).error());
  sandbox::Attachment attachment = *std::move(started);
  if (detach) return call.exchange().answer(200, "application/json", "");
  SpliceOptions options;
  options.tty = attachment.tty;
  options.detach_keys = body["DetachKeys"].string_or("");
  return splice(call, std::move(attachment), options);
}

// GET /exec/{id}/json
Status inspect(Call& call) {
  const sandbox::ExecState state = SLIP_TRY(call.containers().inspect_exec(call.name()));
  Json json = Json::object({{"ID", state.id},
                            {"Running", state.running},
                            {"ExitCode", Json()},
                            {"Pid", state.pid},
                            {"CanRemove", false},
                            {"DetachKeys", ""}});
  if (!state.running) json.set("ExitCode", state.exit_code);
  return call.json(200, json);
}

// POST /exec/{id}/resize
Status resize(Call& call) {
  const auto rows = SLIP_TRY(call.number("h"));
  const auto columns = SLIP_TRY(call.number("w"));
  if (!rows || !columns || *rows < 0 || *columns < 0 || *rows > 65535 || *columns > 65535)
    return fail(ErrorCode::kInvalid, "resize: h and w must be numbers from 0 to 65535");
  SLIP_TRY(call.containers().resize_exec(
      call.name(), {static_cast<unsigned short>(*rows), static_cast<unsigned short>(*columns)}));
  return call.empty(200);
}

}  // namespace

const std::vector<Route>& exec_routes() {
  static const std::vector<Route> kRoutes{
      {"POST", "/containers/{}/exec", create},
      {"POST", "/exec/{}/start", start},
      {"GET", "/exec/{}/json", inspect},
      {"POST", "/exec/{}/resize", resize},
  };
  return kRoutes;
}

}  // namespace slipway::web::docker_api
