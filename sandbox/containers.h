#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/cancel.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/json.h"
#include "base/result.h"
#include "cachestore/store.h"
#include "sandbox/container_config.h"
#include "sandbox/container_state.h"
#include "sandbox/networks.h"
#include "sandbox/volumes.h"

namespace slipway::sandbox {

/// Containers with a life of their own. Each running one belongs to a small monitor process (`runner __monitor`),
/// which holds its pidfd and pipes, writes its log and exit code, restarts it and checks its health, so that neither
/// a daemon nor `runner` is needed for it to go on. Everything is below <state>/containers/<id>/; any process may use
/// this class at the same time as others. `name` parameters take an id, an unambiguous id prefix or a name. All calls
/// block and are thread-safe.

struct ContainersOptions {
  std::string state_dir;
  std::shared_ptr<cachestore::Store> store;
  std::shared_ptr<Networks> networks;
  std::shared_ptr<Volumes> volumes;
  PowerPolicy policy;                        ///< What may be asked for at all.
  std::vector<std::string> monitor_program;  ///< Empty: this executable with "__monitor".
};

struct CreateOptions {
  std::string name;  ///< "": a generated one ("brave_otter").
};
struct RemoveOptions {
  bool force = false;
  bool volumes = false;  ///< Its anonymous ones, too.
};

class Containers {
 public:
  /// Also reaps what is left of containers whose monitor died: processes, mounts, cgroups, networks, ports, names.
  static Result<std::shared_ptr<Containers>> open(ContainersOptions options);
  virtual ~Containers() = default;

  virtual Result<std::string> create(ContainerConfig config,
                                     const CreateOptions& options) = 0;  ///< Its id.
  /// kConflict when it runs already. A command that cannot be run is kInvalid with `state.exit_code` 126 or 127
  /// recorded.
  virtual Status start(const std::string& name) = 0;
  /// No error when stopped already. `signal` is sent instead of the config's, to whatever run is there at that moment.
  virtual Status stop(const std::string& name, std::optional<Millis> grace,
                      std::optional<int> signal = std::nullopt) = 0;
  virtual Status kill(const std::string& name, int signal) = 0;
  virtual Status restart(const std::string& name, std::optional<Millis> grace,
                         std::optional<int> signal = std::nullopt) = 0;
  virtual Status pause(const std::string& name) = 0;
  virtual Status unpause(const std::string& name) = 0;
  virtual Status rename(const std::string& name, const std::string& new_name) = 0;
  virtual Status update(const std::string& name, const Limits& limits,
                        const std::optional<RestartPolicy>& restart) = 0;
  virtual Status remove(const std::string& name, const RemoveOptions& options) = 0;
  /// Blocks; the exit code. `begun` is called once, when the wait is with the monitor: nothing is missed from then on,
  /// so whoever calls start() after it learns the exit code also of a container that ends and is removed at once.
  virtual Result<int> wait(const std::string& name, WaitCondition condition,
                           const CancelToken& cancel, const std::function<void()>& begun = {}) = 0;

  virtual Result<ContainerInfo> inspect(const std::string& name) = 0;
  virtual Result<std::vector<ContainerInfo>> list() = 0;  ///< All, newest first.
  virtual Result<std::string> resolve(
      const std::string& name) = 0;  ///< Full id; kNotFound "no such container: x".

  /// Before start as well: then nothing of the output is missed.
  virtual Result<Attachment> attach(const std::string& name) = 0;
  virtual Status resize(const std::string& name, Terminal size) = 0;
  virtual Status logs(const std::string& name, const LogRequest& request,
                      const std::function<Status(const LogRecord&)>& sink,
                      const CancelToken& cancel) = 0;

  virtual Result<std::string> create_exec(const std::string& name, const ExecConfig& config) = 0;
  virtual Result<Attachment> start_exec(const std::string& exec_id) = 0;
  virtual Result<ExecState> inspect_exec(const std::string& exec_id) = 0;
  virtual Result<int> wait_exec(const std::string& exec_id, const CancelToken& cancel) = 0;
  virtual Status resize_exec(const std::string& exec_id, Terminal size) = 0;

  virtual Result<ContainerStats> stats(const std::string& name) = 0;
  virtual Result<std::vector<int>> processes(
      const std::string& name) = 0;  ///< Host pids, for `top`.

  /// Its merged file system: as seen inside where it runs (with its mounts), else the image with what was changed.
  /// Every path below is opened by openat2 in that root (R18). Owners below the root of a running container show
  /// shifted; see with_root. Do not start the container while a writable root of it is open.
  virtual Result<Fd> open_root(const std::string& name, Access access) = 0;
  /// What `export` packs: the image with what was changed, read-only, without mounts (no /proc, no volumes), whether it
  /// runs or not. Owners are as in the container.
  virtual Result<Fd> open_files(const std::string& name) = 0;
  /// Runs `work` on open_root()'s root where owners look as in the container, and files made belong to its root. That
  /// may be in a forked child: what `work` does to memory is lost, only its Status comes back. The child has no
  /// descriptor but the root, the standard ones and those that `uses` names: a server's must not live on in it.
  virtual Status with_root(const std::string& name, Access access,
                           const std::function<Status(int root)>& work,
                           const std::vector<int>& uses = {}) = 0;
  struct Change {
    enum class Kind { kModified = 0, kAdded = 1, kDeleted = 2 };
    Kind kind = Kind::kModified;
    std::string path;
  };
  virtual Result<std::vector<Change>> diff(const std::string& name) = 0;
  /// The upper's size and the size of everything. Docker: SizeRw, SizeRootFs.
  virtual Result<std::pair<ByteCount, ByteCount>> sizes(const std::string& name) = 0;
  /// A snapshot of its upper as a new image. `changes` are Dockerfile instructions already applied to the config.
  virtual Result<cachestore::Image> commit(const std::string& name,
                                           const cachestore::ImageConfig& config,
                                           const std::string& comment, const std::string& author,
                                           const std::optional<cachestore::Reference>& reference,
                                           bool pause) = 0;

  /// Past ones since a time, then live ones until cancelled.
  virtual Status events(std::optional<WallTime> since, std::optional<WallTime> until,
                        const std::function<Status(const ContainerEvent&)>& sink,
                        const CancelToken& cancel) = 0;
  virtual void publish(ContainerEvent event) = 0;

  virtual Status connect(const std::string& name, const EndpointConfig& endpoint) = 0;
  virtual Status disconnect(const std::string& name, const std::string& network, bool force) = 0;
};

/// The monitor's main function, for the hidden command `runner __monitor`. Returns the process's exit code.
int run_monitor(const std::vector<std::string>& arguments);

}  // namespace slipway::sandbox
