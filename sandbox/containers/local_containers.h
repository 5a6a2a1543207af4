#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/guarded.h"
#include "sandbox/containers.h"
#include "sandbox/containers/claim.h"
#include "sandbox/containers/events.h"
#include "sandbox/containers/layout.h"
#include "sandbox/containers/record.h"

namespace slipway::sandbox {

/// The client's half: it writes records while a container has no monitor, and asks the monitor otherwise.
class LocalContainers final : public Containers {
 public:
  explicit LocalContainers(ContainersOptions options)
      : options_(std::move(options)), layout_(options_.state_dir), events_(options_.state_dir) {}
  Status begin();

  // --- making and removing (create.cc) ---
  Result<std::string> create(ContainerConfig config, const CreateOptions& options) override;
  Status remove(const std::string& name, const RemoveOptions& options) override;

  // --- life (life.cc) ---
  Status start(const std::string& name) override;
  Status stop(const std::string& name, std::optional<Millis> grace,
              std::optional<int> signal) override;
  Status kill(const std::string& name, int signal) override;
  Status restart(const std::string& name, std::optional<Millis> grace,
                 std::optional<int> signal) override;
  Status pause(const std::string& name) override;
  Status unpause(const std::string& name) override;
  Status rename(const std::string& name, const std::string& new_name) override;
  Status update(const std::string& name, const Limits& limits,
                const std::optional<RestartPolicy>& restart) override;
  Result<int> wait(const std::string& name, WaitCondition condition, const CancelToken& cancel,
                   const std::function<void()>& begun) override;

  // --- looking (look.cc) ---
  Result<ContainerInfo> inspect(const std::string& name) override;
  Result<std::vector<ContainerInfo>> list() override;
  Result<std::string> resolve(const std::string& name) override { return layout_.resolve(name); }
  Status logs(const std::string& name, const LogRequest& request,
              const std::function<Status(const LogRecord&)>& sink,
              const CancelToken& cancel) override;
  Status events(std::optional<WallTime> since, std::optional<WallTime> until,
                const std::function<Status(const ContainerEvent&)>& sink,
                const CancelToken& cancel) override {
    return events_.follow(since, until, sink, cancel);
  }
  void publish(ContainerEvent event) override { events_.append(event); }

  // --- streams and further processes (attach.cc) ---
  Result<Attachment> attach(const std::string& name) override;
  Status resize(const std::string& name, Terminal size) override;
  Result<std::string> create_exec(const std::string& name, const ExecConfig& config) override;
  Result<Attachment> start_exec(const std::string& exec_id) override;
  Result<ExecState> inspect_exec(const std::string& exec_id) override;
  Result<int> wait_exec(const std::string& exec_id, const CancelToken& cancel) override;
  Status resize_exec(const std::string& exec_id, Terminal size) override;
  Result<ContainerStats> stats(const std::string& name) override;
  Result<std::vector<int>> processes(const std::string& name) override;

  // --- files (files.cc) ---
  Result<Fd> open_root(const std::string& name, Access access) override;
  Result<Fd> open_files(const std::string& name) override;
  Status with_root(const std::string& name, Access access,
                   const std::function<Status(int root)>& work,
                   const std::vector<int>& uses) override;
  Result<std::vector<Change>> diff(const std::string& name) override;
  Result<std::pair<ByteCount, ByteCount>> sizes(const std::string& name) override;
  Result<cachestore::Image> commit(const std::string& name, const cachestore::ImageConfig& config,
                                   const std::string& comment, const std::string& author,
                                   const std::optional<cachestore::Reference>& reference,
                                   bool pause) override;
  Status connect(const std::string& name, const EndpointConfig& endpoint) override;
  Status disconnect(const std::string& name, const std::string& network, bool force) override;

 private:
  enum class Monitoring {
    kMustRun,   ///< Without a monitor: kConflict.
    kStartOne,  ///< For what has to be there before the container runs.
  };
  struct Root {
    Fd directory;
    Fd user_namespace;  ///< Of a running container.
  };
  Result<Root> open_any_root(const std::string& id, Access access);
  /// Sends a request to the container's monitor and awaits its answer, again if the monitor ended meanwhile.
  Result<Json> ask(const std::string& id, const Json& body, Monitoring monitoring,
                   int descriptor = -1, const CancelToken& cancel = CancelToken());
  Result<std::string> container_of_exec(const std::string& exec_id) const;
  std::optional<ExecState> ended_exec(const std::string& exec_id) const;
  Result<Json> ask_exec(const std::string& exec_id, Json body, int descriptor = -1,
                        const CancelToken& cancel = CancelToken());
  Result<Fd> reach_or_start(const std::string& id);
  Status launch_monitor(Claim& claim, const std::string& id);
  /// As reach(); when it has no monitor but died with one, that is recorded first.
  Result<Claim> settle(const std::string& id);
  void restart_dead();
  void reap_children();
  Status make_files(const Record& record);
  Status resolve_joined(ContainerConfig& config) const;
  Status hold_image(const Record& record);
  Status reserve_some_name(Record& record, const std::string& wanted);
  ContainerInfo info_of(Record record, StateRecord state) const;
  ContainerInfo unreadable(const std::string& id, const Error& error) const;
  Result<ContainerInfo> read_info(const std::string& id);

  ContainersOptions options_;
  Layout layout_;
  EventLog events_;
  Guarded<std::vector<int>> monitors_;  ///< Pids of monitors that are our children.
};

}  // namespace slipway::sandbox
