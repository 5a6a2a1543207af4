// What can be asked of a container only while it runs: pausing, counting, its root, further processes.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "base/files.h"
#include "base/text.h"
#include "sandbox/containers/changes.h"
#include "sandbox/containers/monitor.h"
#include "sandbox/containers/stats.h"

namespace slipway::sandbox {
namespace {

std::string pid_namespace_of(const std::string& pid) {
  std::array<char, 64> link{};
  const ssize_t size = ::readlink(("/proc/" + pid + "/ns/pid").c_str(), link.data(), link.size());
  return size > 0 ? std::string(link.data(), static_cast<std::size_t>(size)) : "";
}

// Where no cgroup counts them: all that are in its pid namespace.
std::vector<int> processes_beside(int init) {
  std::vector<int> found;
  const std::string wanted = pid_namespace_of(std::to_string(init));
  const auto directory = open_file("/proc", O_RDONLY | O_DIRECTORY);
  if (!directory || wanted.empty()) return found;
  const auto names = list_dir(directory->get(), "/proc");
  if (!names) return found;
  for (const std::string& name : *names) {
    const auto pid = parse_int(name);
    if (pid && pid_namespace_of(name) == wanted) found.push_back(static_cast<int>(*pid));
  }
  return found;
}

std::string id_of(const Json& body) { return std::string(body["id"].string_or("")); }

}  // namespace

Terminal terminal_of(const Json& body) {
  const auto bounded = [&](const char* name, std::int64_t usual) {
    return static_cast<unsigned short>(
        std::clamp<std::int64_t>(body[name].int_or(usual), 1, 65'535));
  };
  return {bounded("rows", 24), bounded("columns", 80)};
}

Monitor::Answer Monitor::on_pause(Call&) {
  if (!alive()) return fail(not_running());
  SLIP_TRY(container_->pause());
  if (health_) health_->pause();
  state_.state.status = ContainerStatus::kPaused;
  save();
  emit("pause");
  return Json::object();
}

Monitor::Answer Monitor::on_unpause(Call&) {
  if (!alive()) return fail(not_running());
  if (state_.state.status != ContainerStatus::kPaused)
    return fail(ErrorCode::kConflict, "container " + short_id(record_.id) + " is not paused");
  SLIP_TRY(thaw());
  return Json::object();
}

Status Monitor::thaw() {
  if (state_.state.status != ContainerStatus::kPaused) return {};
  SLIP_TRY(container_->resume());
  if (health_) health_->resume();
  state_.state.status = ContainerStatus::kRunning;
  save();
  emit("unpause");
  return {};
}

Result<std::vector<int>> Monitor::running_processes() {
  std::vector<int> found = SLIP_TRY(container_->processes());
  if (found.empty()) found = processes_beside(container_->pid());
  return found;
}

Monitor::Answer Monitor::on_stats(Call&) {
  if (!alive()) return fail(not_running());
  ResourceUsage usage = SLIP_TRY(container_->usage());
  if (!usage.memory || !usage.cpu_total || !usage.pids)
    count_processes(SLIP_TRY(running_processes()), usage);
  return stats_body(measure(usage, container_->pid()));
}

Monitor::Answer Monitor::on_processes(Call&) {
  if (!alive()) return fail(not_running());
  Json pids = Json::array();
  for (const int pid : SLIP_TRY(running_processes())) pids.push(pid);
  return Json::object({{"pids", std::move(pids)}});
}

// The descriptor goes along with the answer.
Monitor::Answer Monitor::on_root(Call& call) {
  if (!alive()) return fail(not_running());
  const Fd root = SLIP_TRY(container_->open_root());
  if (connections_.contains(call.connection))
    SLIP_TRY(send_message(call.connection, Json::object(), root.get()));
  return std::nullopt;
}

Monitor::Answer Monitor::on_exec_create(Call& call) {
  if (!alive()) return fail(not_running());
  if (state_.state.status == ContainerStatus::kPaused)
    return fail(ErrorCode::kConflict, "container " + short_id(record_.id) + " is paused");
  ExecConfig config = SLIP_TRY(exec_config_of(call.message.body["config"]));
  return Json::object({{"id", SLIP_TRY(execs_->create(std::move(config)))}});
}

Monitor::Answer Monitor::on_exec_start(Call& call) {
  if (!alive()) return fail(not_running());
  const std::string id = id_of(call.message.body);
  SLIP_TRY(execs_->start(*container_, id, std::move(call.message.descriptor)));
  return Json::object({{"tty", SLIP_TRY(execs_->is_tty(id))}});
}

Monitor::Answer Monitor::on_exec_inspect(Call& call) {
  return exec_state_body(SLIP_TRY(execs_->inspect(id_of(call.message.body))));
}

Monitor::Answer Monitor::on_exec_wait(Call& call) {
  const auto code = SLIP_TRY(execs_->wait(id_of(call.message.body), call.connection));
  if (!code) return std::nullopt;
  return Json::object({{"exit_code", *code}});
}

Monitor::Answer Monitor::on_exec_resize(Call& call) {
  SLIP_TRY(execs_->resize(id_of(call.message.body), terminal_of(call.message.body)));
  return Json::object();
}

}  // namespace slipway::sandbox
