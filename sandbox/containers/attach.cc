// Streams of containers, and further processes in them.
#include <fcntl.h>
#include <sys/socket.h>

#include "base/files.h"
#include "base/text.h"
#include "sandbox/containers/changes.h"
#include "sandbox/containers/execs.h"
#include "sandbox/containers/local_containers.h"
#include "sandbox/containers/message.h"
#include "sandbox/containers/stats.h"

namespace slipway::sandbox {
namespace {

struct Pair {
  Fd ours, theirs;
};

// A socket pair of our own rather than the connection itself: bytes without packets, and each side can end its half.
Result<Pair> make_stream() {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
    return fail_errno("make stream");
  return Pair{Fd(ends[0]), Fd(ends[1])};
}

}  // namespace

Result<Attachment> LocalContainers::attach(const std::string& name) {
  const std::string id = SLIP_TRY(resolve(name));
  Pair stream = SLIP_TRY(make_stream());
  const Json answer = SLIP_TRY(
      ask(id, Json::object({{"request", "attach"}}), Monitoring::kStartOne, stream.theirs.get()));
  return Attachment{std::move(stream.ours), answer["tty"].bool_or(false)};
}

Status LocalContainers::resize(const std::string& name, Terminal size) {
  const std::string id = SLIP_TRY(resolve(name));
  SLIP_TRY(
      ask(id, Json::object({{"request", "resize"}, {"rows", size.rows}, {"columns", size.columns}}),
          Monitoring::kMustRun));
  return {};
}

Result<std::string> LocalContainers::container_of_exec(const std::string& exec_id) const {
  const auto missing = [&] {
    return fail(ErrorCode::kNotFound, "no such exec: " + printable(exec_id.substr(0, 64)));
  };
  if (!is_container_id(exec_id)) return missing();
  auto id = layout_.resolve(exec_id.substr(0, kExecPrefix));
  if (!id) return missing();
  return id;
}

// Execs live as long as their container's monitor.
Result<Json> LocalContainers::ask_exec(const std::string& exec_id, Json body, int descriptor,
                                       const CancelToken& cancel) {
  const std::string id = SLIP_TRY(container_of_exec(exec_id));
  body.set("id", exec_id);
  return ask(id, body, Monitoring::kMustRun, descriptor, cancel);
}

Result<std::string> LocalContainers::create_exec(const std::string& name,
                                                 const ExecConfig& config) {
  const std::string id = SLIP_TRY(resolve(name));
  const Json body = Json::object({{"request", "exec_create"}, {"config", exec_body(config)}});
  const Json answer = SLIP_TRY(ask(id, body, Monitoring::kMustRun));
  return std::string(answer["id"].string_or(""));
}

Result<Attachment> LocalContainers::start_exec(const std::string& exec_id) {
  Pair stream = SLIP_TRY(make_stream());
  const Json answer =
      SLIP_TRY(ask_exec(exec_id, Json::object({{"request", "exec_start"}}), stream.theirs.get()));
  return Attachment{std::move(stream.ours), answer["tty"].bool_or(false)};
}

Result<ExecState> LocalContainers::inspect_exec(const std::string& exec_id) {
  auto answer = ask_exec(exec_id, Json::object({{"request", "exec_inspect"}}));
  if (!answer) {
    if (auto ended = ended_exec(exec_id)) return *std::move(ended);
  }
  return exec_state_of(SLIP_TRY(std::move(answer)));
}

// Of a container that has ended with its monitor, or a monitor that knows only what came after.
std::optional<ExecState> LocalContainers::ended_exec(const std::string& exec_id) const {
  const auto id = container_of_exec(exec_id);
  if (!id) return std::nullopt;
  const auto directory = open_file(layout_.of(*id), O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  return directory ? read_ended_exec(directory->get(), exec_id) : std::nullopt;
}

Result<int> LocalContainers::wait_exec(const std::string& exec_id, const CancelToken& cancel) {
  auto asked = ask_exec(exec_id, Json::object({{"request", "exec_wait"}}), -1, cancel);
  if (!asked) {
    if (const auto ended = ended_exec(exec_id)) return ended->exit_code;
  }
  const Json answer = SLIP_TRY(std::move(asked));
  return static_cast<int>(answer["exit_code"].int_or(0));
}

Status LocalContainers::resize_exec(const std::string& exec_id, Terminal size) {
  SLIP_TRY(ask_exec(
      exec_id,
      Json::object({{"request", "exec_resize"}, {"rows", size.rows}, {"columns", size.columns}})));
  return {};
}

Result<ContainerStats> LocalContainers::stats(const std::string& name) {
  const std::string id = SLIP_TRY(resolve(name));
  return stats_of(SLIP_TRY(ask(id, Json::object({{"request", "stats"}}), Monitoring::kMustRun)));
}

Result<std::vector<int>> LocalContainers::processes(const std::string& name) {
  const std::string id = SLIP_TRY(resolve(name));
  const Json answer =
      SLIP_TRY(ask(id, Json::object({{"request", "processes"}}), Monitoring::kMustRun));
  std::vector<int> pids;
  for (const Json& pid : answer["pids"].items()) pids.push_back(static_cast<int>(pid.int_or(0)));
  return pids;
}

}  // namespace slipway::sandbox
