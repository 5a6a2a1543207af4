// Opening, asking monitors, and the states of a container.
#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "base/files.h"
#include "base/text.h"
#include "sandbox/containers/changes.h"
#include "sandbox/containers/dead.h"
#include "sandbox/containers/joining.h"
#include "sandbox/containers/local_containers.h"
#include "sandbox/containers/message.h"
#include "sandbox/ids/engine_namespaces.h"

namespace slipway::sandbox {
namespace {

constexpr int kKilled = 137;
constexpr int kTries = 10;  // Each is a monitor that ended just when it was asked.

// The answer; nothing when the monitor ended without one.
Result<std::optional<Json>> exchange(int connection, const Json& body, int descriptor,
                                     const CancelToken& cancel,
                                     const std::function<void()>& begun = {}) {
  if (Status sent = send_message(connection, body, descriptor); !sent) {
    if (sent.error().code() == ErrorCode::kNotFound) return std::optional<Json>();
    return fail(std::move(sent).error());
  }
  std::array<struct pollfd, 2> watched{{{connection, POLLIN, 0}, {cancel.poll_fd(), POLLIN, 0}}};
  for (;;) {
    if (::poll(watched.data(), watched.size(), -1) < 0) {
      if (errno == EINTR) continue;  // revents say nothing then, and reading would block
      return fail_errno("wait for monitor");
    }
    if (watched[0].revents == 0) {
      if (cancel.cancelled()) return fail(ErrorCode::kCancelled, "wait for container: cancelled");
      continue;
    }
    auto received = SLIP_TRY(receive_message(connection));
    if (!received) return std::optional<Json>();
    if (auto error = error_of(received->body)) return fail(*std::move(error));
    if (received->body.find("waiting") == nullptr)
      return std::optional<Json>(std::move(received->body));
    if (begun) begun();
  }
}

Json request(const char* name) { return Json::object({{"request", name}}); }

Json stop_request(const char* name, std::optional<Millis> grace, std::optional<int> signal) {
  Json body = request(name);
  if (signal) body.set("signal", *signal);
  if (grace) body.set("grace_ms", static_cast<std::int64_t>(grace->count()));
  return body;
}

const char* condition_name(WaitCondition condition) {
  if (condition == WaitCondition::kNextExit) return "next-exit";
  return condition == WaitCondition::kRemoved ? "removed" : "not-running";
}

}  // namespace

Status LocalContainers::begin() {
  SLIP_TRY(layout_.make());
  if (options_.monitor_program.empty()) options_.monitor_program = {"/proc/self/exe", "__monitor"};
  sweep(layout_, *options_.store);
  restart_dead();
  return {};
}

void LocalContainers::restart_dead() {
  for (const std::string& id : find_dead(layout_)) (void)settle(id);
}

Result<Claim> LocalContainers::settle(const std::string& id) {
  Claim claim = SLIP_TRY(reach(layout_, id));
  if (claim.connection) return claim;
  switch (SLIP_TRY(bury(layout_, claim, id))) {
    case Burial::kNothing:
    case Burial::kStopped:
      return claim;
    case Burial::kRemoved:
      return fail(ErrorCode::kNotFound, "no such container: " + id);
    case Burial::kRestart:
      break;
  }
  SLIP_TRY(launch_monitor(claim, id));
  const auto started = exchange(claim.connection.get(), request("start"), -1, CancelToken());
  claim.connection.reset();
  if (started) return reach(layout_, id);
  return fail(started.error());
}

Status LocalContainers::launch_monitor(Claim& claim, const std::string& id) {
  reap_children();
  std::vector<std::string> arguments{options_.state_dir, id};
  const auto namespaces = engine_namespaces();
  if (namespaces && !namespaces->privileged) arguments.emplace_back("inherited");
  const int pid = SLIP_TRY(start_monitor(claim, options_.monitor_program, arguments));
  monitors_.with([&](std::vector<int>& pids) { pids.push_back(pid); });
  return {};
}

// Monitors end when their containers do; whoever goes on starting some finds the ended ones here.
void LocalContainers::reap_children() {
  monitors_.with([](std::vector<int>& pids) {
    std::erase_if(pids, [](int pid) { return ::waitpid(pid, nullptr, WNOHANG) != 0; });
  });
}

Result<Fd> LocalContainers::reach_or_start(const std::string& id) {
  Claim claim = SLIP_TRY(settle(id));
  if (!claim.connection) SLIP_TRY(launch_monitor(claim, id));
  return std::move(claim.connection);
}

Result<Json> LocalContainers::ask(const std::string& id, const Json& body, Monitoring monitoring,
                                  int descriptor, const CancelToken& cancel) {
  for (int tries = 0; tries < kTries; ++tries) {
    const Fd connection = monitoring == Monitoring::kStartOne
                              ? SLIP_TRY(reach_or_start(id))
                              : SLIP_TRY(reach_monitor(layout_, id));
    auto answer = SLIP_TRY(exchange(connection.get(), body, descriptor, cancel));
    if (answer) return *std::move(answer);
  }
  return fail(ErrorCode::kUnavailable, "ask monitor of container " + short_id(id) +
                                           ": it ends without an answer (see monitor.crash in " +
                                           layout_.of(id) + ")");
}

Status LocalContainers::start(const std::string& name) {
  const std::string id = SLIP_TRY(resolve(name));
  SLIP_TRY(ask(id, request("start"), Monitoring::kStartOne));
  return {};
}

Status LocalContainers::stop(const std::string& name, std::optional<Millis> grace,
                             std::optional<int> signal) {
  const std::string id = SLIP_TRY(resolve(name));
  for (int tries = 0; tries < kTries; ++tries) {
    Claim claim = SLIP_TRY(settle(id));
    if (claim.connection) {
      const Json body = stop_request("stop", grace, signal);
      if (SLIP_TRY(exchange(claim.connection.get(), body, -1, CancelToken()))) return {};
      continue;
    }
    StateRecord state = SLIP_TRY(read_state(claim.directory.get()));
    state.stopped_by_hand = true;
    return write_state(claim.directory.get(), state);
  }
  return fail(ErrorCode::kUnavailable,
              "stop container " + short_id(id) + ": its monitors keep ending");
}

Status LocalContainers::kill(const std::string& name, int signal) {
  const std::string id = SLIP_TRY(resolve(name));
  Json body = request("kill");
  body.set("signal", signal);
  SLIP_TRY(ask(id, body, Monitoring::kMustRun));
  return {};
}

Status LocalContainers::restart(const std::string& name, std::optional<Millis> grace,
                                std::optional<int> signal) {
  const std::string id = SLIP_TRY(resolve(name));
  SLIP_TRY(ask(id, stop_request("restart", grace, signal), Monitoring::kStartOne));
  return {};
}

Status LocalContainers::pause(const std::string& name) {
  const std::string id = SLIP_TRY(resolve(name));
  SLIP_TRY(ask(id, request("pause"), Monitoring::kMustRun));
  return {};
}

Status LocalContainers::unpause(const std::string& name) {
  const std::string id = SLIP_TRY(resolve(name));
  SLIP_TRY(ask(id, request("unpause"), Monitoring::kMustRun));
  return {};
}

Status LocalContainers::rename(const std::string& name, const std::string& new_name) {
  const std::string id = SLIP_TRY(resolve(name));
  Claim claim = SLIP_TRY(settle(id));
  if (claim.connection) {
    Json body = request("rename");
    body.set("name", new_name);
    SLIP_TRY(ask(id, body, Monitoring::kStartOne));
    return {};
  }
  Record record = SLIP_TRY(read_record(claim.directory.get()));
  const std::string old_name = record.name;
  SLIP_TRY(rename_container(layout_, claim.directory.get(), record, new_name));
  events_.append(container_event(record, "rename", {{"oldName", old_name}}));
  return {};
}

Status LocalContainers::update(const std::string& name, const Limits& limits,
                               const std::optional<RestartPolicy>& restart) {
  const std::string id = SLIP_TRY(resolve(name));
  Json body = limits_body(limits, restart);
  Claim claim = SLIP_TRY(settle(id));
  if (claim.connection) {
    body.set("request", "update");
    SLIP_TRY(ask(id, body, Monitoring::kStartOne));
    return {};
  }
  Record record = SLIP_TRY(read_record(claim.directory.get()));
  SLIP_TRY(change_limits(claim.directory.get(), record, body));
  events_.append(container_event(record, "update"));
  return {};
}

Result<int> LocalContainers::wait(const std::string& name, WaitCondition condition,
                                  const CancelToken& cancel, const std::function<void()>& begun) {
  const std::string id = SLIP_TRY(resolve(name));
  Json body = request("wait");
  body.set("condition", condition_name(condition));
  bool with_monitor = false;
  const auto begin = [&] {
    if (!std::exchange(with_monitor, true) && begun) begun();
  };
  for (;;) {
    auto settled = settle(id);
    // Its monitor was killed, and it was one that is removed at its end.
    if (!settled && settled.error().code() == ErrorCode::kNotFound && with_monitor) return kKilled;
    Claim claim = SLIP_TRY(std::move(settled));
    if (!claim.connection) {
      const bool over = condition == WaitCondition::kNotRunning ||
                        (condition == WaitCondition::kNextExit && with_monitor);
      if (over) {
        const int code = SLIP_TRY(read_state(claim.directory.get())).state.exit_code;
        claim = Claim();
        begin();
        return code;
      }
      SLIP_TRY(launch_monitor(claim, id));
    }
    const auto answer = SLIP_TRY(exchange(claim.connection.get(), body, -1, cancel, begin));
    if (!answer) continue;
    begin();
    return static_cast<int>((*answer)["exit_code"].int_or(0));
  }
}

Status LocalContainers::connect(const std::string& name, const EndpointConfig& endpoint) {
  const std::string id = SLIP_TRY(resolve(name));
  Claim claim = SLIP_TRY(settle(id));
  if (claim.connection) {
    const Json body = Json::object({{"request", "connect"}, {"endpoint", endpoint_body(endpoint)}});
    SLIP_TRY(ask(id, body, Monitoring::kStartOne));
    return {};
  }
  Record record = SLIP_TRY(read_record(claim.directory.get()));
  SLIP_TRY(add_endpoint(record.config, endpoint));
  return write_record(claim.directory.get(), record);
}

Status LocalContainers::disconnect(const std::string& name, const std::string& network,
                                   bool force) {
  const std::string id = SLIP_TRY(resolve(name));
  Claim claim = SLIP_TRY(settle(id));
  if (claim.connection) {
    const Json body =
        Json::object({{"request", "disconnect"}, {"network", network}, {"force", force}});
    SLIP_TRY(ask(id, body, Monitoring::kStartOne));
    return {};
  }
  Record record = SLIP_TRY(read_record(claim.directory.get()));
  SLIP_TRY(remove_endpoint(record.config, network));
  return write_record(claim.directory.get(), record);
}

Result<std::shared_ptr<Containers>> Containers::open(ContainersOptions options) {
  if (!options.store || options.state_dir != options.store->root()) {
    return fail(ErrorCode::kInvalid,
                "open containers: their files must lie in the store's own directory");
  }
  auto made = std::make_shared<LocalContainers>(std::move(options));
  SLIP_TRY(made->begin());
  return std::shared_ptr<Containers>(std::move(made));
}

}  // namespace slipway::sandbox
