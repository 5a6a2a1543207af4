// Reading what is known of containers; nothing here asks a monitor.
#include <fcntl.h>

#include <algorithm>

#include "base/files.h"
#include "sandbox/containers/changes.h"
#include "sandbox/containers/dead.h"
#include "sandbox/containers/local_containers.h"
#include "sandbox/containers/log_reader.h"
#include "sandbox/containers/resolve.h"

namespace slipway::sandbox {

ContainerInfo LocalContainers::info_of(Record record, StateRecord state) const {
  ContainerInfo info;
  info.id = std::move(record.id);
  info.name = std::move(record.name);
  info.created = record.created;
  info.config = std::move(record.config);
  info.argv = std::move(record.argv);
  info.env = std::move(record.env);
  info.working_dir = std::move(record.cwd);
  info.user = std::move(record.user);
  info.hostname = std::move(record.hostname);
  info.stop_signal = signal_name(record.stop_signal);
  info.health = std::move(record.health);
  info.state = std::move(state.state);
  info.mounts = std::move(record.mounts);
  info.endpoints = std::move(state.endpoints);
  info.ports = std::move(state.ports);
  info.log_path = layout_.of(info.id) + "/log";
  return info;
}

Result<ContainerInfo> LocalContainers::read_info(const std::string& id) {
  auto directory = open_file(layout_.of(id), O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  if (!directory && directory.error().code() == ErrorCode::kNotFound)
    return fail(ErrorCode::kNotFound, "no such container: " + id);
  const Fd opened = SLIP_TRY(std::move(directory));
  StateRecord state = SLIP_TRY(read_state(opened.get()));
  if (claims_process(state) && !is_held(opened.get())) {
    SLIP_TRY(settle(id));
    state = SLIP_TRY(read_state(opened.get()));
  }
  return info_of(SLIP_TRY(read_record(opened.get())), std::move(state));
}

// One spoilt record, by a power cut as a rule, must not hide all others; it can still be removed by force.
ContainerInfo LocalContainers::unreadable(const std::string& id, const Error& error) const {
  ContainerInfo info;
  info.id = id;
  info.name = short_id(id);
  info.state.status = ContainerStatus::kDead;
  info.state.error = error.text();
  info.log_path = layout_.of(id) + "/log";
  return info;
}

Result<ContainerInfo> LocalContainers::inspect(const std::string& name) {
  return read_info(SLIP_TRY(resolve(name)));
}

Result<std::vector<ContainerInfo>> LocalContainers::list() {
  std::vector<ContainerInfo> all;
  for (const std::string& id : SLIP_TRY(layout_.ids())) {
    auto info = read_info(id);
    if (info)
      all.push_back(*std::move(info));
    else if (info.error().code() != ErrorCode::kNotFound)  // Else it went while we were looking.
      all.push_back(unreadable(id, info.error()));
  }
  std::sort(all.begin(), all.end(),
            [](const auto& a, const auto& b) { return a.created > b.created; });
  return all;
}

Status LocalContainers::logs(const std::string& name, const LogRequest& request,
                             const std::function<Status(const LogRecord&)>& sink,
                             const CancelToken& cancel) {
  const std::string id = SLIP_TRY(resolve(name));
  const Fd directory = SLIP_TRY(open_file(layout_.of(id), O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
  const Record record = SLIP_TRY(read_record(directory.get()));
  if (record.config.log.driver == LogConfig::Driver::kNone)
    return fail(ErrorCode::kUnsupported,
                "read log of container " + short_id(id) + ": its log driver is \"none\"");
  const Fd log = SLIP_TRY(open_at(directory.get(), "log", O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
  const auto ended = [&] {
    const auto state = read_state(directory.get());
    return !state || !claims_process(*state) || !is_held(directory.get());
  };
  return read_log(log.get(), request, sink, cancel, directory.get(), ended);
}

}  // namespace slipway::sandbox
